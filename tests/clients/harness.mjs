// Starts the binary as a user would, and a Bedrock that answers as a test tells it to.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";

export const DEADLINE = 30_000;

const home = mkdtempSync(join(tmpdir(), "spicerack-clients-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

// The clients read these too, so this process itself must be rid of them.
for (const name of Object.keys(process.env)) {
  if (/^(AWS_|OPENAI_|SPICERACK_LOG)|_proxy$/i.test(name)) delete process.env[name];
}
process.env.HOME = home;
process.env.AWS_EC2_METADATA_DISABLED = "true";

const binary = process.env.SPICERACK_BIN;
assert.ok(binary, "SPICERACK_BIN must name the binary; tests/clients/run sets it");

/** Rejects where a promise takes too long. */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${DEADLINE} ms`)), DEADLINE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts spicerack and waits until it listens. */
export async function start(...args) {
  const child = spawn(binary, args, { cwd: home, env: process.env, stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  const exited = once(child, "exit");
  const exports = {};
  let exportsSeen;
  const printed = new Promise((resolve) => (exportsSeen = resolve));
  const listening = new Promise((resolve, reject) => {
    exited.then(([code]) => reject(new Error(`exit code ${code}: ${output.join("\n")}`)), reject);
    for (const [name, stream] of [["stdout", child.stdout], ["stderr", child.stderr]]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        const set = /^\s*export (\w+)=(\S+)$/.exec(line);
        if (set) exports[set[1]] = set[2];
        if (exports.AWS_SECRET_ACCESS_KEY) exportsSeen();
        // Not a terminal, so every line of the log is JSON.
        const message = name === "stderr" && line.startsWith("{") ? JSON.parse(line).message : "";
        const found = /listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(message);
        if (found) resolve(found[1]);
      });
    }
  });
  // A start that fails shows in `listening`; nobody else may be left with the rejection.
  listening.catch(() => {});
  const url = await within(listening, "listening").catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  return {
    url,
    async exports() {
      await within(printed, "the printed keys");
      return exports;
    },
    async stop() {
      child.kill("SIGTERM");
      const [code] = await within(exited, "the end after SIGTERM").catch((error) => {
        child.kill("SIGKILL");
        throw error;
      });
      assert.equal(code, 0, output.join("\n"));
    },
  };
}

/** Serves a manifest. */
export function serve(pod, ...args) {
  const path = join(mkdtempSync(join(home, "pod-")), "spicepod.yaml");
  writeFileSync(path, pod);
  return start(...args, "--http", "127.0.0.1:0", path);
}

export function model(name, params = {}, from = "amazon.nova-lite-v1:0") {
  const all = Object.entries({ aws_region: "us-east-1", ...params });
  const lines = all.map(([key, value]) => `      ${key}: ${value}\n`);
  return `  - from: bedrock:${from}\n    name: ${name}\n    params:\n${lines.join("")}`;
}

export function pod(...models) {
  return `version: v1\nkind: Spicepod\nname: clients\nmodels:\n${models.join("")}`;
}

function frame(headers, payload) {
  const parts = Object.entries(headers).map(([name, value]) => {
    const length = Buffer.alloc(3);
    length.writeUInt8(7, 0);
    length.writeUInt16BE(value.length, 1);
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
  });
  const head = Buffer.concat(parts);
  const body = Buffer.from(JSON.stringify(payload));
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(16 + head.length + body.length, 0);
  prelude.writeUInt32BE(head.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const message = Buffer.concat([prelude, head, body]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, sum]);
}

const JSON_TYPE = { ":content-type": "application/json" };

export function event(kind, payload) {
  return frame({ ":event-type": kind, ...JSON_TYPE, ":message-type": "event" }, payload);
}

export function exception(kind, message) {
  return frame({ ":exception-type": kind, ...JSON_TYPE, ":message-type": "exception" }, { message });
}

/** The frames of an answer that has begun and not ended. */
export function textFrames(...pieces) {
  const deltas = pieces.map((text) => event("contentBlockDelta", { contentBlockIndex: 0, delta: { text } }));
  return [event("messageStart", { role: "assistant" }), ...deltas];
}

/** Answers every POST as `reply` says: `{status, kind}`, or `{frames, hold}`. */
export class FakeBedrock {
  reply = null;

  async listen() {
    this.hungUp = new Promise((resolve) => (this.hangUp = resolve));
    this.server = http.createServer((request, response) => {
      request.resume().on("end", () => this.answer(response));
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  answer(response) {
    const { status, kind, frames, hold } = this.reply;
    if (status) {
      response.writeHead(status, { "content-type": "application/json", "x-amzn-ErrorType": kind });
      response.end(JSON.stringify({ message: "scripted" }));
      return;
    }
    response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
    for (const data of frames) response.write(data);
    if (hold) response.on("close", () => this.hangUp());
    else response.end();
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
