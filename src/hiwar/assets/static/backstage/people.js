// Who is here: one row a speaker, with the live level around their letter, kept and mended, not redrawn.

import { button, el, icon, levelOf, setLevel, setText } from "./dom.js";
import { ask } from "./dialogs.js";
import { number, t } from "./words.js";

const RANK = { host: 2, cohost: 1, guest: 0 };
const FAIR_PERCENT = 2;
const POOR_PERCENT = 8;

export class People {
  #rows = new Map();

  constructor(session, act) {
    this.session = session;
    this.act = act; // carries out a command and tells when it failed
    this.node = el("ul", { class: "people" });
  }

  update() {
    const speakers = [...(this.session.state.room?.speakers ?? [])].sort((one, other) => RANK[other.person.role] - RANK[one.person.role]);
    const here = new Set(speakers.map((row) => row.person.id));
    for (const [id, row] of this.#rows) if (!here.has(id)) { row.node.remove(); this.#rows.delete(id); }
    speakers.forEach((speaker, place) => {
      const row = this.#rows.get(speaker.person.id) ?? this.#add(speaker.person.id);
      row.show(speaker, this.session.state.loss[speaker.person.id] ?? 0);
      if (this.node.children[place] !== row.node) this.node.insertBefore(row.node, this.node.children[place] ?? null);
    });
  }

  levels() {
    const { levels, you } = this.session.state;
    for (const [id, row] of this.#rows) if (id !== you.id) row.level(levels[id] ?? -127);
  }

  ownLevel(dbfs) {
    this.#rows.get(this.session.state.you.id)?.level(dbfs);
  }

  #add(id) {
    const row = new PersonRow(id, this.session, this.act);
    this.#rows.set(id, row);
    return row;
  }
}

/** The letter that stands for a name; the Arabic article stands for nobody. */
function initial(name) {
  return [...name.replace(/^\u0627\u0644(?=\p{L}{2})/u, "")][0]?.toUpperCase() ?? "";
}

class PersonRow {
  constructor(id, session, act) {
    this.id = id;
    this.session = session;
    this.act = act;
    this.own = id === session.state.you.id;
    this.avatar = el("span", { class: "avatar", aria: { hidden: "true" } });
    this.name = el("bdi", { class: "person-name" });
    this.role = el("span", { class: "person-role soft small" });
    this.quality = el("span", { class: "quality" }, el("i"), el("i"), el("i"), el("span", { class: "visually-hidden" }));
    this.mutedSign = el("span", { class: "person-muted", title: t("muted"), hidden: true }, icon("muted"), el("span", { class: "visually-hidden" }, t("muted")));
    this.tools = el("div", { class: "person-tools" });
    this.panel = el("div", { class: "person-panel stack-s", hidden: true, id: `panel-${id}` });
    this.node = el("li", { class: "person", data: { person: id } },
      this.avatar,
      el("div", { class: "person-who grow" }, el("div", { class: "person-line" }, this.name, this.own ? el("span", { class: "you-mark" }, t("you")) : null, this.mutedSign), this.role),
      this.quality, this.tools, this.panel);
  }

  show(speaker, loss) {
    const { person } = speaker;
    this.speaker = speaker;
    setText(this.avatar, initial(person.name));
    setText(this.name, person.name);
    setText(this.role, t(`role_${person.role}`));
    this.node.dataset.connected = String(person.connected);
    this.mutedSign.hidden = !person.muted;
    this.#showQuality(speaker, loss);
    if (!person.connected || person.muted) this.level(-127);
    this.#showTools(person);
    if (this.gain && document.activeElement !== this.gain) this.#showGain(speaker.gain_db);
  }

  level(dbfs) {
    const shown = this.speaker?.person.muted || (this.own && this.session.state.muted) ? -127 : dbfs;
    setLevel(this.avatar, levelOf(shown));
    this.node.dataset.speaking = String(shown > -40);
  }

  #showQuality(speaker, loss) {
    const worst = this.own ? Math.max(loss, this.session.state.ownLoss) : loss;
    const grade = !speaker.person.connected ? "gone" : speaker.source === "file" ? "file"
      : worst >= POOR_PERCENT ? "poor" : worst >= FAIR_PERCENT ? "fair" : "good";
    this.quality.dataset.grade = grade;
    this.quality.title = t(`quality_${grade}`);
    setText(this.quality.lastChild, t(`quality_${grade}`));
    if (grade === "gone") setText(this.role, `${t(`role_${speaker.person.role}`)} · ${t("quality_gone")}`);
  }

  #showTools(person) {
    const mine = this.session.state.you.role;
    if (!this.session.leads || this.own || RANK[mine] < RANK[person.role]) return;
    if (!this.muteButton) this.#buildTools(person);
    const key = person.muted ? "unmute_person" : "mute_person";
    this.muteButton.setAttribute("aria-label", t(key, { name: person.name }));
    this.muteButton.title = t(key, { name: person.name });
    this.muteButton.setAttribute("aria-pressed", String(person.muted));
    this.moreButton.setAttribute("aria-label", t("more_for", { name: person.name }));
  }

  #buildTools(person) {
    this.muteButton = button({ sign: "muted", tone: "quiet", label: t("mute"), onclick: () => this.act(this.speaker.person.muted ? "unmute" : "mute", this.id) });
    this.moreButton = button({ sign: "more", tone: "quiet", label: t("more_for", { name: person.name }), aria: { expanded: "false", controls: this.panel.id }, onclick: () => this.#toggle() });
    this.tools.append(this.muteButton, this.moreButton);
    this.gain = el("input", { type: "range", min: -20, max: 20, step: 1, id: `gain-${this.id}`, onchange: () => this.act("gain", this.id, this.gain.value), oninput: () => this.#showGain(Number(this.gain.value)) });
    this.gainText = el("output", { class: "numeric small", htmlFor: this.gain.id });
    this.panel.append(el("div", { class: "gain" }, el("label", { class: "small", htmlFor: this.gain.id }, t("gain")), this.gain, this.gainText));
    if (RANK[this.session.state.you.role] > RANK[person.role]) {
      this.panel.append(el("div", {}, button({ text: t("remove"), tone: "danger", onclick: () => this.#remove() })));
    }
  }

  #showGain(value) {
    this.gain.value = value;
    setText(this.gainText, t("decibel", { value: `${value > 0 ? "+" : ""}${number(value)}` }));
  }

  #toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.moreButton.setAttribute("aria-expanded", String(!this.panel.hidden));
  }

  async #remove() {
    const { name } = this.speaker.person;
    const sure = await ask({ title: t("remove_title", { name }), text: t("remove_text"), yes: t("remove_confirm") });
    if (sure) await this.act("remove", this.id);
  }
}
