// At the door: how the front door stands, in words first, then figures and pictures; and the host's hand on
// it. The state comes over the events; what is wished is posted, and the door follows when it has read it.

import { announce, button, el, icon, setText, toast } from "./dom.js";
import { Bar, History, RUNGS, rungName } from "./front-pictures.js";
import { ago, language, number, percent, rate, t } from "./words.js";

const STALE_MS = 5000;
const SEATS_MAX = 1000000;
const VERDICTS = ["admit", "challenge", "wait", "refuse"];
const NOTICES = ["auto", "ask", "off"];
const HOLDS = ["", "busy", "limited", "siege"]; // the last rung nobody orders: only the speakers' health leads there
const BASE_S = 0.2; // from mouth to ear beside the write interval: encoding, chunk, the player's margin
const INTERVAL_SHARE = 1.08; // and of the interval, with the player's share of it

/** "open", … as the door reports, "silent" where it does not, "unheard" where we hear nothing at all. */
function where({ front, signalling }, now) {
  if (!signalling || front?.unheard) return "unheard";
  if (!front) return "loading";
  if (!front.state || now - front.writtenAt > STALE_MS) return "silent";
  return front.state.rung;
}

export class Front {
  #told = "";

  constructor(session) {
    this.session = session;
    this.rung = el("span", { class: "badge front-rung", data: { plain: "" } });
    this.now = el("p", { class: "front-now" });
    this.since = el("p", { class: "soft small" });
    this.saying = el("div", {}, this.now, this.since);
    this.trouble = el("div", { class: "notice", data: { kind: "wait" } }, icon("warning"), this.troubleText = el("div", { class: "stack-s" }));
    this.loading = el("div", { class: "stack-s", aria: { hidden: "true" } }, el("span", { class: "skeleton" }), el("span", { class: "skeleton" }));
    this.report = new Report();
    this.draft = new Draft((at) => this.#wish({ approve: at }));
    this.hand = new Hand((wish) => this.#wish(wish));
    this.node = el("section", { class: "card stack front", id: "front", "aria-labelledby": "front-title" },
      el("div", { class: "front-head" }, el("h2", { id: "front-title" }, t("front_title")), this.rung),
      this.saying, this.loading, this.trouble, this.draft.node, this.report.node, this.hand.node);
    this.update();
  }

  update() {
    const { front } = this.session.state;
    const state = where(this.session.state, performance.now());
    const reports = RUNGS.includes(state);
    if (state === "silent" || front?.unheard) this.session.askFront();
    this.node.dataset.state = state;
    this.loading.hidden = state !== "loading";
    for (const node of [this.rung, this.saying, this.report.node]) node.hidden = !reports;
    this.hand.node.hidden = !front;
    this.draft.show(reports ? front : null);
    this.#trouble(state);
    if (reports) this.#reported(front.state, state);
    if (front) this.hand.show(front, reports);
    if (state !== this.#told && this.#told && state !== "loading") announce(reports ? this.now.textContent : t(`front_${state}`));
    this.#told = state;
  }

  #reported(state, rung) {
    this.rung.dataset.rung = rung;
    setText(this.rung, rungName(rung));
    setText(this.now, t(`front_now_${rung.replace("-", "_")}`));
    const changed = t("front_since", { ago: ago(state.at_wallclock - state.since_wallclock) });
    setText(this.since, state.held ? `${t("front_held")} ${changed}` : changed);
    this.report.show(state);
  }

  #trouble(state) {
    this.trouble.hidden = state !== "silent" && state !== "unheard";
    if (this.trouble.hidden || this.trouble.dataset.state === state) return;
    this.trouble.dataset.state = state;
    this.troubleText.replaceChildren(el("strong", {}, t(`front_${state}`)), el("p", {}, t(state === "silent" ? "front_silent_text" : "front_unheard_text")));
  }

  async #wish(wish) {
    try {
      await this.session.wish(wish);
      toast(t("front_wished"));
      return true;
    } catch (error) {
      toast(t(error.reason === "forbidden" ? "command_forbidden" : "command_failed"));
      this.update(); // the controls show again what holds
      return false;
    }
  }
}

/** What the door reports: health, seats, figures, ten minutes. */
class Report {
  constructor() {
    this.health = el("p", { class: "front-health" });
    this.healthFigures = el("p", { class: "soft small" });
    this.seats = new Bar();
    this.seatsText = el("strong", { class: "numeric" });
    this.limit = el("p", { class: "soft small" });
    this.figures = Object.fromEntries(["waiting", "arrivals", "joins", "away", "behind", "busy"].map((name) => [name, el("dd", { class: "numeric" })]));
    this.answers = new Bar();
    this.answerTexts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, el("span", { class: "numeric" })]));
    this.savings = el("ul", { class: "front-savings small" });
    this.history = new History();
    this.node = el("div", { class: "stack" },
      el("div", {}, this.health, this.healthFigures),
      el("div", { class: "stack-s" }, el("div", { class: "row-between" }, el("span", {}, t("front_seats")), this.seatsText), this.seats.node, this.limit),
      el("dl", { class: "front-figures" }, Object.entries(this.figures).map(([name, node]) => el("div", {}, el("dt", {}, t(`front_${name}`)), node))),
      this.savings,
      el("div", { class: "stack-s" }, el("h3", {}, t("front_answers")), this.answers.node,
        el("ul", { class: "front-legend" }, VERDICTS.map((verdict) => el("li", { data: { kind: verdict } }, t(`front_verdict_${verdict}`), " ", this.answerTexts[verdict])))),
      el("div", { class: "stack-s" }, el("h3", {}, t("front_history")), this.history.node));
  }

  show(state) {
    if (state === this.shown) return; // asked again each second, told anew when there is news
    this.shown = state;
    this.#showHealth(state);
    const seats = t("front_seats_of", { taken: number(state.taken), seats: number(state.seats) });
    setText(this.seatsText, seats);
    this.seats.show([["taken", state.taken - state.away], ["away", state.away]], state.seats, `${t("front_seats")}: ${seats}`);
    setText(this.limit, t("front_limit", { limit: t(`front_limit_${state.by}`) }));
    this.#showFigures(state);
    this.#showAnswers(state.verdicts_per_s);
    this.history.show(state.history, state.at_wallclock);
  }

  #showHealth({ speakers_well: well, lateness_ms: late, recorder_lag_s: lag }) {
    if (this.health.dataset.well !== String(well)) {
      this.health.dataset.well = String(well);
      this.health.replaceChildren(icon(well ? "done" : "warning"), el("strong", {}, t(well ? "front_speakers_well" : "front_speakers_ill")));
    }
    setText(this.healthFigures, t("front_speakers_figures", { late: rate(late), lag: number(Math.round(lag * 100) / 100) }));
  }

  #showFigures(state) {
    const behind = state.taken === state.away ? "–" : t("front_seconds", { seconds: rate(BASE_S + (INTERVAL_SHARE * state.interval_ms) / 1000) });
    const shown = {
      waiting: number(state.waiting), away: number(state.away), behind,
      arrivals: rate(state.arrivals_per_s), joins: rate(state.joins_per_s), busy: percent(state.busy),
    };
    for (const [name, text] of Object.entries(shown)) setText(this.figures[name], text);
    const savings = [state.lighter ? t("front_lighter") : "", state.parts ? "" : t("front_no_parts")].filter(Boolean);
    this.savings.hidden = savings.length === 0;
    if (this.savings.childElementCount !== savings.length) this.savings.replaceChildren(...savings.map((text) => el("li", {}, text)));
  }

  #showAnswers(verdicts) {
    const all = VERDICTS.reduce((sum, verdict) => sum + verdicts[verdict], 0);
    const words = VERDICTS.map((verdict) => `${t(`front_verdict_${verdict}`)} ${rate(verdicts[verdict])}`);
    this.answers.show(VERDICTS.map((verdict) => [verdict, verdicts[verdict]]), all, `${t("front_answers")}: ${words.join(" · ")}`);
    for (const verdict of VERDICTS) setText(this.answerTexts[verdict], rate(verdicts[verdict]));
  }
}

/** The newest text that a move drafted: waiting for a yes, or what the public is told. */
class Draft {
  #at = 0;

  constructor(approve) {
    this.title = el("strong");
    this.texts = el("div", { class: "stack-s" });
    this.publish = button({ text: t("front_publish"), id: "front-publish", onclick: () => approve(this.#at) });
    this.node = el("div", { class: "front-draft stack-s", hidden: true }, this.title, this.texts, this.publish);
  }

  show(front) {
    const newest = front?.state.notices.at(-1);
    const mode = front?.wishes.notices;
    const waits = mode === "ask" && newest && !front.wishes.approved.includes(newest.at_wallclock);
    this.node.hidden = !newest || mode === "off";
    if (this.node.hidden) return;
    this.#at = newest.at_wallclock;
    this.publish.hidden = !waits;
    this.node.dataset.waits = String(waits);
    setText(this.title, t(waits ? "front_draft_waits" : "front_draft_public"));
    const both = [["ar", "rtl", newest.arabic], ["en", "ltr", newest.english]];
    const shown = waits ? both : both.filter(([lang]) => lang === language());
    const key = JSON.stringify(shown);
    if (key === this.key) return;
    this.key = key;
    this.texts.replaceChildren(...shown.map(([lang, dir, text]) => el("p", { lang, dir }, text)));
  }
}

/** The controls. What is wished is shown at once; that the door follows is seen above. */
class Hand {
  #edited = new Set(); // fields that differ from what is wished until their button is pressed
  #wishes = null;
  #follows = true;

  constructor(wish) {
    this.wish = wish;
    this.more = button({ text: t("front_more"), id: "front-more", aria: { describedby: "front-step" }, onclick: () => wish({ more: true }) });
    this.fewer = button({ text: t("front_fewer"), tone: "quiet", id: "front-fewer", onclick: () => wish({ fewer: true }) });
    this.step = el("p", { class: "soft small", id: "front-step" });
    this.summary = el("span", { class: "soft small" });
    this.hold = el("select", { id: "front-hold", onchange: () => this.#chosen() }, HOLDS.map((rung) => this.#option(rung, rung ? atLeast(rung) : t("front_hold_auto"))));
    this.holdHint = el("p", { class: "hint" });
    this.seats = el("input", { id: "front-seats", inputMode: "numeric", autocomplete: "off", maxLength: 12, "aria-describedby": "front-seats-hint", placeholder: t("front_seats_auto"), oninput: () => { this.#edited.add(this.seats); this.#complain(false); } });
    this.seatsHint = el("p", { class: "hint", id: "front-seats-hint" });
    this.notices = el("select", { id: "front-notices", onchange: () => wish({ notices: this.notices.value }) }, NOTICES.map((mode) => this.#option(mode, t(`front_notices_${mode}`))));
    this.noticesHint = el("p", { class: "hint" });
    this.node = el("div", { class: "stack front-hand" },
      el("div", { class: "stack-s" }, el("div", { class: "front-steps-buttons" }, this.more, this.fewer), this.step),
      el("details", {}, el("summary", {}, el("span", { class: "label" }, t("front_hand")), " ", this.summary), this.#fields()));
  }

  #option(value, text) {
    return el("option", { value }, text);
  }

  #fields() {
    this.seatsField = this.#form(this.seats, t("front_seats_wished"), this.seatsHint, () => this.#seated());
    return el("div", { class: "stack front-fields" },
      this.#form(this.hold, t("front_hold"), this.holdHint, () => this.#hold()), this.seatsField,
      el("div", { class: "field" }, el("label", { htmlFor: "front-notices" }, t("front_notices")), this.notices, this.noticesHint));
  }

  /** A field with a button that sends it: nothing happens to the door while somebody is still choosing. */
  #form(field, label, hint, send) {
    const submit = button({ text: t("front_set"), tone: "quiet", id: `${field.id}-set`, aria: { label: `${t("front_set")}: ${label}` } });
    submit.type = "submit";
    return el("form", { class: "field", noValidate: true, onsubmit: (event) => { event.preventDefault(); send(); } },
      el("label", { htmlFor: field.id }, label), el("div", { class: "front-set" }, field, submit), hint);
  }

  show({ wishes, step, state }, reports) {
    this.#wishes = wishes;
    this.#follows = !reports || wishes.hold === state.held;
    if (!this.#edited.has(this.hold)) this.hold.value = this.#held;
    if (document.activeElement !== this.notices) this.notices.value = wishes.notices;
    if (!this.#edited.has(this.seats)) this.seats.value = wishes.seats === null ? "" : number(wishes.seats);
    this.#explain();
    setText(this.noticesHint, t(`front_notices_${wishes.notices}_text`));
    if (!this.seatsField.dataset.invalid) setText(this.seatsHint, t("front_seats_text"));
    setText(this.step, step === null || !reports ? t("front_step_text") : t("front_step", { step: number(step) }));
    const set = [this.#held && atLeast(this.#held), wishes.seats !== null && t("front_summary_seats", { seats: number(wishes.seats) }), wishes.notices !== "auto" && t(`front_summary_${wishes.notices}`)].filter(Boolean);
    setText(this.summary, set.length ? set.join(" · ") : t("front_summary_auto"));
  }

  /** The rung that is wished for, as the control has it: holding the first is to hold nothing. */
  get #held() {
    return HOLDS.includes(this.#wishes.hold) ? this.#wishes.hold : "";
  }

  #chosen() {
    this.#edited.add(this.hold);
    this.#explain();
  }

  /** What the chosen state means; or, once it is wished, that the door has not got there yet. */
  #explain() {
    const waits = !this.#edited.has(this.hold) && !this.#follows;
    setText(this.holdHint, waits ? t("front_follows") : t(`front_means_${this.hold.value || "auto"}`));
  }

  /** Whether it was heard, and the field has not been given another value meanwhile. */
  async #wished(wish, field) {
    const { value } = field;
    return await this.wish(wish) && field.value === value;
  }

  async #hold() {
    if (!await this.#wished({ hold: this.hold.value || null }, this.hold)) return;
    this.#edited.delete(this.hold);
    this.hold.value = this.#held;
    this.#explain();
  }

  async #seated() {
    const seats = readNumber(this.seats.value);
    if (seats !== null && !(seats >= 1 && seats <= SEATS_MAX)) return this.#complain(true);
    if (await this.#wished({ seats }, this.seats)) this.#edited.delete(this.seats);
    return undefined;
  }

  #complain(on) {
    if (on) this.seatsField.dataset.invalid = "true";
    else delete this.seatsField.dataset.invalid;
    this.seats.setAttribute("aria-invalid", String(on));
    this.seatsHint.className = on ? "error" : "hint";
    setText(this.seatsHint, on ? t("front_seats_wrong", { most: number(SEATS_MAX) }) : t("front_seats_text"));
  }
}

const atLeast = (rung) => t("front_at_least", { rung: rungName(rung) });

/** A whole number as people write it, in Arabic digits too, with marks between thousands; null for nothing,
 *  NaN for anything else. */
export function readNumber(text) {
  const plain = text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15)).replace(/[\s,\u066c]/g, "");
  if (plain === "") return null;
  return /^[0-9]+$/.test(plain) ? Number(plain) : NaN;
}
