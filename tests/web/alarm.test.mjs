/* The clock of hidden pages: whichever rings first, the worker or the page, and once. Run by node. */

import assert from "node:assert/strict";
import { test, mock } from "node:test";

const workers = [];
class FakeWorker extends EventTarget {
  sent = [];
  constructor() { super(); workers.push(this); }
  postMessage(message) { this.sent.push(message); }
  ring(id) { this.dispatchEvent(new MessageEvent("message", { data: id })); }
}

/* A module of its own for each test, since it has one worker for the page. */
async function fresh(t, Worker) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => { mock.timers.reset(); delete globalThis.Worker; });
  globalThis.Worker = Worker;
  const { setAlarm } = await import(`../../src/hiwar/assets/static/listen/alarm.js?${t.name}`);
  return setAlarm;
}

test("a worker rings in a page whose own timers are held up, and one worker is enough", async (t) => {
  const setAlarm = await fresh(t, FakeWorker), rung = [];
  setAlarm(4000, () => rung.push("first"));
  setAlarm(9000, () => rung.push("second"));
  assert.equal(workers.length, 1);
  const [first, second] = workers[0].sent;
  assert.deepEqual([first.ms, second.ms], [4000, 9000]);
  workers[0].ring(first.id);
  workers[0].ring(first.id);
  mock.timers.tick(5000); // the page's own timer comes too late to ring again
  assert.deepEqual(rung, ["first"]);
});

test("an alarm that is stopped rings neither way", async (t) => {
  const setAlarm = await fresh(t, FakeWorker), rung = [];
  const stop = setAlarm(4000, () => rung.push("rung"));
  stop();
  workers.at(-1).ring(workers.at(-1).sent.at(-1).id);
  mock.timers.tick(5000);
  assert.deepEqual(rung, []);
});

test("without workers, or with one that fails, the page's own timers ring", async (t) => {
  for (const Worker of [undefined, FakeWorker]) {
    const setAlarm = await fresh({ name: String(Worker?.name), after: () => {} }, Worker), rung = [];
    setAlarm(1000, () => rung.push(1));
    if (Worker) workers.at(-1).dispatchEvent(new Event("error"));
    setAlarm(1000, () => rung.push(2));
    mock.timers.tick(1000);
    assert.deepEqual(rung, [1, 2]);
    mock.timers.reset();
  }
});
