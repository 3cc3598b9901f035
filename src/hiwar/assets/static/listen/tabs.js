/* Tabs of one browser that have the same seat, told apart before they take it from each other in turns.

   A duplicated tab has its original's ticket: it asks, and where another tab answers that the seat is its
   own, the duplicate forgets it and gets one of its own. Where it is the visitor's seat in every tab (an
   account's, an invitation's), the tab that begins to listen says so, and the other stops. */

const CHANNEL = "hiwar-seats";

export class Tabs {
  #channel = null; #conversation; #holds; #name = Math.random();

  /** `holds()` is the seat that this tab has, "" for none; `taken()` is called where another tab has had it
      all along, `lost()` where another begins to listen with it. */
  constructor(conversation, { holds, taken, lost }) {
    this.#conversation = conversation;
    this.#holds = holds;
    try { this.#channel = new BroadcastChannel(CHANNEL); } catch { return; } // an old browser: the door sorts it out
    this.#channel.addEventListener("message", ({ data }) => {
      if (data.conversation !== conversation || data.seat !== holds() || !data.seat) return;
      if (data.say === "whose") this.#say("mine", data.from);
      else if (data.say === "mine" && data.to === this.#name) taken();
      else if (data.say === "here") lost();
    });
    this.#say("whose");
  }

  /** This tab begins to listen. */
  here() { this.#say("here"); }

  #say(say, to = null) {
    const seat = this.#holds();
    if (seat) this.#channel?.postMessage({ say, to, seat, conversation: this.#conversation, from: this.#name });
  }
}

/** The serial in a ticket or waiting token (the third field of what it signs); "" where there is none. */
export function seatOf(token) {
  try {
    const [body] = token.split(".");
    const serial = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")))[2];
    return typeof serial === "string" ? serial : "";
  } catch { return ""; }
}
