/* The long response: which address is opened when, what is told of its end. Media Source is a stub. */

import assert from "node:assert/strict";
import { test, mock } from "node:test";

class FakeBuffer extends EventTarget { updating = false; buffered = { length: 0 }; appendBuffer() { this.dispatchEvent(new Event("updateend")); } }
globalThis.MediaSource = class extends EventTarget {
  readyState = "open";
  constructor() { super(); queueMicrotask(() => this.dispatchEvent(new Event("sourceopen"))); }
  static isTypeSupported() { return true; }
  addSourceBuffer() { return new FakeBuffer(); }
};
mock.method(URL, "createObjectURL", () => "blob:x");
mock.method(URL, "revokeObjectURL", () => {});
const { LiveSource } = await import("../../src/hiwar/assets/static/listen/live-source.js");

class FakeAudio extends EventTarget { paused = false; currentTime = 0; seeking = false; src = ""; playbackRate = 1; readyState = 0; }

async function settle() { for (let i = 0; i < 30; i++) await Promise.resolve(); await new Promise((resume) => setImmediate(resume)); }

/* A source to which the door gives `answers` in turn; `endings` are what its address was asked with. */
async function listening(t, answers, address = null) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => { source.stop(); mock.timers.reset(); });
  const opened = [], heard = [], endings = [];
  t.mock.method(globalThis, "fetch", (url) => { opened.push(url); return answers.length ? answers.shift()() : new Promise(() => {}); });
  const next = async (ending) => { endings.push(ending); return `/live.mp4?t=${endings.length}`; };
  const source = new LiveSource(new FakeAudio(), address ?? next, 0.32);
  for (const type of ["refused", "opened"]) source.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  source.start();
  await settle();
  return { source, opened, heard, endings, next: async () => { mock.timers.tick(20000); await settle(); } };
}

const ended = async () => new Response(new Uint8Array(0), { status: 200 });
const broken = async () => { throw new TypeError("no network"); };
const refused = (status, body, headers = {}) => async () => new Response(body, { status, headers });

test("an address is asked for before each connection, and told how the one before ended", async (t) => {
  const reason = JSON.stringify({ reason: "taken-back" });
  const { source, opened, endings, heard, next } = await listening(t, [ended, broken, refused(503, reason, { "Retry-After": "30" }), refused(409, "{}", { "Retry-After": "2" })]);
  for (let round = 0; round < 4; round++) await next();
  assert.deepEqual(opened, [1, 2, 3, 4, 5].map((number) => `/live.mp4?t=${number}`));
  assert.deepEqual(endings, [
    null, { how: "ended", retryAfter: 0 }, { how: "broke" },
    { how: "refused", status: 503, reason: "taken-back", retryAfter: 0 }, // the seat is asked for, and says when
    { how: "refused", status: 409, reason: "", retryAfter: 2 },
  ]);
  assert.deepEqual(heard, [["opened", null], ["refused", 503], ["refused", 409]]);
  assert.equal(source.reconnects, 4);
});

test("a refusal that is no JSON is not about seats", async (t) => {
  const { endings, next } = await listening(t, [refused(503, "<h1>busy</h1>")]);
  await next();
  assert.deepEqual(endings[1], { how: "refused", status: 503, reason: "", retryAfter: 0 });
});

test("nothing is opened while there is no seat, nor after it was given up", async (t) => {
  let resume;
  const { source, opened } = await listening(t, [], () => new Promise((resolve) => { resume = resolve; }));
  mock.timers.tick(60000);
  assert.deepEqual([opened, source.state, source.reconnects], [[], "connecting", -1]);
  resume(null);
  await settle();
  assert.deepEqual(opened, []);
});

test("a seat that comes after the stop opens nothing", async (t) => {
  let resume;
  const { source, opened } = await listening(t, [], () => new Promise((resolve) => { resume = resolve; }));
  source.stop();
  resume("/live.mp4?t=1");
  await settle();
  assert.deepEqual(opened, []);
});
