/* Drawing the way to a seat: how many wait, the chance, what is being done, when it is asked again, the
   claim. In place of the player while there is no seat; below the waiting room before the air. */

import { counted, locale } from "./format.js";

const SAY_MS = 15000;              // a screen reader is told what changed no more often than that
const CHANCE_LEAST = 0.01, CHANCE_MOST = 0.99;

export class SeatView {
  #phrases; #language; #number; #percent; #kind = ""; #said = ""; #saidAt = -Infinity; #askAt = null; #run = null; #runFrom = 0; #title = document.title;

  constructor(phrases, language) {
    this.#phrases = phrases.seat;
    this.#language = language;
    this.#number = new Intl.NumberFormat(locale(language));
    this.#percent = new Intl.NumberFormat(locale(language), { style: "percent" });
  }

  /** Draw `kind`: "" (nothing), waiting, solving, refused, elsewhere or won. `claim` is the address that it
      opens, "" for none; `progress` the puzzle's, 0 to 1; `now` and the seat's `askAt` are of one clock. */
  show(kind, { seat, claim, progress, now }) {
    this.#swap(kind);
    if (!kind) return;
    const told = seat.told ?? {}, texts = this.#texts(kind, told);
    set(by("seat-title"), texts.title);
    set(by("seat-text"), texts.text);
    this.#figures(kind, told);
    this.#step(kind, seat, progress, now);
    this.#promise(kind, claim);
    set(by("seat-go"), this.#phrases[kind === "elsewhere" ? "listen_here" : "listen_now"]);
    this.#say(kind, this.#words(told) || `${texts.title}. ${texts.text}`);
  }

  /* The panel comes and goes; where the keyboard was, it stays near. */
  #swap(kind) {
    if (kind === this.#kind) return;
    const panel = by("seat"), before = this.#kind, held = document.activeElement;
    this.#kind = kind;
    document.title = kind === "won" ? `${this.#phrases.won_title} · ${this.#title}` : this.#title;
    by("conversation").dataset.seat = kind;
    panel.dataset.kind = kind;
    panel.hidden = !kind;
    if (!before || kind !== "waiting" && kind !== "solving") this.#said = ""; // of these two one is enough
    if (!before && kind && held === by("play")) by("seat-title").focus();
    else if (before && !kind && panel.contains(held)) by("play").focus();
  }

  #texts(kind, told) {
    const phrases = this.#phrases;
    const why = kind === "waiting" ? { "taken-back": "taken_back", "no-place": "no_place" }[told.reason] : "";
    if (why) return { title: phrases[`${why}_title`], text: phrases[`${why}_text`] };
    if (kind !== "refused") return { title: phrases[`${kind}_title`], text: phrases[`${kind}_text`] };
    return { title: phrases.refused[told.reason] ?? phrases.refused.other, text: this.#words(told) || phrases.refused_text };
  }

  #words(told) { return (this.#language === "ar" ? told.arabic : told.english) || told.detail || ""; }

  #figures(kind, told) {
    by("seat-figures").hidden = kind !== "waiting" && kind !== "solving";
    const known = typeof told.chance === "number", ring = by("seat-ring");
    ring.dataset.known = String(known);
    ring.style.setProperty("--share", known ? told.chance.toFixed(3) : "0");
    set(by("seat-chance"), known ? this.#short(told.chance) : "");
    set(by("seat-odds"), this.#odds(told.chance));
    set(by("seat-people"), this.#number.format(Math.max(1, told.people ?? 1)));
    set(by("seat-seats"), this.#number.format(told.seats ?? 0));
    by("seat-seats-row").hidden = !told.seats;
  }

  #odds(chance) {
    const phrases = this.#phrases;
    if (typeof chance !== "number") return phrases.chance_unknown;
    if (chance < CHANCE_LEAST) return phrases.chance_least;
    return chance > CHANCE_MOST ? phrases.chance_most : phrases.chance_about.replace("{n}", String(Math.round(chance * 100)));
  }

  #short(chance) {
    if (chance < CHANCE_LEAST) return `<${this.#percent.format(CHANCE_LEAST)}`;
    return chance > CHANCE_MOST ? `>${this.#percent.format(CHANCE_MOST)}` : this.#percent.format(chance);
  }

  /* What is being done: the puzzle's progress, or the time until it is asked again. */
  #step(kind, seat, progress, now) {
    by("seat-step").hidden = kind !== "waiting" && kind !== "solving" && kind !== "refused";
    if (kind === "solving") {
      this.#runTo(null, now);
      set(by("seat-again"), this.#phrases.solved.replace("{n}", this.#percent.format(Math.floor(progress * 100) / 100)));
      by("seat-bar").style.setProperty("--share", progress.toFixed(3));
      return;
    }
    const left = seat.askAt === null ? 0 : Math.max(0, Math.ceil(seat.askAt - now));
    set(by("seat-again"), seat.isUnheard ? this.#phrases.unheard : left ? counted(this.#phrases.again, left, this.#language) : this.#phrases.again_now);
    this.#runTo(seat.askAt, now);
  }

  /* Without steps, by the browser's own clock, where motion is wanted; a new time begins anew. */
  #runTo(askAt, now) {
    const bar = by("seat-bar");
    if (askAt !== this.#askAt) {
      this.#run?.cancel();
      this.#askAt = askAt;
      this.#runFrom = now;
      const still = askAt === null || matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.#run = still ? null : bar.animate([{ scale: "0 1" }, { scale: "1 1" }], { duration: Math.max(0, askAt - now) * 1000 });
    }
    const share = askAt === null ? 1 : Math.min(1, (now - this.#runFrom) / Math.max(0.1, askAt - this.#runFrom));
    bar.style.setProperty("--share", share.toFixed(3));
  }

  #promise(kind, claim) {
    const tap = kind === "elsewhere" || kind === "won";
    by("seat-go-row").hidden = !tap;
    by("seat-promise").hidden = tap;
    by("seat-whole").hidden = kind === "refused"; // the door's own words end with it
    by("seat-keep").hidden = !claim;
    if (by("seat-claim").value !== claim) by("seat-claim").value = claim;
  }

  #say(kind, text) {
    const now = performance.now();
    if (text === this.#said || (this.#said && now - this.#saidAt < SAY_MS)) return;
    this.#said = text;
    this.#saidAt = now;
    set(by("seat-said"), text);
  }
}

function set(node, text) { if (node.textContent !== text) node.textContent = text; }
function by(id) { return document.getElementById(id); }
