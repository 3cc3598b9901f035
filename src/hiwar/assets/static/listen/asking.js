/* Asks the door for a seat and keeps it: carries out what seat.js decides, with the network, the clock, the
   puzzle's worker and what this device remembers.

   Event: "change" (what is to be shown may be different now). */

import { setAlarm } from "./alarm.js";
import { Keepsakes } from "./keepsakes.js";
import { solve } from "./puzzle.js";
import { mustAsk, Seat } from "./seat.js";
import { seatOf, Tabs } from "./tabs.js";

const PATIENCE_MS = 8000;
const RESUME_MS = 60000;           // a place in the draw is out after seconds; who reloads later begins anew

export class Asking extends EventTarget {
  #base; #seat; #kept; #tabs; #ports; #stopAlarm = null; #solving = null; #sitting = []; #held;
  /** How much of the puzzle is solved, 0 to 1. */
  progress = 0;

  /** `data` is the page's; `ports` are {fetch, alarm, solve, now, session, local}, for tests. */
  constructor(data, ports = {}) {
    super();
    this.#base = data.base;
    this.#ports = { fetch: (...what) => fetch(...what), alarm: setAlarm, solve, now: () => performance.now() / 1000, ...storages(), ...ports };
    this.#kept = new Keepsakes(this.#ports.session, this.#ports.local, data.id);
    const { ticket, waiting, at } = this.#kept.seat(), proof = new URLSearchParams(data.suffix).get("t") ?? "";
    this.#held = `${ticket} ${waiting}`;
    this.#seat = new Seat({ proof, personal: Boolean(data.personal), ticket, waiting });
    this.#seat.claim = this.#kept.claim();
    /** Whether this tab waited a moment ago, before it was loaded again. */
    this.wasWaiting = waiting !== "" && Date.now() - at < RESUME_MS;
    this.#tabs = new Tabs(data.id, {
      holds: () => seatOf(this.#seat.ticket || this.#seat.waiting),
      taken: () => this.#step(this.#seat.disown()),
      lost: () => { if (this.#seat.state !== "none") this.#step(this.#seat.giveWay()); },
    });
    globalThis.addEventListener?.("online", () => this.#step(this.#seat.hurry()));
  }

  get seat() { return this.#seat; }
  get now() { return this.#ports.now(); }

  /** Ask without listening yet: before the air, or after a reload. */
  ask() { this.#step(this.#seat.ask()); }

  /** The ticket to listen with, as soon as there is a seat, however long that takes; null where it was given
      up meanwhile. `ending` is how listening ended before (see `mustAsk`), null at the first start. */
  take(ending = null) {
    const seat = this.#seat;
    if (ending === null) { if (!seat.isFresh(this.now)) this.#step(seat.ask()); }
    else if (mustAsk(ending)) this.#step(seat.lost(ending, this.now));
    return new Promise((resume) => { this.#sitting.push(resume); this.#settle(); });
  }

  /** Nobody listens here any more. */
  leave() { this.#step(this.#seat.leave()); }

  #step(commands) {
    for (const command of commands) this.#carryOut(command);
    const seat = this.#seat;
    if (seat.askAt === null) this.#stopAlarm?.();
    if (!seat.puzzle) this.#solving?.abort();
    this.#keep();
    this.#settle();
    this.#tell();
  }

  #carryOut(command) {
    if (command.do === "post") this.#post(command);
    else if (command.do === "rest") this.#rest(command);
    else this.#solve(command);
  }

  async #post({ call, proof, body }) {
    const answer = await this.#read(`${this.#base}/seat${proof ? `?t=${encodeURIComponent(proof)}` : ""}`, body);
    this.#step(answer ? this.#seat.answered(call, answer, this.now) : this.#seat.unanswered(call, this.now));
  }

  /* {status, retryAfter, body}; null where nobody answers. */
  async #read(address, body) {
    try {
      const answer = await this.#ports.fetch(address, {
        method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
        cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const retryAfter = Number(answer.headers.get("Retry-After") ?? NaN);
      return { status: answer.status, retryAfter, body: await answer.json().catch(() => null) };
    } catch { return null; }
  }

  #rest({ call, until }) {
    this.#stopAlarm?.();
    this.#stopAlarm = this.#ports.alarm(Math.max(0, until - this.now) * 1000, () => this.#step(this.#seat.due(call)));
  }

  #solve({ challenge }) {
    this.#solving?.abort();
    this.#solving = new AbortController();
    this.progress = 0;
    const onProgress = (share) => { this.progress = share; this.#tell(); };
    this.#ports.solve(challenge, { signal: this.#solving.signal, onProgress }).then(
      (answer) => this.#step(this.#seat.solved(challenge, answer)),
      () => this.#step(this.#seat.unsolvable(challenge)),
    );
  }

  #settle() {
    const { state } = this.#seat;
    if (!this.#sitting.length || !["seated", "none", "elsewhere", "closed"].includes(state)) return;
    const ticket = state === "seated" ? this.#seat.use() : null;
    if (ticket) this.#tabs.here();
    for (const resume of this.#sitting.splice(0)) resume(ticket);
  }

  #keep() {
    const { ticket, waiting, claim } = this.#seat, held = `${ticket} ${waiting}`;
    if (held !== this.#held) this.#kept.keepSeat({ ticket, waiting }, Date.now());
    this.#held = held;
    if (claim && claim !== this.#kept.claim()) this.#kept.keepClaim(claim);
  }

  #tell() { this.dispatchEvent(new Event("change")); }
}

/* A browser that forbids storage throws as soon as it is looked for. */
function storages() {
  try { return { session: globalThis.sessionStorage, local: globalThis.localStorage }; } catch { return { session: null, local: null }; }
}
