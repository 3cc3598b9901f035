// Inside: where we stand in one glance, who is here, one's own microphone, and the desk for who leads.

import { announce, button, el, icon, setText, toast } from "./dom.js";
import { ask } from "./dialogs.js";
import { Desk } from "./desk.js";
import { Microphone } from "./microphone.js";
import { People } from "./people.js";
import { clock, number, t } from "./words.js";

const HOLD_TO_TALK_MS = 500;
const FRONT_LOOK_MS = 1000;
const TWO_COLUMNS = "(min-width: 56rem)"; // as in backstage.css
const FIELDS = new Set(["INPUT", "SELECT", "TEXTAREA"]);

export class RoomScreen {
  #frame = 0;
  #told = "";
  #heldSince = 0;
  #off = new AbortController();

  constructor(session, microphone, player) {
    this.session = session;
    this.microphone = microphone;
    this.player = player;
    this.people = new People(session, (...command) => this.#act(...command));
    this.desk = session.leads ? new Desk(session, (...command) => this.#act(...command)) : null;
    this.node = el("section", { class: "room" });
    this.#build();
    this.#listen();
    this.update();
    this.#draw();
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#off.abort();
  }

  #build() {
    this.title = el("h1", { dir: "auto", tabIndex: -1 }, this.session.state.conversation.title);
    this.stateName = el("strong", { class: "state-name" });
    this.stateText = el("p", { class: "state-text" });
    this.time = el("span", { class: "state-clock numeric ltr", role: "timer" });
    this.figures = el("div", { class: "state-figures" });
    this.listeners = el("span", { class: "figure numeric" });
    this.recording = el("span", { class: "figure" });
    this.figures.append(this.listeners, this.recording);
    this.banner = el("div", { class: "state-banner", data: { state: "" } },
      el("div", { class: "state-head" }, el("span", { class: "state-lamp", aria: { hidden: "true" } }), this.stateName, el("span", { class: "state-time" }, this.time)), this.stateText, this.figures);
    this.notices = el("div", { class: "stack-s notices", role: "status" });
    const main = el("div", { class: "stack room-main" }, this.banner, this.notices,
      el("div", { class: "card" }, el("h2", {}, t("people_here")), this.people.node, this.alone = el("p", { class: "soft", hidden: true }, t("alone"))));
    this.node.append(this.title, this.desk ? el("div", { class: "split" }, main, this.desk.node) : main, this.#bar());
    if (this.desk) this.#place(main);
  }

  #place(main) {
    const columns = window.matchMedia(TWO_COLUMNS);
    this.desk.place(main, columns.matches);
    columns.addEventListener("change", () => this.desk.place(main, columns.matches), { signal: this.#off.signal });
  }

  #bar() {
    this.mute = button({ text: t("mute"), sign: "microphone", id: "mute", data: { size: "l" }, onclick: () => this.#toggleMute() });
    this.mutedState = el("span", { class: "bar-state small" });
    this.devices = el("select", { id: "room-device", aria: { label: t("microphone") }, onchange: () => this.#changeDevice() });
    this.hear = button({ text: t("tap_to_hear"), sign: "headphones", hidden: true, onclick: () => this.player.play().then(() => { this.hear.hidden = true; }) });
    const leave = button({ text: t("leave"), sign: "leave", tone: "quiet", id: "leave", onclick: () => this.#leave() });
    this.#fillDevices();
    return el("div", { class: "bar" }, el("div", { class: "page bar-inside" },
      this.mute, el("div", { class: "bar-text" }, this.mutedState, el("span", { class: "soft small bar-hint" }, t("space_hint"))), this.hear, this.devices, leave));
  }

  #listen() {
    const { signal } = this.#off;
    this.session.addEventListener("levels", () => { this.people.levels(); this.#figures(); }, { signal });
    this.session.addEventListener("front", () => this.desk?.front.update(), { signal });
    this.session.addEventListener("others", () => this.#playOthers(), { signal });
    this.session.addEventListener("mutedfromafar", () => { toast(t("muted_by_host")); announce(t("muted_by_host")); }, { signal });
    this.session.addEventListener("microphone", (event) => toast(t(event.detail)), { signal });
    navigator.mediaDevices.addEventListener("devicechange", () => this.#fillDevices(), { signal });
    document.addEventListener("keydown", (event) => this.#key(event, true), { signal });
    document.addEventListener("keyup", (event) => this.#key(event, false), { signal });
    window.addEventListener("beforeunload", (event) => {
      if (this.session.state.phase === "live") event.preventDefault();
    }, { signal });
    if (this.session.others) this.#playOthers();
    const look = setInterval(() => this.desk?.front.update(), FRONT_LOOK_MS); // silence grows old by itself
    signal.addEventListener("abort", () => clearInterval(look));
  }

  #playOthers() {
    this.player.srcObject = this.session.others;
    this.player.play().catch(() => { this.hear.hidden = false; });
  }

  update() {
    const state = this.#where();
    if (state !== this.#told) announce(t(state === "live" ? "on_air" : state));
    this.#told = state;
    this.banner.dataset.state = state;
    document.documentElement.dataset.state = state;
    setText(this.stateName, t(state === "live" ? "on_air" : state));
    setText(this.stateText, this.#text(state));
    this.#figures();
    this.#showNotices();
    this.#showMute();
    this.people.update();
    this.people.levels();
    this.alone.hidden = (this.session.state.room?.speakers.length ?? 0) > 1;
    this.desk?.update();
  }

  /** "connecting", "reconnecting", "green_room", "live" or "waiting". */
  #where() {
    const { sound, phase } = this.session.state;
    if (sound !== "connected") return sound === "reconnecting" ? "reconnecting" : "connecting";
    return phase === "live" || phase === "waiting" ? phase : "green_room";
  }

  #text(state) {
    const { phase, room } = this.session.state;
    const left = room?.ends_in_seconds;
    if (state === "reconnecting" && (phase === "live" || phase === "waiting")) return t("reconnecting_air");
    if (state === "waiting") return left === null || left === undefined ? t("waiting_text_plain") : t("waiting_text", { time: clock(left) });
    return t(state === "live" ? "on_air_text" : `${state}_text`);
  }

  #figures() {
    const { room } = this.session.state;
    const seconds = this.session.airSeconds();
    setText(this.time, seconds === null ? "" : clock(seconds));
    this.figures.hidden = seconds === null;
    if (seconds === null) return;
    figure(this.listeners, "ears", `${t("listeners")}: ${number(room.listeners)}`);
    figure(this.recording, "record", t(`recording_${room.recording}`));
    this.recording.dataset.recording = room.recording;
    if (room.ends_in_seconds !== null && this.#told === "waiting") setText(this.stateText, this.#text("waiting"));
  }

  #showNotices() {
    const { room, signalling, sound, phase, you } = this.session.state;
    const host = room?.speakers.find((row) => row.person.role === "host" && row.person.connected);
    const said = [];
    if (!signalling && sound === "connected") said.push(["wait", t("signalling_lost")]);
    if (room && !host && you.role !== "host" && sound === "connected") {
      if (phase === "live") said.push(["wait", t(this.session.leads ? "host_gone_lead" : "host_gone")]);
      else if (you.role === "guest" && phase !== "waiting") said.push(["info", t("host_absent")]);
    }
    if (room?.recording === "full") said.push(["error", t(this.session.leads ? "disk_full" : "disk_tell")]);
    if (room?.recording === "losing") said.push(["error", t(this.session.leads ? "disk_losing" : "disk_tell")]);
    const key = JSON.stringify(said);
    if (this.noticesShown === key) return;
    this.noticesShown = key;
    this.notices.replaceChildren(...said.map(([kind, text]) => el("div", { class: "notice", data: { kind } }, icon("warning"), el("p", {}, text))));
  }

  #showMute() {
    const { muted } = this.session.state;
    this.mute.dataset.muted = String(muted);
    setText(this.mute.lastChild, t(muted ? "unmute" : "mute"));
    this.mute.querySelector("svg").replaceWith(icon(muted ? "muted" : "microphone"));
    setText(this.mutedState, t(muted ? "you_are_muted" : "you_are_heard"));
    this.mutedState.dataset.muted = String(muted);
  }

  async #toggleMute(on = !this.session.state.muted) {
    try {
      await this.session.mute(on);
      announce(t(on ? "you_are_muted" : "you_are_heard"));
    } catch (error) {
      toast(t(error.reason === "forbidden" ? "muted_by_host" : "command_failed"));
    }
  }

  // The space bar: a tap mutes and unmutes; held while muted it opens the microphone until it is let go.
  #key(event, down) {
    const target = event.target;
    const taken = FIELDS.has(target.tagName) || target.closest?.("button, a, dialog, [role=button]");
    if (event.code !== "Space" || (taken && !(this.#heldSince && !down))) return;
    event.preventDefault();
    if (down && !event.repeat) {
      this.#heldSince = this.session.state.muted ? performance.now() : 0;
      this.#toggleMute();
    } else if (!down && this.#heldSince) {
      if (performance.now() - this.#heldSince > HOLD_TO_TALK_MS) this.#toggleMute(true);
      this.#heldSince = 0;
    }
  }

  async #fillDevices() {
    const found = await Microphone.devices();
    this.devices.hidden = found.length < 2;
    this.devices.replaceChildren(...found.map((device, index) => el("option", {
      value: device.deviceId, selected: device.deviceId === this.microphone.device,
    }, device.label || t("microphone_number", { number: index + 1 }))));
  }

  async #changeDevice() {
    try {
      await this.session.changeMicrophone(this.devices.value);
    } catch {
      toast(t("busy_title"));
      this.#fillDevices();
    }
  }

  async #leave() {
    if (await ask({ title: t("leave_title"), text: t("leave_text"), yes: t("leave") })) await this.session.leave();
  }

  async #act(kind, target, value) {
    try {
      await this.session.api.command(kind, target, value);
      if (kind === "remove") this.desk?.refresh(); // their link is taken back
    } catch (error) {
      toast(t(error.reason === "forbidden" ? "command_forbidden" : "command_failed"));
    }
  }

  #draw() {
    this.people.ownLevel(this.session.state.muted ? -127 : this.microphone.level());
    const seconds = this.session.airSeconds();
    if (seconds !== null) setText(this.time, clock(seconds));
    this.#frame = requestAnimationFrame(() => this.#draw());
  }
}

function figure(node, sign, text) {
  if (node.lastChild?.textContent === text) return;
  node.replaceChildren(icon(sign), el("span", {}, text));
}
