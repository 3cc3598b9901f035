/* The way to a seat, as transcripts: answers of the door in, requests and rests out. Run by node. */

import test from "node:test";
import assert from "node:assert/strict";
import { mustAsk, Seat } from "../../src/hiwar/assets/static/listen/seat.js";

const ADMIT = { status: 200, body: { verdict: "admit", ticket: "T1" } };
const WAIT = { status: 202, body: { verdict: "wait", waiting: "W1", people: 9, seats: 40, ask_again_s: 4.2, claim: "C1" } };
const CHALLENGE = { status: 202, body: { ...WAIT.body, verdict: "challenge", puzzle: "P1" } };
const SIEGE = { status: 503, retryAfter: 20, body: { status: 503, reason: "siege", claim: "C2", arabic: "ن", english: "words" } };

const half = () => 0.5; // no jitter: the middle of every range
const seatWith = (options = {}) => new Seat({ random: half, ...options });

/* What was asked for, in short: ["post", proof, body], ["rest", seconds from `now`], ["solve", challenge]. */
function short(commands, now = 0) {
  return commands.map((command) => {
    if (command.do === "post") return ["post", command.proof, command.body];
    return command.do === "rest" ? ["rest", Math.round((command.until - now) * 1000) / 1000] : ["solve", command.challenge];
  });
}

/* The door's answer to the last question. */
let call = 0;
function asked(commands) { for (const one of commands) if (one.do === "post") call = one.call; return commands; }
const answer = (seat, what, now = 0) => asked(seat.answered(call, what, now));
const due = (seat) => asked(seat.due(call));

test("in an open house one question gives the seat", () => {
  const seat = seatWith({ proof: "V" });
  assert.deepEqual(short(asked(seat.ask())), [["post", "V", {}]]);
  assert.equal(seat.state, "asking");
  assert.deepEqual(answer(seat, ADMIT, 7), []);
  assert.deepEqual([seat.state, seat.ticket, seat.isFresh(8)], ["seated", "T1", true]);
  assert.equal(seat.use(), "T1");
  assert.equal(seat.isFresh(8), false);
});

test("a seat that nobody sat on for a while is asked about again", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, ADMIT, 0);
  assert.equal(seat.isFresh(11), false);
  assert.deepEqual(short(seat.ask()), [["post", "T1", {}]]);
});

test("who waits asks again with the token, when the door said, and not more often", () => {
  const seat = seatWith();
  asked(seat.ask());
  assert.deepEqual(short(answer(seat, WAIT, 100), 100), [["rest", 4.2]]);
  assert.deepEqual([seat.state, seat.askAt, seat.claim, seat.told.people], ["waiting", 104.2, "C1", 9]);
  assert.deepEqual(seat.ask(), []); // a second tap changes nothing
  assert.deepEqual(short(due(seat)), [["post", "", { waiting: "W1" }]]);
  assert.deepEqual([seat.state, seat.askAt], ["waiting", null]); // shown as it was while it is asked
  answer(seat, { ...WAIT, body: { ...WAIT.body, waiting: "W2" } }, 105);
  assert.deepEqual(short(due(seat)), [["post", "", { waiting: "W2" }]]);
  answer(seat, ADMIT, 110);
  assert.deepEqual([seat.state, seat.waiting, seat.told], ["seated", "", null]);
});

test("a puzzle is solved and its answer shown at once", () => {
  const seat = seatWith();
  asked(seat.ask());
  assert.deepEqual(short(answer(seat, CHALLENGE)), [["rest", 8], ["solve", "P1"]]);
  assert.equal(seat.state, "solving");
  assert.deepEqual(seat.solved("P0", "A0"), []); // of an older one
  assert.deepEqual(short(asked(seat.solved("P1", "A1"))), [["post", "", { waiting: "W1", answer: "A1" }]]);
  assert.deepEqual([seat.state, seat.puzzle], ["waiting", ""]);
  assert.deepEqual(short(answer(seat, WAIT)), [["rest", 4.2]]);
});

test("a puzzle that takes long keeps the place meanwhile, and no second one is begun", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, CHALLENGE);
  assert.deepEqual(short(due(seat)), [["post", "", { waiting: "W1" }]]);
  assert.deepEqual(short(answer(seat, { ...CHALLENGE, body: { ...CHALLENGE.body, puzzle: "P2" } })), [["rest", 8]]);
  assert.deepEqual([seat.state, seat.puzzle], ["solving", "P1"]);
});

test("a seat that comes while the puzzle is being solved ends the solving", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, CHALLENGE);
  due(seat);
  answer(seat, ADMIT);
  assert.deepEqual([seat.state, seat.puzzle], ["seated", ""]);
  assert.deepEqual(seat.solved("P1", "A1"), []);
});

test("a browser that cannot solve waits without, and is given no other", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, CHALLENGE);
  assert.deepEqual(seat.unsolvable("P1"), []);
  assert.equal(seat.state, "waiting");
  assert.deepEqual(short(due(seat)), [["post", "", { waiting: "W1" }]]);
  assert.deepEqual(short(answer(seat, CHALLENGE)), [["rest", 4.2]]);
});

test("answers that bring nothing are given three times, then a minute not", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, CHALLENGE, 0);
  for (let round = 0; round < 2; round++) {
    asked(seat.solved("P1", "A"));
    assert.equal(answer(seat, CHALLENGE, 0).length, 2);
  }
  asked(seat.solved("P1", "A"));
  assert.deepEqual(short(answer(seat, CHALLENGE, 0)), [["rest", 4.2]]);
  due(seat);
  assert.deepEqual(short(answer(seat, CHALLENGE, 59), 59), [["rest", 4.2]]);
  due(seat);
  assert.equal(answer(seat, CHALLENGE, 61).length, 2);
});

test("who is turned away is told why and asks after Retry-After, spread by a fifth either way", () => {
  for (const [random, rest] of [[() => 0, 16], [half, 20], [() => 1, 24]]) {
    const seat = seatWith({ random });
    asked(seat.ask());
    assert.deepEqual(short(answer(seat, SIEGE)), [["rest", rest]]);
    assert.deepEqual([seat.state, seat.told.reason, seat.told.english, seat.claim], ["refused", "siege", "words", "C2"]);
    assert.deepEqual(short(due(seat)), [["post", "", {}]]);
  }
});

test("a Retry-After that is missing or absurd is bounded", () => {
  for (const [retryAfter, rest] of [[NaN, 10], [0, 10], [-5, 10], [86400, 120], [0.1, 1]]) {
    const seat = seatWith();
    asked(seat.ask());
    assert.deepEqual(short(answer(seat, { ...SIEGE, retryAfter })), [["rest", rest]]);
  }
});

test("a 429 of the door itself, without a body, is a network that asked too often", () => {
  const seat = seatWith();
  asked(seat.ask());
  assert.deepEqual(short(answer(seat, { status: 429, retryAfter: 3, body: null })), [["rest", 3]]);
  assert.deepEqual([seat.state, seat.told.reason], ["refused", "too-many"]);
});

test("an unanswered question leaves what is shown, and is asked again soon, less and less often", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, WAIT);
  due(seat);
  const rests = [];
  for (let round = 0; round < 6; round++) {
    rests.push(short(seat.unanswered(call, 0))[0][1]);
    assert.deepEqual([seat.state, seat.isUnheard], ["waiting", true]);
    due(seat);
  }
  assert.deepEqual(rests, [0.113, 0.225, 0.45, 0.9, 1.65, 1.65]);
  answer(seat, WAIT);
  assert.equal(seat.isUnheard, false);
});

test("a door that answers nonsense is asked after what it says, and then ever less often", () => {
  const seat = seatWith();
  asked(seat.ask());
  const rests = [];
  for (const what of [{ status: 500, body: null }, { status: 503, retryAfter: 2, body: {} }, { status: 200, body: null }]) {
    rests.push(short(answer(seat, what))[0][1]);
    due(seat);
  }
  assert.deepEqual(rests, [0.113, 2.225, 0.45]);
  assert.equal(seat.state, "asking");
});

test("when the network is back a question that failed is asked at once, others in their time", () => {
  const seat = seatWith();
  asked(seat.ask());
  asked(seat.unanswered(call, 0));
  assert.deepEqual(short(asked(seat.hurry())), [["post", "", {}]]);
  assert.deepEqual(seat.hurry(), []); // it is being asked
  answer(seat, WAIT);
  assert.deepEqual(seat.hurry(), []);
});

test("what is over or closed is told once, with its status", () => {
  for (const status of [403, 404, 410]) {
    const seat = seatWith({ proof: "V" });
    asked(seat.ask());
    assert.deepEqual(answer(seat, { status, body: null }), []);
    assert.deepEqual([seat.state, seat.status], ["closed", status]);
    assert.deepEqual(due(seat), []);
  }
});

test("a ticket that is worth nothing any more is forgotten, and asked is as a newcomer", () => {
  for (const what of [{ status: 403, body: null }, { status: 400, body: null }, { status: 503, body: { reason: "not-valid" } }]) {
    const seat = seatWith({ proof: "V", ticket: "OLD", waiting: "W0" });
    assert.deepEqual(short(asked(seat.ask())), [["post", "OLD", { waiting: "W0" }]]);
    assert.deepEqual(short(answer(seat, what)), [["post", "V", {}]]);
  }
});

test("who lost the seat comes back with the ticket", () => {
  const seat = seatWith({ proof: "V" });
  asked(seat.ask());
  answer(seat, ADMIT);
  assert.deepEqual(short(asked(seat.lost({ how: "refused", status: 503, reason: "taken-back" }, 60))), [["post", "T1", {}]]);
  answer(seat, WAIT, 60);
  assert.deepEqual(short(due(seat)), [["post", "T1", { waiting: "W1" }]]);
  answer(seat, ADMIT, 65);
  assert.equal(seat.state, "seated");
});

test("two who show the same ticket do not take it from each other for ever", () => {
  for (const [personal, state, ticket] of [[false, "asking", ""], [true, "elsewhere", "T1"]]) {
    const seat = seatWith({ proof: "V", personal });
    asked(seat.ask());
    answer(seat, ADMIT, 0);
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(short(asked(seat.lost({ how: "ended" }, 1))), [["post", "T1", {}]]);
      answer(seat, ADMIT, 0);
    }
    assert.deepEqual(short(asked(seat.lost({ how: "ended" }, 1))), personal ? [] : [["post", "V", {}]]);
    assert.deepEqual([seat.state, seat.ticket], [state, ticket]);
  }
});

test("connections that last a while may end as often as they like", () => {
  const seat = seatWith();
  asked(seat.ask());
  for (let now = 0; now < 1000; now += 100) {
    answer(seat, ADMIT, now);
    asked(seat.lost({ how: "ended" }, now + 50));
    assert.equal(seat.ticket, "T1");
  }
});

test("after giving up nothing counts any more, and the ticket is kept for coming back", () => {
  const seat = seatWith();
  asked(seat.ask());
  answer(seat, WAIT);
  assert.deepEqual(seat.leave(), []);
  assert.deepEqual([seat.state, seat.askAt, due(seat), answer(seat, ADMIT)], ["none", null, [], []]);
  assert.deepEqual(seat.unanswered(call, 0), []);
  assert.deepEqual(seat.lost({ how: "ended" }, 0), []);
  assert.deepEqual(short(seat.ask()), [["post", "", { waiting: "W1" }]]);
});

test("a ticket or a place that is another tab's is given up, and asked is anew", () => {
  const idle = seatWith({ ticket: "T1" });
  assert.deepEqual([idle.disown(), idle.ticket], [[], ""]);
  const seat = seatWith({ waiting: "W0" });
  asked(seat.ask());
  const before = call;
  assert.deepEqual(short(asked(seat.disown())), [["post", "", {}]]);
  assert.deepEqual(seat.answered(before, WAIT, 0), []); // the old question's answer has the other's token
  assert.equal(seat.waiting, "");
});

test("a way of listening asks for its seat unless only the network failed", () => {
  const asks = [null, { how: "ended" }, { how: "refused", status: 503, reason: "taken-back" }, { how: "refused", status: 429, reason: "unsaid" }, { how: "refused", status: 403, reason: "" }];
  const goes = [{ how: "broke" }, { how: "refused", status: 503, reason: "" }, { how: "refused", status: 409, reason: "" }];
  assert.deepEqual([asks.map(mustAsk), goes.map(mustAsk)], [asks.map(() => true), goes.map(() => false)]);
});
