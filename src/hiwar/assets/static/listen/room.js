/* A conversation that is to come or on air: waiting room, live player, time shift.

   Ways to listen live, best first: fetch into MSE, hls.js, the browser's own HLS, plain MP3. One that does
   not work here gives way to the next, with the same element. `#mode=hls` in the address chooses one.

   Listening live goes through a seat. The visitor's tap starts the element, which may then sound whenever the
   seat comes: at once where the house is open, else the page shows the way there. Time shift needs no seat. */

import { LiveSource, supported as fetchSupported } from "./live-source.js";
import { ListSource, playsLists } from "./list-source.js";
import { Lookout } from "./lookout.js";
import { RoomView } from "./room-view.js";
import { Asking } from "./asking.js";
import { SeatView } from "./seat-view.js";
import { FrontNotice } from "./front-notice.js";
import { bindMediaSession, bindVolume, exposeFigures, showPlay } from "./controls.js";
import { clock, counted } from "./format.js";

const NEAR_LIVE = 12;              // seconds: a seek this close to the end means "live"
const SKIP = 15;
const RELOAD_AFTER_MS = 1200, RELOAD_SPREAD_MS = 2500; // the crowd does not ask for the replay at once

export class Room {
  #data; #phrases; #view; #lookout; #audio = by("audio"); #source = null; #shifted = false; #armed = false;
  #modes; #onAir = 0; #onAirAt = 0; #dragging = false; #ending = false; #refused = 0; #events = null;
  #asking; #seatView; #front; #blocked = false;

  constructor(data) {
    this.#data = data;
    this.#phrases = data.phrases;
    this.#view = new RoomView(data.phrases, data.language);
    this.#seatView = new SeatView(data.phrases, data.language);
    this.#front = new FrontNotice(data.language);
    this.#asking = new Asking(data);
    this.#lookout = new Lookout(data, (body) => { this.#state(body); this.#front.show(body.front); });
    this.#modes = this.#possibleModes();
  }

  begin() {
    by("play").addEventListener("click", () => this.#toggle());
    by("arm").addEventListener("click", () => this.#arm());
    by("from-start").addEventListener("click", () => this.#shift(0));
    by("back-to-live").addEventListener("click", () => this.#live());
    by("seat-go").addEventListener("click", () => this.#live());
    by("seat-stop").addEventListener("click", () => this.#stop());
    this.#asking.addEventListener("change", () => this.#seatChanged());
    by("seek").addEventListener("input", () => { this.#dragging = true; this.#showClock(); });
    by("seek").addEventListener("change", () => { this.#dragging = false; this.#seek(Number(by("seek").value)); });
    this.#audio.addEventListener("pause", () => this.#paused());
    addEventListener("offline", () => this.#say(this.#phrases.offline));
    bindVolume(this.#audio, by("volume"), by("mute"), this.#phrases);
    bindMediaSession(this.#data.title, "Hiwar", {
      play: () => this.#toggle(), pause: () => this.#stop(), stop: () => this.#stop(),
      seekbackward: () => this.#seek(this.#place() - SKIP), seekforward: () => this.#seek(this.#place() + SKIP),
    });
    setInterval(() => this.#tick(), 500);
    this.#figures();
    this.#lookout.run();
    this.#countdown();
    if (this.#asking.wasWaiting) this.#asking.ask();
  }

  // ---- Playing ----

  #possibleModes() {
    const forced = new URLSearchParams(location.hash.slice(1)).get("mode");
    if (forced) return [forced];
    const modes = [];
    if (fetchSupported()) modes.push("mse");
    if (globalThis.ManagedMediaSource ?? globalThis.MediaSource) modes.push("hls");
    if (playsLists(this.#audio)) modes.push("native");
    return [...modes, "progressive"];
  }

  #toggle() { if (this.#source) this.#stop(); else this.#live(); }

  #live() {
    this.#shifted = this.#blocked = false;
    const mode = this.#modes[0];
    if (!this.#isOnAir() && mode !== "mse") { this.#asking.ask(); return; } // lists have nothing to give yet; the seat is taken
    const path = { mse: "live.mp4", hls: "hls/live.m3u8", native: "hls/live.m3u8", progressive: "live.mp3" }[mode];
    const address = (ending) => this.#address(path, ending);
    this.#use(mode === "mse"
      ? new LiveSource(this.#audio, address, this.#data.writeIntervalMs / 1000)
      : new ListSource(this.#audio, address, { mode, live: true }));
  }

  /* Where to listen with the seat, as soon as there is one; null where nobody wants it any more. */
  async #address(path, ending) {
    const ticket = await this.#asking.take(ending);
    if (ticket === null) return null;
    if (path !== "live.mp4") this.#followEvents(`?t=${ticket}`);
    return `${this.#data.base}/${path}?t=${ticket}`;
  }

  #shift(at) {
    this.#shifted = true;
    const mode = this.#modes.includes("mse") || this.#modes.includes("hls") ? "hls" : this.#modes[0];
    const file = mode === "progressive" ? "mp3.mp3" : "master.m3u8";
    this.#use(new ListSource(this.#audio, `${this.#data.base}/archive/${file}${this.#data.suffix}`, { mode, at }));
    this.#followEvents(this.#data.suffix);
  }

  #use(source) {
    this.#source?.stop();
    this.#source = source;
    source.addEventListener("state", () => this.#show());
    source.addEventListener("event", ({ detail }) => this.#event(detail.kind, detail.body));
    source.addEventListener("opened", () => this.#front.expect());
    source.addEventListener("broken", () => this.#nextMode(source));
    source.addEventListener("refused", ({ detail }) => this.#wasRefused(detail));
    this.#followEvents(null);
    const play = () => this.#audio.play().catch((error) => this.#notPlaying(source, error));
    const opened = source.start();
    play(); // in the tap, so that the element may sound; again once a list is attached, which pauses it
    opened?.then(() => source === this.#source && play());
    this.#show();
  }

  #notPlaying(source, error) {
    if (source !== this.#source || error.name !== "NotAllowedError") return;
    this.#silence(); // the seat is kept for a while: one tap, and it is taken
    this.#blocked = true;
    this.#say(this.#phrases.blocked);
    this.#showSeat();
  }

  #nextMode(source) {
    if (source !== this.#source) return;
    if (this.#shifted) { this.#live(); return; } // the recording cannot be had: that says nothing of the ways to listen live
    if (this.#modes.length > 1) { this.#modes.shift(); this.#live(); return; }
    this.#stop();
    this.#say(this.#phrases.failed);
  }

  #stop() {
    this.#blocked = false;
    if (!this.#isOnAir()) this.#setArmed(false);
    this.#silence();
    this.#asking.leave();
  }

  #silence() {
    this.#source?.stop();
    this.#source = null;
    this.#audio.pause();
    this.#followEvents(null);
    this.#lookout.quiet = false;
    this.#view.levels({});
    this.#show();
  }

  /* The system paused the element (a call, headphones pulled out): keep no connection open for nobody. */
  #paused() { if (this.#source && !this.#shifted && !this.#audio.ended && !this.#audio.seeking) this.#stop(); }

  #seek(to) {
    if (to > this.#nowOnAir() - NEAR_LIVE) { this.#live(); return; }
    if (this.#shifted && this.#source) this.#audio.currentTime = Math.max(0, to);
    else this.#shift(Math.max(0, to));
  }

  // ---- News ----

  /* Where the stream does not bring events, the edge's event stream does; `suffix` is null for no more. */
  #followEvents(suffix) {
    this.#events?.close();
    this.#events = suffix === null ? null : new EventSource(`${this.#data.base}/events${suffix}`);
    if (!this.#events) return;
    for (const kind of ["state", "levels", "front"]) this.#events.addEventListener(kind, (event) => this.#event(kind, JSON.parse(event.data)));
    this.#events.addEventListener("open", () => this.#front.expect());
    this.#events.addEventListener("error", () => { this.#lookout.quiet = false; });
  }

  #event(kind, body) {
    if (kind === "state") { this.#lookout.quiet = Boolean(this.#source); this.#state(body); }
    else if (kind === "front") this.#front.show(body);
    else if (kind === "levels" && !this.#shifted) this.#view.levels(body.levels ?? {});
  }

  #state(body) {
    if (!body.phase) return;
    this.#refused = 0;
    this.#phase(body.phase);
    if (body.on_air_seconds !== undefined) { this.#onAir = body.on_air_seconds; this.#onAirAt = performance.now(); }
    if (body.speakers && this.#isOnAir()) this.#view.state(body); // who is in the green room is nobody's business
  }

  #phase(phase) {
    if (phase === this.#data.phase) return;
    const wasOnAir = this.#isOnAir();
    this.#data.phase = this.#lookout.phase = phase;
    if (phase === "ended") { this.#end(); return; }
    by("conversation").dataset.phase = by("badge").dataset.phase = phase;
    by("badge").textContent = this.#phrases.phases[phase];
    this.#countdown();
    if (this.#armed && !this.#source && !wasOnAir && phase !== "announced") this.#live();
    this.#showSeat();
  }

  /* The end: hear the rest, then the same address has the replay. */
  async #end() {
    if (this.#ending) return;
    this.#ending = true;
    this.#showSeat();
    this.#say(this.#phrases.ending);
    do await new Promise((resume) => setTimeout(resume, RELOAD_AFTER_MS + Math.random() * RELOAD_SPREAD_MS));
    while ((await this.#lookout.status())?.phase !== "ended");
    if (this.#shifted) return; // who listens from the beginning is not torn out; the replay is one reload away
    location.reload();
  }

  /* 410 says that it is over. 403 and 404 may be of one part only; where the whole conversation is closed to
     us, its page says why. 429 is a full house. Time shift gives way before seats do. Anything else may pass,
     and the lookout asks meanwhile. */
  async #wasRefused(status) {
    this.#lookout.quiet = false;
    if (status === 503 && this.#shifted && !this.#source?.heard) { this.#view.toast(this.#phrases.shift_paused); this.#live(); return; }
    if (status === 429) this.#refused += 1;
    if (status === 410) this.#phase("ended");
    if ((status !== 403 && status !== 404) || this.#ending || !await this.#lookout.isClosed()) return;
    this.#stop();
    setTimeout(() => location.reload(), Math.random() * RELOAD_SPREAD_MS);
  }

  // ---- The seat ----

  #seatChanged() {
    const { seat } = this.#asking, early = !this.#isOnAir() && this.#modes[0] !== "mse";
    if (seat.state === "elsewhere" && this.#source && !this.#shifted) this.#silence();
    if (seat.state === "closed") this.#doorClosed(seat.status);
    if (seat.state === "seated" && !this.#source && !this.#blocked && seat.isFresh(this.#asking.now)) {
      if (early) this.#followEvents(`?t=${seat.use()}`);
      else this.#live();
    }
    this.#showSeat();
  }

  /* The conversation is over or closed to us; or a proof is worth nothing any more, then as a newcomer. */
  async #doorClosed(status) {
    this.#asking.leave();
    await this.#wasRefused(status);
    if (!this.#ending && status !== 410) setTimeout(() => this.#source && !this.#shifted && this.#live(), RELOAD_SPREAD_MS);
  }

  #showSeat() {
    const { seat, progress, now } = this.#asking, waits = ["waiting", "solving", "refused"].includes(seat.state);
    const kind = this.#ending || this.#shifted ? "" : this.#blocked ? "won" : waits || seat.state === "elsewhere" ? seat.state : "";
    const claim = seat.claim ? `${location.origin}${this.#data.base}?v=${seat.claim}` : "";
    this.#seatView.show(kind, { seat, claim, progress, now });
    this.#lookout.patient = waits;
  }

  // ---- Showing ----

  #isOnAir() { return this.#data.phase === "live" || this.#data.phase === "waiting"; }
  #nowOnAir() { return this.#onAirAt ? this.#onAir + (performance.now() - this.#onAirAt) / 1000 : 0; }
  #place() { return this.#shifted ? this.#audio.currentTime : this.#nowOnAir(); }

  #setArmed(armed) {
    this.#armed = armed;
    by("arm").setAttribute("aria-pressed", String(armed));
    by("arm").querySelector("span").textContent = armed ? this.#phrases.armed : this.#phrases.arm;
  }

  #arm() {
    if (this.#armed) { this.#stop(); return; }
    this.#setArmed(true);
    this.#audio.play().catch(() => {}); // the tap that lets this element sound later
    if (this.#data.phase === "green_room") this.#live();
  }

  #countdown() {
    if (this.#data.phase !== "announced" || !this.#data.planned) {
      if (this.#data.phase === "green_room") { by("countdown").textContent = this.#phrases.phases.green_room; by("before-text").textContent = this.#asking.seat.state === "seated" ? this.#phrases.seat.early : this.#phrases.getting_ready; }
      return;
    }
    const left = (Date.parse(this.#data.planned) - Date.now()) / 60000;
    const [forms, n] = left >= 2880 ? [this.#phrases.in_days, Math.round(left / 1440)] : left >= 90 ? [this.#phrases.in_hours, Math.round(left / 60)] : [this.#phrases.in_minutes, Math.ceil(left)];
    by("countdown").textContent = left > 0 ? counted(forms, n, this.#data.language) : this.#phrases.soon;
  }

  #tick() {
    if (this.#ending) return;
    this.#countdown();
    this.#showClock();
    this.#show();
    this.#showSeat();
  }

  #showClock() {
    const total = this.#nowOnAir(), seek = by("seek");
    if (!this.#isOnAir() || !total) return;
    seek.max = String(Math.floor(total));
    if (!this.#dragging) seek.value = String(Math.floor(this.#place()));
    by("clock").textContent = this.#shifted || this.#dragging ? `${clock(Number(seek.value))} / ${clock(total)}` : clock(total);
  }

  #show() {
    by("back-to-live").hidden = !this.#shifted;
    by("from-start").hidden = this.#shifted;
    const playing = this.#source && (this.#source.state === "playing" || this.#shifted && this.#audio.paused);
    showPlay(by("play"), !this.#source ? "stopped" : playing ? "playing" : "connecting", this.#phrases);
    if (!this.#ending) this.#say(this.#sentence());
  }

  #sentence() {
    const source = this.#source, phrases = this.#phrases;
    if (!navigator.onLine) return phrases.offline;
    if (!source) return by("state").dataset.sticky || phrases.ready;
    if (this.#refused > 1) return phrases.full;
    if (source.state === "connecting") return phrases.connecting;
    if (source.state === "reconnecting") return phrases.reconnecting;
    if (source.state === "buffering") return phrases.buffering;
    if (this.#shifted) return phrases.shifted.replace("{time}", clock(this.#nowOnAir() - this.#audio.currentTime));
    if (this.#data.phase === "waiting") return phrases.phases.waiting;
    return source.delay === null ? phrases.live : phrases.behind.replace("{seconds}", source.delay.toFixed(1));
  }

  #say(text) {
    const node = by("state");
    node.dataset.sticky = text === this.#phrases.blocked || text === this.#phrases.failed ? text : this.#source ? "" : node.dataset.sticky ?? "";
    if (node.textContent !== text) node.textContent = text;
  }

  #figures() {
    const source = () => this.#source, edge = () => this.#source?.edge;
    exposeFigures({
      seat: () => this.#asking.seat.state,
      mode: () => source()?.mode ?? "none", state: () => source()?.state ?? "stopped", phase: () => this.#data.phase,
      shifted: () => this.#shifted, delay: () => source()?.delay ?? null, buffered: () => source()?.ahead ?? 0,
      stalls: () => source()?.stalls ?? 0, reconnects: () => source()?.reconnects ?? 0, jumps: () => source()?.jumps ?? 0,
      rate: () => this.#audio.playbackRate, position: () => this.#audio.currentTime, lowWater: () => edge()?.lowWater ?? null,
      goal: () => edge()?.goal ?? null, interval: () => edge()?.interval ?? null,
    });
  }
}

function by(id) { return document.getElementById(id); }
