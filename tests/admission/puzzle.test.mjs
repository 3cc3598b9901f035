/* The browser's solver against challenges that the door minted. Run by node; `VECTORS` is a JSON file
   {challenges, hard, hashes}, `ANSWERS` where the answers go. Node has no Worker of the web's kind: below is
   one on its own threads, with what the web's gives. */

import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { Worker as Thread } from "node:worker_threads";
import { answer, sha256 } from "../../src/hiwar/assets/static/listen/puzzle-worker.js";
import { solve } from "../../src/hiwar/assets/static/listen/puzzle.js";

const vectors = JSON.parse(readFileSync(process.env.VECTORS, "utf-8"));
const ignore = () => {};
const alive = new Set();

const AS_ON_THE_WEB = `
  import { parentPort, workerData } from "node:worker_threads";
  globalThis.WorkerGlobalScope = Object;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  await import(workerData);
  parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

globalThis.Worker = class {
  onmessage = null; onerror = null; #thread;

  constructor(url, { type }) {
    assert.equal(type, "module");
    const source = new URL(`data:text/javascript,${encodeURIComponent(AS_ON_THE_WEB)}`);
    this.#thread = new Thread(source, { workerData: globalThis.workerAddress ?? url.href });
    this.#thread.on("message", (data) => this.onmessage?.({ data }));
    this.#thread.on("error", (error) => this.onerror?.(error));
    this.#thread.on("exit", () => alive.delete(this));
    alive.add(this);
  }

  postMessage(data) { this.#thread.postMessage(data); }
  terminate() { this.#thread.terminate(); }
};

const hex = (words) => Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");

test("the hash is SHA-256, at every length that fits a block", () => {
  for (const [text, digest] of Object.entries(vectors.hashes)) assert.equal(hex(sha256(text)), digest, text);
  assert.throws(() => sha256("a".repeat(56)), RangeError);
});

test("every challenge of the door is answered", () => {
  const answers = vectors.challenges.map((challenge) => answer(challenge, ignore));
  writeFileSync(process.env.ANSWERS, JSON.stringify(answers));
});

test("a worker gives the same answer as its solver", async () => {
  for (const challenge of vectors.challenges.slice(0, 2)) assert.equal(await solve(challenge), answer(challenge, ignore));
});

test("progress is told about ten times a second, and the page lives meanwhile", async () => {
  for (const challenge of vectors.hard) {
    const told = [], begun = performance.now();
    let ticks = 0;
    const timer = setInterval(() => { ticks += 1; }, 5);
    await solve(challenge, { onProgress: (share) => told.push(share) });
    clearInterval(timer);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(told.length <= seconds * 10 + 1, `${told.length} in ${seconds} s`);
    assert.deepEqual(told, [...told].sort((a, b) => a - b));
    assert.ok(told.every((share) => 0 <= share && share <= 1));
    if (challenge.startsWith("timelock")) assert.ok(told.length >= 1 && ticks >= 5, `${told.length} told, ${ticks} ticks in ${seconds} s`);
  }
});

test("an aborted puzzle ends at once, with the reason, and its worker with it", async () => {
  const abort = new AbortController();
  const endless = vectors.hard[0].replace(/^(timelock\.\d+)\.\d+/, "$1.1048576");
  const reason = new Error("the visitor left");
  const solving = solve(endless, { signal: abort.signal, onProgress: () => abort.abort(reason) });
  await assert.rejects(solving, reason);
  while (alive.size) await new Promise((resume) => setTimeout(resume, 5));
});

test("a puzzle that is aborted before it begins starts no worker", async () => {
  await assert.rejects(solve(vectors.challenges[0], { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.equal(alive.size, 0);
});

test("what is no challenge is refused by the worker and rejects", async () => {
  const [good] = vectors.challenges, beyond = good.replace(/^(timelock\.\d+)\.\d+/, "$1.1048577");
  const bits = "hashcash.1.1." + "0".repeat(24) + "." + "0".repeat(32) + ".15";
  const wrong = ["", "timelock", `${good}\n`, good.toUpperCase(), beyond, good.replace("timelock", "constructor"), good.replace(/^(timelock\.\d+)\.\d+/, "$1.٤٠"), bits];
  for (const text of wrong) assert.throws(() => answer(text, ignore), RangeError, text.slice(0, 60));
  await assert.rejects(solve("nonsense"), RangeError);
});

test("a worker that cannot be loaded rejects", async () => {
  globalThis.workerAddress = "data:text/javascript,throw new Error('blocked')";
  await assert.rejects(solve(vectors.challenges[0]), /blocked/);
  delete globalThis.workerAddress;
});
