/* Drawing who is on air: the list of speakers with live levels, the count, the phase. */

import { counted, initial, meterLevel } from "./format.js";

const TOAST_MS = 6000;

export class RoomView {
  #phrases; #language; #rows = new Map();

  constructor(phrases, language) { this.#phrases = phrases; this.#language = language; }

  /** Draw a `state` event: {phase, listeners, speakers}. */
  state(body) {
    const count = by("listeners");
    count.hidden = !(body.listeners > 0);
    count.textContent = counted(this.#phrases.listeners, body.listeners ?? 0, this.#language);
    const speakers = body.speakers ?? [];
    by("speakers-section").hidden = speakers.length === 0;
    for (const [id, row] of this.#rows) if (!speakers.some((one) => one.id === id)) { row.item.remove(); this.#rows.delete(id); }
    for (const one of speakers) this.#speaker(one);
  }

  /** Draw a `levels` event: {levels: {id: dBFS}}; `{}` is silence. */
  levels(levels) {
    let loudest = 0;
    for (const [id, row] of this.#rows) {
      const level = meterLevel(levels[id] ?? -127);
      loudest = Math.max(loudest, level);
      row.avatar.style.setProperty("--level", level.toFixed(2));
    }
    by("program-level").style.setProperty("--level", loudest.toFixed(2));
  }

  /** Show a short message for a while. */
  toast(text) {
    const item = make("div", "toast");
    item.textContent = text;
    by("toasts").append(item);
    setTimeout(() => item.remove(), TOAST_MS);
  }

  #speaker(one) {
    const row = this.#rows.get(one.id) ?? this.#newRow(one.id);
    const name = one.name || this.#phrases[one.role] || "";
    const notes = [one.name ? this.#phrases[one.role] : "", !one.connected ? this.#phrases.away : one.muted ? this.#phrases.muted : ""];
    set(row.avatar, initial(name));
    set(row.name, name);
    set(row.note, notes.filter(Boolean).join(" · "));
    row.item.dataset.away = String(!one.connected);
  }

  #newRow(id) {
    const row = { item: make("li", "person"), avatar: make("span", "avatar"), text: make("span", "person-text"), name: make("bdi"), note: make("span", "small soft") };
    row.avatar.setAttribute("aria-hidden", "true");
    row.text.append(row.name, row.note);
    row.item.append(row.avatar, row.text);
    by("speakers").append(row.item);
    this.#rows.set(id, row);
    return row;
  }
}

function make(tag, className = "") { const node = document.createElement(tag); node.className = className; return node; }
function set(node, text) { if (node.textContent !== text) node.textContent = text; }
function by(id) { return document.getElementById(id); }
