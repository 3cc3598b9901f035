/* Listening by an element that plays by itself: what passes is tried again, what never works gives way. */

import assert from "node:assert/strict";
import { test, mock } from "node:test";
import { ListSource, withToken } from "../../src/hiwar/assets/static/listen/list-source.js";

class FakeAudio extends EventTarget {
  paused = false; currentTime = 0; seeking = false; src = ""; loads = 0; buffered = { length: 0 };
  load() { this.loads += 1; }
  async play() {}
  tell(type) { this.dispatchEvent(new Event(type)); }
}

async function settle() { for (let i = 0; i < 10; i++) await Promise.resolve(); }

async function listening(t, statuses, options = {}) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => { source.stop(); mock.timers.reset(); mock.restoreAll(); });
  mock.method(globalThis, "fetch", async () => {
    const status = statuses.length > 1 ? statuses.shift() : statuses[0];
    if (!status) throw new TypeError("nobody answers");
    return { status };
  });
  const audio = new FakeAudio();
  const { address = "/c/abcdef1/live.mp3", ...others } = options;
  const source = new ListSource(audio, address, { mode: "progressive", live: true, ...others });
  const heard = [];
  for (const type of ["broken", "refused"]) source.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  await source.start();
  return { audio, source, heard };
}

test("what the door gives and the element never played does not work here", async (t) => {
  const { audio, heard } = await listening(t, [200]);
  audio.tell("error");
  await settle();
  assert.deepEqual(heard, [["broken", null]]);
});

test("a stage that is started again is waited for, however often the element fails", async (t) => {
  const { audio, source, heard } = await listening(t, [503, 0, 503]);
  for (let round = 1; round <= 3; round++) {
    audio.tell("error");
    await settle();
    assert.equal(source.state, "reconnecting");
    mock.timers.tick(20000);
    assert.equal(audio.loads, 1 + round);
  }
  assert.deepEqual(heard, [["refused", 503], ["refused", 503]]);
});

test("a connection that broke after it was heard is made again, by its end too", async (t) => {
  const { audio, source, heard } = await listening(t, [200]);
  audio.tell("playing");
  for (const how of ["ended", "error"]) {
    audio.tell(how);
    audio.tell(how); // told twice, tried once
    await settle();
    mock.timers.tick(20000);
    audio.tell("playing");
  }
  assert.deepEqual([audio.loads, source.reconnects, source.state, heard], [3, 2, "playing", []]);
});

test("a playhead that stands still is noticed, one that was paused is left alone", async (t) => {
  const { audio, source } = await listening(t, [200]);
  audio.tell("playing");
  audio.paused = true;
  mock.timers.tick(60000);
  await settle();
  assert.equal(source.reconnects, 0);
  audio.paused = false;
  mock.timers.tick(12000);
  await settle();
  assert.equal(source.reconnects, 1);
});

test("after the stop nothing is tried any more", async (t) => {
  const { audio, source } = await listening(t, [0]);
  audio.tell("error");
  await settle();
  source.stop();
  mock.timers.tick(60000);
  assert.equal(audio.loads, 1);
});

/* An address that is made anew for each try: a, b, c... `endings` are what it was asked with. */
function addresses() {
  const endings = [];
  const address = async (ending) => { endings.push(ending); return `/c/abcdef1/live.mp3?t=${"abc"[endings.length - 1]}`; };
  return { address, endings };
}

test("what the door gives and the element never played may be for want of a seat, once", async (t) => {
  const { address, endings } = addresses();
  const { audio, source, heard } = await listening(t, [200], { address });
  audio.tell("error");
  await settle();
  mock.timers.tick(20000);
  await settle();
  assert.deepEqual([audio.src, source.state], ["/c/abcdef1/live.mp3?t=b", "reconnecting"]);
  assert.deepEqual(endings, [null, { how: "refused", status: 200, reason: "unsaid" }]);
  audio.tell("error");
  await settle();
  assert.deepEqual(heard, [["broken", null]]);
});

test("who listens asks for the seat after the door's end or refusal, and not where nobody answers", async (t) => {
  const { address, endings } = addresses();
  const { audio } = await listening(t, [0, 200, 429, 404], { address });
  audio.tell("playing");
  for (const how of ["error", "ended", "error", "error"]) {
    audio.tell(how);
    await settle();
    mock.timers.tick(20000);
    await settle();
  }
  assert.deepEqual(endings.slice(1), [
    { how: "broke" }, { how: "ended" }, { how: "refused", status: 429, reason: "unsaid" }, { how: "refused", status: 404, reason: "" },
  ]);
});

test("without an address there is nothing to load, at the start and later", async (t) => {
  const { audio, source } = await listening(t, [503], { address: async () => null });
  audio.tell("error"); // of what played before
  await settle();
  assert.deepEqual([audio.loads, audio.src, source.reconnects], [0, "", 0]);
});

test("a proof is added to lists and files without one, and not to files that have the key of all", () => {
  assert.equal(withToken("/a.m3u8", "T"), "/a.m3u8?t=T");
  assert.equal(withToken("/a.m3u8?x=1", "T"), "/a.m3u8?x=1&t=T");
  for (const [url, token] of [["/a.m3u8?t=U", "T"], ["/1.m4s?k=K", "T"], ["/a.m3u8", ""]]) assert.equal(withToken(url, token), url);
});
