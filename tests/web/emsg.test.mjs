/* Boxes cut anywhere, event messages as the packager writes them. Run by node; `VECTORS` is a JSON file made
   by the packager: {stream (base64), media (base64), events}. */

import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { BoxReader, boxAt, parseEmsg } from "../../src/hiwar/assets/static/listen/emsg.js";
import { delayMs, LAST_MS, LAST_UNANSWERED_MS } from "../../src/hiwar/assets/static/listen/backoff.js";
import { clock, counted, initial, meterLevel, moment } from "../../src/hiwar/assets/static/listen/format.js";
import { withToken } from "../../src/hiwar/assets/static/listen/list-source.js";

const vectors = JSON.parse(readFileSync(process.env.VECTORS, "utf-8"));
const stream = new Uint8Array(Buffer.from(vectors.stream, "base64"));
const media = Buffer.from(vectors.media, "base64");

for (const step of [1, 7, 100, 4096, 1 << 20]) {
  test(`a stream cut into pieces of ${step} bytes gives the same media and the same events`, () => {
    const reader = new BoxReader(), kept = [], events = [];
    for (let at = 0; at < stream.length; at += step) {
      const piece = reader.push(stream.subarray(at, at + step));
      kept.push(Buffer.from(piece.media));
      events.push(...piece.events);
    }
    assert.deepEqual(Buffer.concat(kept), media);
    assert.deepEqual(events, vectors.events);
    assert.equal(reader.pending, 0);
  });
}

test("a box of an impossible size is refused, not waited for", () => {
  assert.throws(() => boxAt(new Uint8Array([0, 0, 0, 4, 1, 2, 3, 4]), 0), RangeError);
  assert.throws(() => boxAt(new Uint8Array([0x7f, 0, 0, 0, 1, 2, 3, 4]), 0), RangeError);
  assert.equal(boxAt(new Uint8Array([0, 0, 0]), 0), null);
});

test("an event message of another scheme, or a torn one, is nothing", () => {
  assert.equal(parseEmsg(new Uint8Array(40)), null);
  assert.equal(parseEmsg(new Uint8Array([0, 0, 0, 8, 101, 109, 115, 103])), null);
});

test("trying again waits longer each time, never at the same moment, and honours Retry-After", () => {
  assert.ok(delayMs(0, 0.5) < 200);
  assert.ok(delayMs(50, 0.999) <= LAST_MS);
  assert.ok(delayMs(50, 0.999, 0, LAST_UNANSWERED_MS) <= 3000, "back within three seconds once a door is open again");
  assert.notEqual(delayMs(6, 0.1), delayMs(6, 0.9));
  assert.ok(delayMs(0, 0, 7) >= 7000);
});

test("times and counts have Latin digits in Arabic too", () => {
  assert.equal(clock(3723.9), "1:02:03");
  assert.equal(clock(59), "0:59");
  const text = moment(new Date(Date.UTC(2031, 4, 3, 20, 30)), "ar", "UTC");
  assert.match(text, /2031/);
  assert.match(text, /20:30/);
  assert.doesNotMatch(text, /[٠-٩]/);
});

test("a count takes the form of its plural category in Arabic", () => {
  const forms = { zero: "z", one: "o", two: "t", few: "f {n}", many: "m {n}", other: "x {n}" };
  const said = (n) => counted(forms, n, "ar");
  assert.deepEqual([0, 1, 2, 3, 10, 11, 99, 100, 102, 103].map(said),
    ["z", "o", "t", "f 3", "f 10", "m 11", "m 99", "x 100", "x 102", "f 103"]);
});

test("a name's first letter is taken after the Arabic article", () => {
  assert.equal(initial("المضيف"), "م");
  assert.equal(initial("guest"), "G");
  assert.equal(initial("  "), "•");
});

test("levels from -60 to 0 dBFS fill the meter", () => {
  assert.deepEqual([-127, -60, -30, 0, 6].map(meterLevel), [0, 0, 0.5, 1, 1]);
});

test("a ticket is put into addresses once", () => {
  assert.equal(withToken("a/b.m3u8", "x.y"), "a/b.m3u8?t=x.y");
  assert.equal(withToken("a/b.m3u8?_HLS_msn=2", "x"), "a/b.m3u8?_HLS_msn=2&t=x");
  assert.equal(withToken("a?t=z", "x"), "a?t=z");
  assert.equal(withToken("a", ""), "a");
});
