/* Asking for a seat with a door that is made here: what goes out, what is kept on the device. Run by node. */

import test from "node:test";
import assert from "node:assert/strict";

const channels = new Set();
globalThis.BroadcastChannel = class extends EventTarget {
  constructor() { super(); channels.add(this); }
  postMessage(data) { for (const other of channels) if (other !== this) other.dispatchEvent(new MessageEvent("message", { data })); }
};
const { Asking } = await import("../../src/hiwar/assets/static/listen/asking.js");
const { seatOf } = await import("../../src/hiwar/assets/static/listen/tabs.js");

const token = (serial, kind = "ticket") => `${Buffer.from(JSON.stringify([kind, "abcdef1", serial, "3", 0])).toString("base64url")}.mac`;
const admit = (serial = "s1") => [200, { verdict: "admit", ticket: token(serial) }];
const wait = (serial = "s1") => [202, { verdict: "wait", waiting: token(serial, "waiting"), people: 2, ask_again_s: 4, claim: `claim-${serial}` }];

class Storage { #kept = new Map(); getItem(key) { return this.#kept.get(key) ?? null; } setItem(key, value) { this.#kept.set(key, String(value)); } }
async function settle() { for (let i = 0; i < 20; i++) await Promise.resolve(); }

/* A tab: `answers` are given in turn, the last one for ever. */
function tab(t, answers, { session = new Storage(), local = new Storage(), data = {}, ...ports } = {}) {
  t.after(() => channels.clear());
  const sent = [], alarms = [];
  const fetch = async (address, { body }) => {
    sent.push([address, JSON.parse(body)]);
    const [status, content, headers = {}] = answers.length > 1 ? answers.shift() : answers[0];
    if (!status) throw new TypeError("nobody answers");
    return { status, headers: new Headers(headers), json: async () => { if (content === null) throw new SyntaxError("no JSON"); return content; } };
  };
  const alarm = (ms, ring) => { const one = { ms, ring }; alarms.push(one); return () => { one.ring = () => {}; }; };
  const asking = new Asking(
    { id: "abcdef1", base: "/c/abcdef1", suffix: "", ...data },
    { fetch, alarm, now: () => 0, session, local, solve: async () => "answer", ...ports },
  );
  return { asking, sent, alarms, session, local, ring: async () => { alarms.at(-1).ring(); await settle(); } };
}

test("the first try gets its ticket after one question, with the page's own proof", async (t) => {
  const { asking, sent } = tab(t, [admit()], { data: { suffix: "?t=own" } });
  assert.equal(await asking.take(), token("s1"));
  assert.deepEqual(sent, [["/c/abcdef1/seat?t=own", {}]]);
});

test("a connection that broke goes on with its ticket, one that was closed asks first", async (t) => {
  const { asking, sent } = tab(t, [admit()]);
  await asking.take();
  await asking.take({ how: "broke" });
  assert.equal(sent.length, 1);
  await asking.take({ how: "ended" });
  assert.deepEqual(sent[1], [`/c/abcdef1/seat?t=${token("s1")}`, {}]);
});

test("whoever waits gets the ticket when the seat comes, however often is asked", async (t) => {
  const { asking, sent, alarms, ring } = tab(t, [wait(), wait(), admit()]);
  const seat = asking.take();
  await settle();
  await ring();
  await ring();
  assert.equal(await seat, token("s1"));
  assert.deepEqual(alarms.map(({ ms }) => ms), [4000, 4000]);
  assert.deepEqual(sent.map(([, body]) => body.waiting), [undefined, token("s1", "waiting"), token("s1", "waiting")]);
});

test("who gives up is told so, and nothing is asked any more", async (t) => {
  const { asking, sent, ring } = tab(t, [wait()]);
  const seat = asking.take();
  await settle();
  asking.leave();
  assert.equal(await seat, null);
  await ring();
  assert.equal(sent.length, 1);
});

test("a puzzle is solved and its answer sent", async (t) => {
  const challenge = [202, { ...wait()[1], puzzle: "P" }];
  const { asking, sent } = tab(t, [challenge, admit()]);
  assert.equal(await asking.take(), token("s1"));
  assert.deepEqual(sent[1][1], { waiting: token("s1", "waiting"), answer: "answer" });
});

test("a puzzle that is not wanted any more is stopped", async (t) => {
  let signal;
  const solve = (_, options) => { signal = options.signal; return new Promise(() => {}); };
  const { asking } = tab(t, [[202, { ...wait()[1], puzzle: "P" }]], { solve });
  asking.take();
  await settle();
  assert.equal(signal.aborted, false);
  asking.leave();
  assert.equal(signal.aborted, true);
});

test("no answer and no JSON are tried again", async (t) => {
  const { asking, ring } = tab(t, [[0], [500, null], admit()]);
  const seat = asking.take();
  await settle();
  await ring();
  await ring();
  assert.equal(await seat, token("s1"));
});

test("Retry-After is heard where the door turns somebody away", async (t) => {
  const { asking, alarms } = tab(t, [[503, { reason: "siege" }, { "Retry-After": "30" }]]);
  asking.take();
  await settle();
  assert.ok(24000 <= alarms[0].ms && alarms[0].ms <= 36000, `${alarms[0].ms}`);
});

test("a reload comes back with its ticket, or its place in the draw", async (t) => {
  const session = new Storage(), local = new Storage();
  const before = tab(t, [wait("s7")], { session, local });
  before.asking.take();
  await settle();
  channels.clear();
  const waited = tab(t, [admit("s7")], { session, local });
  assert.equal(waited.asking.wasWaiting, true);
  await waited.asking.take();
  assert.deepEqual(waited.sent[0][1], { waiting: token("s7", "waiting") });
  channels.clear();
  const seated = tab(t, [admit("s7")], { session, local });
  assert.equal(seated.asking.wasWaiting, false);
  await seated.asking.take();
  assert.deepEqual(seated.sent, [[`/c/abcdef1/seat?t=${token("s7")}`, {}]]);
});

test("of each conversation the newest claim is kept, and of fifty at most", async (t) => {
  const session = new Storage(), local = new Storage();
  for (let number = 0; number < 52; number++) {
    const { asking } = tab(t, [wait(`s${number}`)], { session: new Storage(), local, data: { id: `c${number % 51}` } });
    asking.take();
    await settle();
  }
  const kept = JSON.parse(local.getItem("hiwar-claims"));
  assert.deepEqual([kept.length, kept[0], kept.at(-1)[0]], [50, ["c0", "claim-s51"], "c2"]);
  assert.equal(tab(t, [admit()], { session, local, data: { id: "c0" } }).asking.seat.claim, "claim-s51");
});

test("a device that keeps nothing, or nonsense, listens all the same", async (t) => {
  const broken = { getItem() { throw new Error("forbidden"); }, setItem() { throw new Error("full"); } };
  assert.equal(await tab(t, [admit()], { session: broken, local: broken }).asking.take(), token("s1"));
  channels.clear();
  const odd = new Storage();
  odd.setItem("hiwar-seat-abcdef1", '{"ticket":7}');
  odd.setItem("hiwar-claims", '{"a":1}');
  assert.equal(await tab(t, [admit()], { session: odd, local: odd }).asking.take(), token("s1"));
});

test("a duplicated tab gets a seat of its own, and the original keeps its", async (t) => {
  const session = new Storage();
  const first = tab(t, [admit("s1")], { session });
  await first.asking.take();
  const second = tab(t, [admit("s2")], { session });
  assert.equal(await second.asking.take(), token("s2"));
  assert.deepEqual(second.sent, [["/c/abcdef1/seat", {}]]);
  assert.equal(first.asking.seat.state, "seated");
});

test("a visitor's own seat moves to the tab that listens, and the other gives way", async (t) => {
  const data = { suffix: "?t=account", personal: true };
  const first = tab(t, [admit("s1")], { data });
  await first.asking.take();
  const second = tab(t, [admit("s1")], { data });
  await second.asking.take();
  assert.deepEqual([first.asking.seat.state, second.asking.seat.state], ["elsewhere", "seated"]);
  assert.equal(await first.asking.take({ how: "ended" }), null);
  await first.asking.take(); // "listen here"
  assert.deepEqual([first.asking.seat.state, second.asking.seat.state], ["seated", "elsewhere"]);
});

test("another conversation's tabs are none of its business", async (t) => {
  const first = tab(t, [admit("s1")]);
  await first.asking.take();
  await tab(t, [admit("s1")], { data: { id: "other12" } }).asking.take();
  assert.equal(first.asking.seat.state, "seated");
});

test("the seat in a token is read, and nonsense has none", () => {
  assert.deepEqual([seatOf(token("00ff")), seatOf(""), seatOf("x.y"), seatOf("!!.!!")], ["00ff", "", "", ""]);
});
