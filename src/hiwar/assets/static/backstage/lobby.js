// Before going in: one's name, a microphone that works, and the agreement to being recorded.

import { announce, button, el, icon, levelOf, setLevel, setText } from "./dom.js";
import { Microphone, obstacle } from "./microphone.js";
import { recall, remember } from "./session.js";
import { t } from "./words.js";

const LOUD_DBFS = -3;
const HEARD_DBFS = -42;
const HOLD_MS = 1500; // a verdict on the level stays this long

export class Lobby {
  #frame = 0;
  #quietUntil = 0;
  #devicesChanged = () => this.#fillDevices();

  constructor(session, microphone) {
    this.session = session;
    this.microphone = microphone;
    this.node = el("section", { class: "lobby" });
    this.#build();
    navigator.mediaDevices?.addEventListener("devicechange", this.#devicesChanged);
    const hindrance = obstacle();
    if (hindrance) this.#showTrouble(hindrance);
    else if (microphone.stream) this.#showMeter();
    else this.#openIfAllowed();
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.microphone.hearMyself(false);
    navigator.mediaDevices?.removeEventListener("devicechange", this.#devicesChanged);
  }

  update() {
    this.onAir.hidden = this.session.state.phase !== "live" && this.session.state.phase !== "waiting";
  }

  #build() {
    const { you, conversation } = this.session.state;
    this.onAir = el("div", { class: "notice", data: { kind: "wait" } }, icon("warning"), el("p", {}, t("on_air_already")));
    this.name = el("input", {
      id: "name", name: "name", type: "text", maxLength: 60, required: true, dir: "auto", autocomplete: "name",
      value: recall("name") || you.name, oninput: () => this.#mend(this.nameField),
    });
    this.nameField = el("div", { class: "field" },
      el("label", { htmlFor: "name" }, t("name_label")), this.name, el("p", { class: "error", hidden: true, id: "name-error" }, t("name_missing")));
    this.name.setAttribute("aria-describedby", "name-error");
    this.sound = el("div", { class: "stack-s", id: "microphone" });
    this.agree = el("input", { type: "checkbox", id: "agree", checked: recall("agreed") === "yes", onchange: () => this.#mend(this.consent) });
    this.consent = this.#consent();
    this.go = button({ text: t("enter"), id: "enter", data: { size: "l" } });
    this.go.type = "submit";
    this.node.append(
      el("header", { class: "lobby-head" },
        el("h1", { dir: "auto", tabIndex: -1 }, conversation.title),
        el("p", { class: "soft" }, t(`you_come_as_${you.role}`), " · ", t("lobby_lead"))),
      el("form", { class: "lobby-form", noValidate: true, onsubmit: (event) => this.#enter(event) },
        el("div", { class: "card stack" }, this.onAir, this.nameField, this.sound),
        el("div", { class: "stack" }, this.consent, this.go)));
    this.update();
  }

  #consent() {
    return el("div", { class: "card consent field" },
      el("h2", {}, icon("record"), t("consent_title")),
      el("p", {}, t("consent_text")),
      el("label", { class: "choice", htmlFor: "agree" }, this.agree, el("span", {}, t("consent_agree"))),
      el("p", { class: "error", hidden: true }, t("consent_missing")));
  }

  async #openIfAllowed() {
    this.#showStart();
    const permission = await navigator.permissions?.query({ name: "microphone" }).catch(() => null);
    if (permission?.state === "granted" && this.node.isConnected) await this.#open(recall("microphone"));
    if (permission?.state === "denied") this.#showTrouble("denied");
    permission?.addEventListener("change", () => {
      if (permission.state === "granted" && this.node.isConnected && !this.microphone.stream) this.#open("");
    });
  }

  #showStart() {
    this.sound.replaceChildren(
      el("p", { class: "label" }, t("microphone")),
      button({ text: t("microphone_start"), sign: "microphone", id: "microphone-start", onclick: () => this.#open("") }),
      el("p", { class: "soft small" }, t("microphone_why")));
  }

  async #open(device) {
    setText(this.sound.querySelector(".soft") ?? el("p"), t("microphone_asking"));
    try {
      await this.microphone.open(device).catch((error) => {
        if (!device) throw error;
        return this.microphone.open("");
      });
    } catch (error) {
      this.#showTrouble(error.reason ?? "busy");
      return;
    }
    remember("microphone", this.microphone.device);
    this.#showMeter();
  }

  #showTrouble(reason) {
    cancelAnimationFrame(this.#frame);
    const again = reason === "insecure" || reason === "unsupported" ? null
      : button({ text: t("try_again"), tone: "quiet", onclick: () => this.#open("") });
    this.sound.replaceChildren(
      el("p", { class: "label" }, t("microphone")),
      el("div", { class: "notice", data: { kind: "error", reason }, role: "alert" },
        icon(reason === "insecure" ? "lock" : "muted"),
        el("div", { class: "stack-s" }, el("strong", {}, t(`${reason}_title`)), el("p", {}, t(`${reason}_text`)), again ? el("div", {}, again) : null)));
    this.go.disabled = reason === "insecure" || reason === "unsupported";
  }

  #showMeter() {
    this.go.disabled = false;
    this.devices = el("select", { id: "device", onchange: () => this.#open(this.devices.value) });
    this.meter = el("span", { class: "meter meter-large", aria: { hidden: "true" } });
    this.said = el("p", { class: "small soft", role: "status" }, t("level_silent"));
    const echo = button({
      text: t("hear_myself"), sign: "headphones", tone: "quiet", aria: { pressed: "false" },
      onclick: () => {
        const on = echo.getAttribute("aria-pressed") !== "true";
        echo.setAttribute("aria-pressed", String(on));
        this.microphone.wake();
        this.microphone.hearMyself(on);
      },
    });
    this.sound.replaceChildren(
      el("div", { class: "field" }, el("label", { htmlFor: "device" }, t("microphone")), this.devices),
      this.meter, this.said,
      el("div", { class: "row" }, echo, el("span", { class: "small soft grow" }, t("hear_myself_warning"))));
    this.#fillDevices();
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  async #fillDevices() {
    if (!this.microphone.stream && this.sound.querySelector("[data-reason=none]")) return this.#open("");
    if (!this.devices || !this.microphone.stream) return;
    const found = await Microphone.devices();
    this.devices.replaceChildren(...found.map((device, index) => el("option", {
      value: device.deviceId, selected: device.deviceId === this.microphone.device,
    }, device.label || t("microphone_number", { number: index + 1 }))));
  }

  #draw() {
    if (!this.microphone.stream) return;
    const level = this.microphone.level();
    setLevel(this.meter, levelOf(level));
    this.#judge(level);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #judge(level) {
    if (this.microphone.asleep) return setText(this.said, t("level_asleep"));
    const key = level > LOUD_DBFS ? "level_loud" : level > HEARD_DBFS ? "level_good" : "level_silent";
    const now = performance.now();
    if (key === "level_silent" && now < this.#quietUntil) return undefined;
    if (key !== "level_silent") this.#quietUntil = now + HOLD_MS;
    return setText(this.said, t(key));
  }

  #mend(field) {
    delete field.dataset.invalid;
    field.querySelector(".error").hidden = true;
  }

  #wants(field, focus) {
    field.dataset.invalid = "true";
    field.querySelector(".error").hidden = false;
    announce(field.querySelector(".error").textContent);
    focus.focus();
  }

  async #enter(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return this.#wants(this.nameField, this.name);
    if (!this.microphone.stream) await this.#open("");
    if (!this.microphone.stream) return undefined;
    if (!this.agree.checked) return this.#wants(this.consent, this.agree);
    remember("agreed", "yes");
    this.microphone.hearMyself(false);
    this.microphone.wake();
    this.go.dataset.busy = "true";
    return this.session.enter(name);
  }
}
