// Small pictures of the front door: bars of shares, and ten minutes as lines over the rungs of the ladder.
// Each is an image with its meaning in words; time runs as the page is read, the newest last.

import { el } from "./dom.js";
import { listed, minutes, number, t } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const SPAN_S = 600;
const GAP_S = 15; // three rows missing: nobody wrote, so nothing is drawn
const ROW_S = 5;
const WIDTH = 600; // one unit a second
const HEIGHT = 40;

export const RUNGS = ["open", "busy", "limited", "siege", "record-only"];

export const rungName = (rung) => t(`front_rung_${rung.replace("-", "_")}`);

/** A bar of parts: `show([[kind, amount], …], whole, label)`; what is left of `whole` stays empty, and so
 *  does all of it where `whole` is nothing. */
export class Bar {
  constructor() {
    this.node = el("div", { class: "front-bar", role: "img" });
  }

  show(parts, whole, label) {
    const all = whole > 0 ? Math.max(whole, parts.reduce((sum, [, amount]) => sum + amount, 0)) : Infinity;
    while (this.node.childElementCount < parts.length) this.node.append(el("i"));
    parts.forEach(([kind, amount], place) => {
      const part = this.node.children[place];
      part.dataset.kind = kind;
      part.style.inlineSize = `${(100 * amount) / all}%`;
    });
    this.node.setAttribute("aria-label", label);
  }
}

/** The last ten minutes. A row is [at_wallclock, rung, taken, seats, waiting, arrivals_per_s, …]. */
export class History {
  constructor() {
    this.waiting = new Lane("front_waiting");
    this.arrivals = new Lane("front_arrivals");
    this.steps = shape("svg", { viewBox: `0 0 ${WIDTH} ${RUNGS.length}`, preserveAspectRatio: "none", class: "front-steps", "aria-hidden": "true" });
    this.legend = el("ul", { class: "front-legend", aria: { hidden: "true" } });
    this.node = el("div", { class: "front-history", role: "img" }, this.waiting.node, this.arrivals.node, this.steps,
      el("div", { class: "front-axis soft" }, this.start = el("span"), el("span", {}, t("front_axis_now"))), this.legend);
  }

  show(rows, now) {
    const seen = rows.filter(([at]) => at > now - SPAN_S && at <= now);
    const bands = spans(seen, now);
    this.start.textContent = t("front_axis_start", { minutes: minutes(SPAN_S) });
    this.waiting.show(seen, 4, bands, now);
    this.arrivals.show(seen, 5, bands, now);
    this.steps.replaceChildren(...bands.map((band) => rect(band, band.rung + 1, RUNGS.length)));
    this.#explain(bands);
  }

  #explain(bands) {
    const lasted = new Map();
    for (const { rung, from, to } of bands) lasted.set(rung, (lasted.get(rung) ?? 0) + to - from);
    const found = [...lasted].sort(([one], [other]) => one - other);
    const key = found.map(([rung]) => rung).join();
    if (key !== this.legendShown) {
      this.legendShown = key;
      this.legend.replaceChildren(...found.map(([rung]) => el("li", { data: { rung: RUNGS[rung] } }, rungName(RUNGS[rung]))));
    }
    const rungs = listed(found.map(([rung, seconds]) => t("front_history_rung", { rung: rungName(RUNGS[rung]), minutes: minutes(seconds) })));
    this.node.setAttribute("aria-label", found.length
      ? t("front_history_text", { waiting: number(this.waiting.most), arrivals: number(this.arrivals.most), rungs })
      : t("front_history_none"));
  }
}

class Lane {
  constructor(word) {
    this.word = word;
    this.most = 0;
    this.top = el("span", { class: "numeric soft" });
    this.drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "front-lane", "aria-hidden": "true" });
    this.node = el("div", {}, el("div", { class: "front-lane-head" }, el("span", {}, t(word)), this.top), this.drawing);
  }

  show(rows, column, bands, now) {
    this.most = Math.round(Math.max(0, ...rows.map((row) => row[column])));
    this.top.textContent = t("front_most", { most: number(this.most) });
    const height = (row) => HEIGHT - 2 - (row[column] / Math.max(1, this.most)) * (HEIGHT - 6);
    const pieces = unbroken(rows).map((piece) => piece.map((row) => `${place(row[0], now).toFixed(1)},${height(row).toFixed(1)}`));
    this.drawing.replaceChildren(
      ...bands.map((band) => rect(band, HEIGHT, HEIGHT)),
      ...pieces.flatMap((piece) => [
        shape("path", { class: "area", d: `M${piece[0].split(",")[0]},${HEIGHT}L${piece.join("L")}L${piece.at(-1).split(",")[0]},${HEIGHT}Z` }),
        shape("path", { class: "line", d: `M${piece.join("L")}` })]));
  }
}

const place = (at, now) => WIDTH - (now - at);

/** Rows as stretches without a gap; the last one reaches to now. */
function unbroken(rows) {
  const pieces = [];
  rows.forEach((row, index) => {
    if (index === 0 || row[0] - rows[index - 1][0] > GAP_S) pieces.push([]);
    pieces.at(-1).push(row);
  });
  return pieces;
}

/** Stretches on one rung: {rung, from, to, x, width}. */
function spans(rows, now) {
  const bands = [];
  rows.forEach(([at, rung], index) => {
    const next = rows[index + 1]?.[0] ?? now;
    const to = next - at > GAP_S ? at + ROW_S : next;
    const last = bands.at(-1);
    if (last?.rung === rung && last.to === at) last.to = to;
    else bands.push({ rung, from: at, to });
  });
  return bands.map((band) => ({ ...band, x: place(band.from, now), width: band.to - band.from }));
}

function rect({ rung, x, width }, height, full) {
  const node = shape("rect", { x: x.toFixed(1), width: width.toFixed(1), y: full - height, height });
  node.dataset.rung = RUNGS[rung];
  return node;
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
