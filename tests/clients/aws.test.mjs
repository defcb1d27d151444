// AWS's SDK for JavaScript, unmodified, against `spicerack emulator`. By default it speaks HTTP/2 with prior knowledge.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { start } from "./harness.mjs";

const MODEL = "us.amazon.nova-lite-v1:0";
const ARN = `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${MODEL}`;
const messages = [{ role: "user", content: [{ text: "Hello" }] }];

let emulator, keys;
const clients = [];

before(async () => {
  emulator = await start("emulator", "--http", "127.0.0.1:0");
  keys = await emulator.exports();
});

after(async () => {
  for (const client of clients) client.destroy();
  await emulator.stop();
});

function connect(secretAccessKey) {
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: emulator.url,
    credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey },
    maxAttempts: 1,
  });
  clients.push(client);
  return client;
}

for (const modelId of [MODEL, ARN]) {
  test(`both operations give the same answer for ${modelId}`, async () => {
    const client = connect(keys.AWS_SECRET_ACCESS_KEY);
    const whole = await client.send(new ConverseCommand({ modelId, messages }));
    assert.equal(whole.stopReason, "end_turn");
    assert.ok(whole.usage.totalTokens > 0);
    const { stream } = await client.send(new ConverseStreamCommand({ modelId, messages }));
    const events = [];
    for await (const event of stream) events.push(event);
    const text = events.map((event) => event.contentBlockDelta?.delta.text ?? "").join("");
    assert.equal(text, whole.output.message.content[0].text);
    assert.ok(text);
    assert.equal(events.find((event) => event.messageStop).messageStop.stopReason, "end_turn");
    assert.deepEqual(events.at(-1).metadata.usage, whole.usage);
  });
}

test("many requests share a connection", async () => {
  const client = connect(keys.AWS_SECRET_ACCESS_KEY);
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => client.send(new ConverseCommand({ modelId: MODEL, messages }))),
  );
  assert.equal(new Set(replies.map((reply) => reply.output.message.content[0].text)).size, 1);
});

test("a wrong secret is refused", async () => {
  const client = connect("wrong");
  for (const Command of [ConverseCommand, ConverseStreamCommand]) {
    await assert.rejects(client.send(new Command({ modelId: MODEL, messages })), (error) => {
      assert.equal(error.name, "InvalidSignatureException");
      assert.equal(error.$metadata.httpStatusCode, 403);
      return true;
    });
  }
});

test("an unknown model is refused", async () => {
  const client = connect(keys.AWS_SECRET_ACCESS_KEY);
  await assert.rejects(client.send(new ConverseCommand({ modelId: "acme.model-1", messages })), {
    name: "ValidationException",
  });
});
