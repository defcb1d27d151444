// The AI SDK, with its own provider for servers that are like OpenAI.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, Output, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

import { DEADLINE, model, pod, serve } from "./harness.mjs";

// It would warn on the console of every setting that a model does not take.
globalThis.AI_SDK_LOG_WARNINGS = false;

const IDS = {
  nova: "us.amazon.nova-lite-v1:0",
  claude: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  llama: "us.meta.llama4-maverick-17b-instruct-v1:0",
};
// Llama cannot be made to call a tool, and has no other form of structured output.
const FORCED = ["nova", "claude"];
const MODELS = Object.keys(IDS);
const WEATHER = "What is the weather in Paris and London?";
const ADA = { name: "Ada", age: 36 };
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);

const person = z.object({ name: z.string(), age: z.number().int() });
const getWeather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

let server;
before(async () => {
  server = await serve(pod(...MODELS.map((name) => model(name, {}, IDS[name]))), "--emulator");
});
after(() => server.stop());

/** The settings of a call; retries would hide an answer that fails at first. */
function using(name, settings = {}) {
  const provider = createOpenAICompatible({
    name: "spicerack",
    baseURL: `${server.url}/v1`,
    apiKey: "any",
    includeUsage: true,
    supportsStructuredOutputs: true,
    ...settings,
  });
  return { model: provider(name), maxRetries: 0, abortSignal: AbortSignal.timeout(DEADLINE) };
}

/** Collects a stream; errors come as parts of it. */
async function collect(stream) {
  const parts = [];
  for await (const part of stream) {
    if (part.type === "error") throw part.error;
    parts.push(part);
  }
  return parts;
}

function checkWeather(steps, text) {
  assert.equal(steps.length, 2);
  assert.deepEqual(steps[0].toolCalls.map((call) => call.input), [{ city: "Paris" }, { city: "London" }]);
  assert.equal(new Set(steps[0].toolCalls.map((call) => call.toolCallId)).size, 2);
  assert.equal(steps[0].finishReason, "tool-calls");
  assert.equal(steps[1].finishReason, "stop");
  assert.match(text, /sunny in Paris/);
  assert.match(text, /sunny in London/);
}

for (const name of MODELS) {
  test(`${name}: text`, async () => {
    const { text, usage, finishReason } = await generateText({
      ...using(name),
      system: "Be brief.",
      prompt: "say hello there",
    });
    assert.equal(text, "hello there");
    assert.equal(finishReason, "stop");
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  test(`${name}: text in a stream`, async () => {
    const result = streamText({ ...using(name), prompt: "repeat 50 word", onError() {} });
    const parts = await collect(result.fullStream);
    const deltas = parts.filter((part) => part.type === "text-delta");
    assert.ok(deltas.length > 1);
    assert.equal(deltas.map((part) => part.text).join(""), Array(50).fill("word").join(" "));
    const usage = await result.usage;
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  test(`${name}: tools in several steps`, async () => {
    const { steps, text } = await generateText({
      ...using(name),
      tools: { getWeather },
      stopWhen: stepCountIs(5),
      prompt: WEATHER,
    });
    checkWeather(steps, text);
  });

  test(`${name}: tools in several steps of a stream`, async () => {
    const result = streamText({
      ...using(name),
      tools: { getWeather },
      stopWhen: stepCountIs(5),
      prompt: WEATHER,
      onError() {},
    });
    const kinds = (await collect(result.fullStream)).map((part) => part.type);
    for (const kind of ["tool-input-start", "tool-input-delta", "tool-call", "tool-result", "text-delta"]) {
      assert.ok(kinds.includes(kind), kind);
    }
    checkWeather(await result.steps, await result.text);
  });

  test(`${name}: a tool that throws is told to the model`, async () => {
    const failing = tool({
      description: "The weather in a city.",
      inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
      execute: async () => {
        throw new Error("no such place");
      },
    });
    const { text } = await generateText({
      ...using(name),
      tools: { getWeather: failing },
      stopWhen: stepCountIs(5),
      prompt: "What is the weather in Paris?",
    });
    assert.match(text, /no such place/);
  });

  test(`${name}: a picture`, async () => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", image: PIXEL, mediaType: "image/png" },
    ];
    const { text } = await generateText({ ...using(name), messages: [{ role: "user", content }] });
    assert.match(text, /png image/);
  });
}

for (const name of FORCED) {
  for (const toolChoice of ["required", { type: "tool", toolName: "getWeather" }]) {
    test(`${name}: a call is forced by ${JSON.stringify(toolChoice)}`, async () => {
      const { toolCalls } = await generateText({
        ...using(name),
        tools: { getWeather },
        toolChoice,
        prompt: "Hello!",
      });
      assert.equal(toolCalls[0].toolName, "getWeather");
    });
  }

  test(`${name}: an object`, async () => {
    const { object, finishReason } = await generateObject({ ...using(name), schema: person, prompt: "Ada is 36." });
    assert.deepEqual(object, ADA);
    assert.equal(finishReason, "stop");
  });

  test(`${name}: an object in a stream`, async () => {
    const result = streamObject({ ...using(name), schema: person, prompt: "Ada is 36.", onError() {} });
    const partial = await collect(result.partialObjectStream);
    assert.deepEqual(partial.at(-1), ADA);
    assert.deepEqual(await result.object, ADA);
  });

  test(`${name}: a list of objects`, async () => {
    const { object } = await generateObject({
      ...using(name),
      output: "array",
      schema: person,
      prompt: "Ada is 36.",
    });
    assert.deepEqual(object[0], ADA);
  });

  test(`${name}: an object of which only the instruction knows the schema`, async () => {
    const { object } = await generateObject({
      ...using(name, { supportsStructuredOutputs: false }),
      schema: z.object({ name: z.string(), age: z.string() }),
      prompt: "Make a person. The keys are `name` and `age`.",
    });
    assert.deepEqual(Object.keys(object).sort(), ["age", "name"]);
  });

  test(`${name}: an object after tools`, async () => {
    const { output, steps } = await generateText({
      ...using(name),
      tools: { getWeather },
      stopWhen: stepCountIs(5),
      output: Output.object({ schema: z.object({ city: z.string() }) }),
      prompt: "What is the weather in Paris?",
    });
    assert.deepEqual(output, { city: "Paris" });
    assert.equal(steps[0].toolCalls.length, 1);
  });
}

test("claude: reasoning comes back, and a tool loop goes on with it", async () => {
  const result = streamText({
    ...using("claude"),
    providerOptions: { spicerack: { reasoningEffort: "low" } },
    tools: { getWeather },
    stopWhen: stepCountIs(5),
    prompt: "What is the weather in Paris?",
    onError() {},
  });
  const parts = await collect(result.fullStream);
  assert.ok(parts.some((part) => part.type === "reasoning-delta" && part.text));
  assert.match(await result.text, /sunny in Paris/);
});
