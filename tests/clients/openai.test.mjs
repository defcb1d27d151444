// The official OpenAI client for JavaScript, unmodified.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { DEADLINE, FakeBedrock, exception, model, pod, serve, textFrames, within } from "./harness.mjs";

const HELLO = [{ role: "user", content: "Hello" }];
const FORBIDDEN = [{ role: "user", content: "Tell me about forbidden-word." }];
const GUARDRAIL = { bedrock_guardrail_identifier: "abc123", bedrock_guardrail_version: "DRAFT" };
const KEY = "clients-key-0123456789";
const POD = pod(
  model("nova"),
  model("team/nova", {}, "us.amazon.nova-lite-v1:0"),
  model("traced", { bedrock_trace: "enabled", ...GUARDRAIL }),
);
const AUTH = `runtime:\n  auth:\n    api-key:\n      keys:\n        - ${KEY}\n`;

const running = [];
let client, locked, scripted, fake;

// The gateway has its own retries; those of the client would hide its answers.
const connect = (url, apiKey = "any") =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: DEADLINE });

async function run(starting) {
  const started = await starting;
  running.push(started);
  return started;
}

before(async () => {
  fake = await run(new FakeBedrock().listen());
  const keys = { aws_access_key_id: "AKIAFAKE000000000000", aws_secret_access_key: "fake-secret-access-key" };
  const upstream = { aws_endpoint_url: fake.url, max_attempts: 1, ...keys };
  client = connect((await run(serve(POD, "--emulator"))).url);
  locked = (await run(serve(pod(model("nova")) + AUTH, "--emulator"))).url;
  scripted = connect((await run(serve(pod(model("nova", upstream))))).url);
});

after(async () => {
  const stopped = await Promise.allSettled(running.reverse().map((each) => each.stop()));
  assert.deepEqual(stopped.filter(({ status }) => status === "rejected"), []);
});

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks) => chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join("");
const finishOf = (chunks) => chunks.flatMap(({ choices }) => choices.map((c) => c.finish_reason).filter(Boolean));

/** Returns the error of a call, which must be of exactly that class. */
async function refused(Kind, status, call) {
  let found;
  await assert.rejects(call, (error) => {
    found = error;
    return true;
  });
  assert.equal(found.constructor, Kind, String(found));
  assert.equal(found.status, status);
  return found;
}

test("models are listed and retrieved", async () => {
  const found = await collect(await client.models.list());
  assert.deepEqual(found.map(({ id }) => id), ["nova", "team/nova", "traced"]);
  for (const name of ["nova", "team/nova"]) {
    const one = await client.models.retrieve(name);
    assert.deepEqual([one.id, one.object, one.owned_by], [name, "model", "bedrock"]);
  }
  const error = await refused(OpenAI.NotFoundError, 404, client.models.retrieve("no/such"));
  assert.equal(error.code, "model_not_found");
});

test("a completion and its stream agree", async () => {
  const whole = await client.chat.completions.create({ model: "team/nova", messages: HELLO });
  assert.equal(whole.object, "chat.completion");
  assert.equal(whole.model, "team/nova");
  assert.equal(whole.choices[0].finish_reason, "stop");
  assert.ok(whole.choices[0].message.content);
  assert.ok(whole.usage.total_tokens > 0);
  assert.ok(whole._request_id);
  const chunks = await collect(
    await client.chat.completions.create({ model: "team/nova", messages: HELLO, stream: true }),
  );
  assert.equal(textOf(chunks), whole.choices[0].message.content);
  assert.deepEqual(finishOf(chunks), ["stop"]);
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !("usage" in chunk)));
});

test("usage comes once, if asked for", async () => {
  const whole = await client.chat.completions.create({ model: "nova", messages: HELLO });
  const body = { model: "nova", messages: HELLO, stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(await client.chat.completions.create(body));
  const counted = chunks.filter(({ usage }) => usage);
  assert.equal(counted.length, 1);
  assert.equal(counted[0], chunks.at(-1));
  assert.deepEqual(counted[0].choices, []);
  assert.deepEqual(counted[0].usage, whole.usage);
});

test("the stream helper", async () => {
  const whole = await client.chat.completions.create({ model: "nova", messages: HELLO });
  const stream = client.chat.completions.stream({
    model: "nova",
    messages: HELLO,
    stream_options: { include_usage: true },
  });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  assert.equal(await within(stream.finalContent(), "the whole content"), whole.choices[0].message.content);
  assert.equal(text, whole.choices[0].message.content);
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, "stop");
  // The helper adds up the three counts alone.
  const { prompt_tokens_details, ...counts } = whole.usage;
  assert.deepEqual(await stream.totalUsage(), counts);
});

test("the stream helper with a guardrail's trace", async () => {
  const stream = client.chat.completions.stream({ model: "traced", messages: FORBIDDEN });
  const traces = [];
  stream.on("chunk", ({ bedrock }) => bedrock && traces.push(bedrock.trace));
  const final = await within(stream.finalChatCompletion(), "the whole completion");
  assert.equal(final.choices[0].finish_reason, "content_filter");
  assert.equal(traces.length, 1);
  assert.match(JSON.stringify(traces[0]), /forbidden-word/);
  const whole = await client.chat.completions.create({ model: "traced", messages: FORBIDDEN });
  assert.equal(whole.choices[0].finish_reason, "content_filter");
  assert.ok(whole.bedrock.trace);
});

test("bad requests", async () => {
  const create = (body) => client.chat.completions.create({ model: "nova", messages: HELLO, ...body });
  const empty = await refused(OpenAI.BadRequestError, 400, create({ messages: [] }));
  assert.deepEqual([empty.code, empty.param, empty.type], ["empty_array", "messages", "invalid_request_error"]);
  const several = await refused(OpenAI.BadRequestError, 400, create({ n: 2, stream: true }));
  assert.deepEqual([several.code, several.param], ["unsupported_parameter", "n"]);
  const unknown = await refused(OpenAI.NotFoundError, 404, create({ model: "no/such" }));
  assert.equal(unknown.code, "model_not_found");
  assert.ok(unknown.requestID);
});

test("keys", async () => {
  const stranger = connect(locked, "wrong");
  const call = stranger.chat.completions.create({ model: "nova", messages: HELLO });
  assert.equal((await refused(OpenAI.AuthenticationError, 401, call)).code, "invalid_api_key");
  const reply = await connect(locked, KEY).chat.completions.create({ model: "nova", messages: HELLO });
  assert.ok(reply.choices.length);
});

for (const [status, kind, Kind, seen, code] of [
  [429, "ThrottlingException", OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
  [503, "ServiceUnavailableException", OpenAI.InternalServerError, 503, "server_is_overloaded"],
  [500, "InternalServerException", OpenAI.InternalServerError, 502, "upstream_error"],
  [400, "ValidationException", OpenAI.BadRequestError, 400, "invalid_request"],
]) {
  test(`Bedrock's ${kind}`, async () => {
    fake.reply = { status, kind };
    for (const stream of [false, true]) {
      const call = scripted.chat.completions.create({ model: "nova", messages: HELLO, stream });
      assert.equal((await refused(Kind, seen, call)).code, code);
    }
  });
}

test("an exception in the middle of a stream", async () => {
  fake.reply = { frames: [...textFrames("partial ", "answer"), exception("modelStreamErrorException", "scripted")] };
  const stream = await scripted.chat.completions.create({ model: "nova", messages: HELLO, stream: true });
  const chunks = [];
  await assert.rejects(
    async () => {
      for await (const chunk of stream) chunks.push(chunk);
    },
    (error) => error instanceof OpenAI.APIError && error.code === "model_stream_error",
  );
  assert.equal(textOf(chunks), "partial answer");
  assert.deepEqual(finishOf(chunks), []);
});

test("an abort hangs up on Bedrock", async () => {
  fake.reply = { frames: textFrames("partial"), hold: true };
  const stream = await scripted.chat.completions.create({ model: "nova", messages: HELLO, stream: true });
  const chunks = [];
  // An abort of the caller's own ends the loop without an error.
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (textOf(chunks) === "partial") stream.controller.abort();
  }
  await within(fake.hungUp, "the end of the upstream connection");
});
