/* What the public is told while the front door is busier than usual: one banner above the player, in the
   page's language. The page may come with one already; what is asked or heard later says what holds now. A
   stream that opens names it only while there is one. */

const DISMISSED_KEY = "hiwar-front-dismissed";
const BACK_MS = 10000;             // "as usual again" is read, and goes
const OPENING_MS = 2000;           // in which a stream that opened would have named it

export class FrontNotice {
  #language; #at = 0; #dismissed = 0; #timer = 0; #opening = 0;

  constructor(language) {
    this.#language = language;
    try { this.#dismissed = Number(sessionStorage.getItem(DISMISSED_KEY)) || 0; } catch { /* then only until the reload */ }
    const shown = by("front");
    this.#at = shown.hidden ? 0 : Number(shown.dataset.at);
    if (this.#at && this.#at === this.#dismissed) shown.hidden = true;
    by("front-dismiss").addEventListener("click", () => this.#dismiss());
    by("front-more").addEventListener("click", () => this.#fold(false));
    this.#fold(true);
  }

  /** A stream opened: what it does not name soon holds no more. */
  expect() {
    clearTimeout(this.#opening);
    this.#opening = setTimeout(() => this.show(), OPENING_MS);
  }

  /** `front` is {rung, at, arabic, english}, or nothing (or {}) while nothing is to be told. */
  show(front) {
    clearTimeout(this.#opening);
    const at = front?.at ?? 0, back = front?.rung === "open", before = this.#at;
    if (at === before) return;
    this.#at = at;
    clearTimeout(this.#timer);
    if (!at || at === this.#dismissed || (back && (!before || by("front").hidden))) { by("front").hidden = true; return; }
    by("front").dataset.kind = back ? "good" : "wait";
    by("front").hidden = false;
    const lead = document.createElement("strong"), words = this.#language === "ar" ? front.arabic : front.english;
    lead.textContent = leadOf(words);
    by("front-text").replaceChildren(lead, words.slice(lead.textContent.length));
    this.#fold(true);
    if (back) this.#timer = setTimeout(() => { by("front").hidden = true; }, BACK_MS);
  }

  /* On a phone only the beginning is shown, and the rest at a tap. */
  #fold(folded) {
    const text = by("front-text");
    text.dataset.whole = String(!folded);
    by("front-more").hidden = text.scrollHeight <= text.clientHeight + 2;
  }

  #dismiss() {
    this.#dismissed = this.#at;
    by("front").hidden = true;
    try { sessionStorage.setItem(DISMISSED_KEY, String(this.#at)); } catch { /* it comes again after a reload */ }
  }
}

/** The first sentence. Pure. */
export function leadOf(words) { return /^.*?[.!?؟](?=\s|$)/u.exec(words)?.[0] ?? words; }

function by(id) { return document.getElementById(id); }
