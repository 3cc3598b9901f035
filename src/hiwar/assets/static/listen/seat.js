/* A listener's way to a seat: what to ask the door, when, and with what. Pure: answers, time (`now`, in
   seconds of any clock) and randomness are given; what is to be done is returned as a list of commands.

     none ── ask ──> asking ── 200 ──────────> seated ── lost ──> asking, or elsewhere
                        ├──── 202 ──────────> waiting ── due ──┐
                        ├──── 202, a puzzle > solving ── done ─┤ asked again, and shown as it was
                        ├──── 429, 503 ─────> refused ── due ──┘
                        └──── 403, 404, 410 > closed

   Rules
   - Not before the door said so is it asked again. What it said to those who wait is spread already; what it
     says to those turned away in whole seconds is spread here.
   - A ticket and a waiting token are shown until the door says that they are worth nothing.
   - A puzzle's answer brings better odds and is no condition: a browser that cannot, or whose answers are in
     vain, waits without. A puzzle that takes long is no reason to lose the place in the draw.
   - A connection that ends at once, again and again, ends because somebody else shows the same ticket. Then
     this page gives way.

   Commands
     {do: "post", call, proof, body}    POST the body, with the proof in the address; tell `answered`, or `unanswered`
     {do: "rest", call, until}          tell `due` at `until`
     {do: "solve", challenge}           tell `solved` or `unsolvable` */

import { delayMs, LAST_MS, LAST_UNANSWERED_MS } from "./backoff.js";

const AGAIN_S_MIN = 1, AGAIN_S_MAX = 120, AGAIN_S_UNSAID = 10; // whatever a box on the way made of Retry-After
const JITTER = 0.2;
const KEEP_S = 8;                  // the door forgets who has not asked for 12 s
const IN_VAIN_MAX = 3, IN_VAIN_REST_S = 60; // answers that brought nothing: then a while without
const FRESH_S = 10;                // a seat nobody sits on is kept for somewhat longer
const SHORT_S = 3, SHORT_MAX = 3;  // connections that ended at once; one or two of them a restart explains

export class Seat {
  #proof; #personal; #random; #call = 0; #failures = 0; #inVain = 0; #puzzlesFrom = 0; #seatedAt = 0; #short = 0; #answered = false; #used = true;

  /** none, asking, seated, waiting, solving, refused, elsewhere or closed. */
  state = "none";
  ticket; waiting; claim = "";
  /** What the door last said to one who waits or is turned away; null before. */
  told = null;
  /** When it is asked again, on the clock of `now`; null while it is being asked, or is not. */
  askAt = null;
  /** The challenge that is being solved; "" for none. */
  puzzle = "";
  /** Status with which the door was closed. */
  status = 0;

  /** `proof` is the page's own, "" for none; `personal`: it stands for one seat, whatever ticket comes of it. */
  constructor({ proof = "", personal = false, ticket = "", waiting = "", random = Math.random } = {}) {
    this.#proof = proof; this.#personal = personal; this.#random = random;
    this.ticket = ticket; this.waiting = waiting;
  }

  /** Whether the last question had no answer, or none of use: what is shown may be old. */
  get isUnheard() { return this.#failures > 0; }

  /** Whether the seat was just given, and not listened with yet: there is nothing to ask. */
  isFresh(now) { return this.state === "seated" && !this.#used && now - this.#seatedAt < FRESH_S; }

  /** The ticket, to listen with. */
  use() { this.#used = true; return this.ticket; }

  /** Ask for a seat, or for the one of the ticket. */
  ask() {
    if (this.#isAsking()) return [];
    this.state = "asking";
    return this.#post();
  }

  /** Nobody wants to listen any more. The ticket stays, for coming back. */
  leave() { this.#end("none"); return []; }

  /** The same seat is listened with at another place: the newest wins. */
  giveWay() { this.#end("elsewhere"); return []; }

  /** Ticket and waiting token are another tab's: go on as a newcomer. */
  disown() { this.#forget(); return this.#isAsking() ? this.#post() : []; }

  /** Listening with the ticket is over: `ending` as in `mustAsk`. */
  lost(ending, now) {
    if (this.state !== "seated") return [];
    if (ending.reason === "not-valid") this.#forget();
    this.#short = ending.how === "ended" && now - this.#seatedAt < SHORT_S ? this.#short + 1 : 0;
    if (this.#short >= SHORT_MAX) {
      this.#short = 0;
      if (this.#personal) return this.giveWay();
      this.#forget();
    }
    this.state = "asking";
    return this.#post();
  }

  /** The door answered: `body` is what its JSON held, or null; `retryAfter` in seconds, NaN for none. */
  answered(call, { status, retryAfter = NaN, body }, now) {
    if (call !== this.#call) return [];
    if (status === 200 && body?.ticket) return this.#sit(body, now);
    if (status === 202 && body) return this.#wait(body, now);
    if (this.#ticketIsWorthNothing(status, body)) { this.#forget(); return this.#post(); }
    if (status === 403 || status === 404 || status === 410) { this.#end("closed"); this.status = status; return []; }
    if (status === 429 || (status === 503 && body?.reason)) return this.#refuse(status, body ?? {}, retryAfter, now);
    return this.#tryAgain(LAST_MS, retryAfter > 0 ? Math.min(retryAfter, AGAIN_S_MAX) : 0, now);
  }

  /** Nobody answered. What is shown stays, and it is tried again soon. */
  unanswered(call, now) { return call === this.#call ? this.#tryAgain(LAST_UNANSWERED_MS, 0, now) : []; }

  /** The rest that was asked for under `call` is over. */
  due(call) { return call === this.#call && this.askAt !== null ? this.#post() : []; }

  /** The network is back: a failure needs no further rest. */
  hurry() { return this.#failures && this.askAt !== null ? this.#post() : []; }

  solved(challenge, answer) {
    if (challenge !== this.puzzle) return [];
    this.puzzle = "";
    this.state = "waiting";
    return this.#post(answer);
  }

  /** This browser cannot. It is asked again when it would have been, and no puzzle is tried any more. */
  unsolvable(challenge) {
    if (challenge !== this.puzzle) return [];
    this.puzzle = "";
    this.state = "waiting";
    this.#puzzlesFrom = Infinity;
    return [];
  }

  #forget() { this.ticket = this.waiting = ""; }

  #isAsking() { return ["asking", "waiting", "solving", "refused"].includes(this.state); }

  #post(answer = "") {
    this.askAt = null;
    this.#answered = answer !== "";
    const body = {};
    if (this.waiting) body.waiting = this.waiting;
    if (answer) body.answer = answer;
    return [{ do: "post", call: ++this.#call, proof: this.ticket || this.#proof, body }];
  }

  #tryAgain(lastMs, retryAfter, now) {
    return this.#rest(now + delayMs(this.#failures++, this.#random(), retryAfter, lastMs) / 1000);
  }

  #rest(until) {
    this.askAt = until;
    return [{ do: "rest", call: this.#call, until }];
  }

  #sit(body, now) {
    this.#end("seated");
    this.ticket = body.ticket;
    this.waiting = "";
    this.told = null;
    this.#used = false;
    this.#seatedAt = now;
    return [];
  }

  #wait(body, now) {
    this.#hear(body);
    this.waiting = body.waiting || this.waiting;
    if (this.#answered) this.#inVain = body.puzzle ? this.#inVain + 1 : 0;
    if (this.#inVain >= IN_VAIN_MAX) { this.#inVain = 0; this.#puzzlesFrom = now + IN_VAIN_REST_S; }
    if (this.puzzle) return this.#rest(now + KEEP_S);
    if (body.puzzle && now >= this.#puzzlesFrom) {
      this.puzzle = body.puzzle;
      this.state = "solving";
      return [...this.#rest(now + KEEP_S), { do: "solve", challenge: body.puzzle }];
    }
    this.state = "waiting";
    return this.#rest(now + bounded(body.ask_again_s));
  }

  #refuse(status, body, retryAfter, now) {
    this.#hear({ ...body, reason: body.reason ?? (status === 429 ? "too-many" : "") });
    this.puzzle = "";
    this.state = "refused";
    return this.#rest(now + bounded(retryAfter) * (1 + JITTER * (2 * this.#random() - 1)));
  }

  #hear(body) {
    this.#failures = 0;
    this.told = body;
    this.claim = body.claim || this.claim;
  }

  #ticketIsWorthNothing(status, body) {
    return (this.ticket || this.waiting) !== "" && (status === 403 || status === 400 || body?.reason === "not-valid");
  }

  /* No answer, rest or solution of before counts any more. */
  #end(state) {
    this.state = state;
    this.#call += 1;
    this.#failures = 0;
    this.askAt = null;
    this.puzzle = "";
  }
}

/** Whether a way of listening that ended so must ask for its seat before it goes on. `ending` is null at the
    first start, or {how: "broke"} (the network, or our own watchdog), {how: "ended"} (the door closed it:
    somebody else came with the ticket, or the seat was taken back), {how: "refused", status, reason} with
    the reason that the door gave, "" for none: then it is not about seats ("unsaid": there was no body). */
export function mustAsk(ending) {
  if (ending === null || ending.how === "ended") return true;
  return ending.how === "refused" && (ending.reason !== "" || ending.status === 403);
}

function bounded(seconds) {
  const asked = Number(seconds);
  return asked > 0 ? Math.min(AGAIN_S_MAX, Math.max(AGAIN_S_MIN, asked)) : AGAIN_S_UNSAID;
}
