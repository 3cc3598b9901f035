/* What a visit leaves on this device: the seat of this tab (so that a reload comes back to it, and another
   tab gets its own), and the newest claim of each conversation. `session` and `local` are Web Storage; where
   there is none, or it is full, nothing is kept and nothing else is lost. */

const SEAT_KEY = "hiwar-seat-", CLAIMS_KEY = "hiwar-claims";
const CLAIMS_MAX = 50; // conversations; the oldest is forgotten

export class Keepsakes {
  #session; #local; #conversation;

  constructor(session, local, conversation) { this.#session = session; this.#local = local; this.#conversation = conversation; }

  /** {ticket, waiting, at}: `at` is the wallclock (ms) when it was kept, 0 if nothing was. */
  seat() {
    const kept = read(this.#session, SEAT_KEY + this.#conversation);
    return { ticket: text(kept?.ticket), waiting: text(kept?.waiting), at: Number(kept?.at) || 0 };
  }

  keepSeat({ ticket, waiting }, at) { write(this.#session, SEAT_KEY + this.#conversation, { ticket, waiting, at }); }

  /** The newest claim of the conversation, "" for none. */
  claim() { return text(this.#claims().find(([conversation]) => conversation === this.#conversation)?.[1]); }

  keepClaim(claim) {
    const others = this.#claims().filter(([conversation]) => conversation !== this.#conversation);
    write(this.#local, CLAIMS_KEY, [[this.#conversation, claim], ...others].slice(0, CLAIMS_MAX));
  }

  #claims() {
    const kept = read(this.#local, CLAIMS_KEY);
    return Array.isArray(kept) ? kept.filter(Array.isArray) : [];
  }
}

function read(storage, key) {
  try { return JSON.parse(storage.getItem(key)); } catch { return null; }
}

function write(storage, key, kept) {
  try { storage.setItem(key, JSON.stringify(kept)); } catch { /* not kept, then */ }
}

function text(kept) { return typeof kept === "string" ? kept : ""; }
