/* The live-edge control in a simulated world: an edge that writes, a player that plays. Run by node. */

import test from "node:test";
import assert from "node:assert/strict";
import { LiveEdge, RATE_MAX, RATE_MIN, rateFor } from "../../src/hiwar/assets/static/listen/live-edge.js";

const TICK = 0.02, CHUNK = 0.08;

/* An edge that writes all chunks since the last write, each `interval(t)` seconds, and a player. */
function simulate({ seconds, interval, edge = new LiveEdge(interval(0)), late = () => 0, start = null, each = () => {} }) {
  let ahead = start ?? edge.startAhead, nextWrite = interval(0), written = 0, least = Infinity, stalls = 0, rate = 1, jumps = 0, dry = false;
  for (let t = 0; t < seconds; t += TICK) {
    each(t, edge);
    if (t >= nextWrite + late(t)) {
      edge.wrote(t, ahead);
      ahead += t - written;
      written = t;
      nextWrite += Math.max(interval(t), CHUNK);
    }
    if (ahead <= 0.0001 && !dry) { stalls += 1; edge.stalled(); }
    dry = ahead <= 0.0001;
    const decision = edge.decide(t, ahead);
    rate = decision.rate;
    if (decision.jump) { ahead -= decision.jump; jumps += 1; edge.reset(); }
    ahead = Math.max(0, ahead - TICK * rate);
    if (t > 0.5) least = Math.min(least, ahead);
  }
  return { ahead, least, stalls, rate, jumps, lowWater: edge.lowWater };
}

test("a steady stream is held near its goal and then played at its own speed", () => {
  const edge = new LiveEdge(0.32);
  const end = simulate({ seconds: 60, interval: () => 0.32, edge, start: 1.2 });
  assert.equal(end.stalls, 0);
  assert.ok(Math.abs(end.lowWater - edge.goal) < 0.06, `${end.lowWater} for ${edge.goal}`);
  assert.ok(Math.abs(end.rate - 1) < 0.01);
});

test("an announced ramp from 80 to 1280 ms is bridged without running dry", () => {
  const ramp = (t) => t < 8 ? 0.08 : Math.min(1.28, 0.08 + Math.floor((t - 8) * 0.03 / CHUNK) * CHUNK);
  let told = false;
  const end = simulate({ seconds: 90, interval: ramp, each: (t, edge) => { if (t >= 5 && !told) { edge.announce(1.28, 3); told = true; } } });
  assert.equal(end.stalls, 0);
  assert.ok(end.least > 0.04, `least ahead ${end.least}`);
});

for (const announced of [false, true]) {
  test(`and the way back, ${announced ? "told ahead" : "as it is seen"}, brings the delay down again`, () => {
    const edge = new LiveEdge(1.28);
    const back = (t) => t < 8 ? 1.28 : Math.max(0.08, 1.28 - Math.floor((t - 8) * 0.03 / CHUNK) * CHUNK);
    let told = !announced;
    const end = simulate({ seconds: 120, interval: back, edge, each: (t) => { if (t >= 5 && !told) { edge.announce(0.08, 3); told = true; } } });
    assert.equal(end.stalls, 0);
    assert.equal(end.jumps, 0);
    assert.ok(end.least > 0.04, `least ahead ${end.least}`);
    assert.ok(end.ahead < 0.4, `${end.ahead}`);
  });
}

test("a writer that is now and then late is met by a deeper buffer after one stall", () => {
  const edge = new LiveEdge(0.32);
  const late = (t) => (Math.floor(t / 3) % 2 ? 0.25 : 0);
  const end = simulate({ seconds: 60, interval: () => 0.32, edge, late });
  assert.ok(end.stalls <= 3, `${end.stalls} stalls`);
});

test("far behind it jumps instead of hurrying for minutes", () => {
  const end = simulate({ seconds: 5, interval: () => 0.32, start: 6 });
  assert.equal(end.jumps, 1);
  assert.ok(end.ahead < 1);
});

test("the rate stays within its bounds and is one near the goal", () => {
  assert.equal(rateFor(10), RATE_MAX);
  assert.equal(rateFor(-10), RATE_MIN);
  assert.equal(rateFor(0.02), 1);
  assert.equal(rateFor(-0.005), 1);
});

test("an interval that is in force already raises no buffer, nonsense is disregarded", () => {
  const edge = new LiveEdge(0.32);
  const before = edge.goal;
  edge.announce(0.16, 0);
  assert.equal(edge.interval, 0.16);
  edge.announce(-1, 3);
  edge.announce(NaN, 3);
  edge.announce(60, 3);
  assert.ok(edge.goal <= before);
});

test("what came long after the start of playing is skipped once, a little is not", () => {
  const edge = new LiveEdge(0.32);
  assert.equal(edge.firstSkip(edge.startAhead + 0.05), 0);
  assert.ok(edge.firstSkip(edge.startAhead + 0.5) > 0.4);
});
