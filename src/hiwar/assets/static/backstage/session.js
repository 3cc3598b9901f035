// The life of one person in a conversation: what the screens show is `state`, and this is who changes it.
//
//   loading -> lobby -> room (connecting, connected, reconnecting) -> left | removed | ended
//           -> refused
//
// Two connections are kept apart: the events (what is told about the room) and the sound. Losing the
// first takes nothing from the second. The sound is brought back by a new POST with the resume token:
// at once when a new stage is ready, else with growing pauses.

import { Refusal } from "./backstage-api.js";
import { pauseBefore, sleep } from "./backoff.js";
import { keepAwake } from "./keep-awake.js";
import { WhipSession } from "./whip.js";

const RENEW_MS = 300000;
const ASK_FRONT_MS = 5000;
const DISCONNECTED_MS = 2000; // ICE may recover by itself
const CONNECT_MS = [3000, 5000, 8000]; // patience with the first attempts, then with all others
const FINAL = new Set(["no_pass", "invalid", "expired", "revoked", "hidden", "unknown", "taken", "forbidden"]);

export class Session extends EventTarget {
  #stop = null;
  #whip = null;
  #connecting = false;
  #attempt = 0;
  #wakeUp = null;
  #doubt = null;

  constructor(api, microphone) {
    super();
    this.api = api;
    this.microphone = microphone;
    this.others = null;
    this.state = {
      screen: "loading", reason: "", you: null, conversation: null, listenerAddress: "", iceServers: [],
      room: null, phase: "announced", stage: "none", sound: "none", signalling: true,
      muted: false, levels: {}, loss: {}, ownLoss: 0, clockAt: 0, front: null,
    };
    microphone.addEventListener("lost", () => this.#microphoneLost());
  }

  get isIn() {
    return this.state.screen === "room";
  }

  get leads() {
    return this.state.you?.role === "host" || this.state.you?.role === "cohost";
  }

  /** Ask who we are here, then listen to what happens until the page is closed. */
  async begin() {
    this.#stop?.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#set({ screen: "loading", reason: "" });
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      await sleep(pauseBefore(attempt), signal);
      try {
        this.#known(await this.api.room(signal));
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refusal && error.status < 500) return this.#refused(error.reason);
        this.#set({ screen: "refused", reason: "busy" });
      }
    }
    if (this.state.screen !== "ended") await this.#listen(signal);
  }

  /** Go in with the microphone that is open. */
  async enter(name) {
    remember("name", name);
    this.state.name = name;
    keepAwake(true);
    this.#set({ screen: "room", sound: "connecting", muted: false });
    this.#renewing ??= setInterval(() => this.#renew(), RENEW_MS);
    this.#watching ??= setInterval(() => this.#measure(), 2000);
    await this.#connect();
  }
  #renewing = null;
  #watching = null;

  /** Whether this very tab was in the room before it was loaded again. */
  get wasIn() {
    return Boolean(recall(this.#resumeKey));
  }

  async leave() {
    await this.#out("left", "");
  }

  async mute(on) {
    const track = this.microphone.track;
    if (on) {
      if (track) track.enabled = false;
      this.#set({ muted: true });
    }
    try {
      await this.api.command(on ? "mute" : "unmute", this.state.you.id);
    } catch (error) {
      if (!on) throw error;
      return; // the microphone is off here, whatever the stage was told
    }
    if (!on) {
      if (track) track.enabled = true;
      this.#set({ muted: false });
    }
  }

  async changeMicrophone(device) {
    await this.microphone.open(device);
    await this.#whip?.replaceTrack(this.microphone.track);
    this.#set({});
  }

  /** Seconds on air now, or null. */
  airSeconds() {
    const { room, clockAt, phase } = this.state;
    if (!room || (phase !== "live" && phase !== "waiting")) return null;
    return room.on_air_seconds + (performance.now() - clockAt) / 1000;
  }

  #set(changes) {
    Object.assign(this.state, changes);
    this.dispatchEvent(new Event("change"));
  }

  #known(content) {
    const stays = this.isIn || this.state.screen === "left";
    const screen = content.phase === "ended" ? "ended" : stays ? this.state.screen : "lobby";
    this.#set({
      screen, you: content.you, conversation: content.conversation, iceServers: content.ice_servers,
      listenerAddress: content.listener_address, phase: content.room?.phase ?? content.phase,
      room: content.room, stage: content.stage, clockAt: performance.now(),
    });
  }

  async #listen(signal) {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      await sleep(pauseBefore(attempt), signal);
      if (signal.aborted) return;
      try {
        await this.api.events((name, content) => this.#told(name, content), () => {
          attempt = 0;
          this.#set({ signalling: true });
        }, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refusal && FINAL.has(error.reason)) return this.#refused(error.reason);
      }
      if (!signal.aborted) this.#set({ signalling: false });
    }
  }

  #told(name, content) {
    if (name === "room") this.#roomTold(content);
    else if (name === "levels") this.#levelsTold(content);
    else if (name === "stage") this.#stageTold(content.state);
    else if (name === "front") this.#frontTold(content);
    else if (name === "out") this.#out(content.reason === "revoked" ? "refused" : "removed", content.reason);
  }

  #roomTold(room) {
    const before = this.state.room;
    this.#set({ room, phase: room.phase, clockAt: performance.now(), ...rows(room) });
    if (room.phase === "ended") return this.#out("ended", "");
    const me = room.speakers.find((row) => row.person.id === this.state.you.id);
    if (me && this.isIn && me.person.muted && !this.state.muted) this.#mutedFromAfar();
    if (before && room.incarnation !== before.incarnation && this.isIn) this.#reconnect(true);
  }

  #mutedFromAfar() {
    if (this.microphone.track) this.microphone.track.enabled = false;
    this.#set({ muted: true });
    this.dispatchEvent(new Event("mutedfromafar"));
  }

  #levelsTold(content) {
    const { levels, loss, listeners } = content;
    const room = this.state.room && { ...this.state.room, listeners, on_air_seconds: content.on_air_seconds, ends_in_seconds: content.ends_in_seconds };
    Object.assign(this.state, { levels, loss, room, clockAt: performance.now() });
    this.dispatchEvent(new Event("levels"));
  }

  /** What is long in a state comes only when it changed; `writtenAt` is when it was written, by our clock. */
  #frontTold({ state, age_s: age, wishes, step }) {
    const before = this.state.front;
    const known = state !== null && before?.state?.at_wallclock === state.at_wallclock;
    const writtenAt = known ? before.writtenAt : performance.now() - (age ?? 0) * 1000;
    this.state.front = { state: state && { notices: [], history: [], ...before?.state, ...state }, writtenAt, wishes, step, unheard: false };
    this.dispatchEvent(new Event("front"));
  }

  /** Nothing came for a while: is it the front door that is silent, or do we not hear? */
  async askFront() {
    if (performance.now() - this.#askedFrontAt < ASK_FRONT_MS) return;
    this.#askedFrontAt = performance.now();
    try {
      this.#frontTold(await this.api.front(this.#stop?.signal));
    } catch {
      if (this.state.front) this.state.front = { ...this.state.front, unheard: true };
      this.dispatchEvent(new Event("front"));
    }
  }
  #askedFrontAt = -Infinity;

  /** Wish something of the front door. Throws as the api does. */
  async wish(wish) {
    const wishes = await this.api.wish(wish);
    if (this.state.front) this.state.front = { ...this.state.front, wishes };
    this.dispatchEvent(new Event("front"));
  }

  #stageTold(stage) {
    const before = this.state.stage;
    this.#set({ stage });
    if (stage === "none" && before !== "none") this.#askAgain();
    if (!this.isIn) return;
    if (stage === "lost") this.#set({ sound: "reconnecting" });
    if (stage === "ready" && before === "lost") this.#reconnect(true);
  }

  async #askAgain() {
    try {
      this.#known(await this.api.room(this.#stop?.signal));
      if (this.state.screen === "ended") await this.#out("ended", "");
    } catch {
      // the events come back by themselves and tell
    }
  }

  // The sound.

  get #resumeKey() {
    return `resume-${this.api.conversation}`;
  }

  /** Take the place up again; `now` where it is known that somebody waits for us. */
  #reconnect(now) {
    if (!this.isIn) return;
    clearTimeout(this.#doubt);
    if (now) this.#attempt = 0;
    this.#set({ sound: "reconnecting" });
    if (this.#connecting) this.#wakeUp?.abort();
    else this.#connect();
  }

  async #connect() {
    this.#connecting = true;
    try {
      while (this.isIn) {
        this.#wakeUp = new AbortController();
        await sleep(pauseBefore(this.#attempt), this.#wakeUp.signal);
        if (!this.isIn || await this.#tryOnce()) return;
        this.#attempt += 1;
        if (this.state.sound === "connected") this.#set({ sound: "reconnecting" });
      }
    } finally {
      this.#connecting = false;
    }
  }

  async #tryOnce() {
    this.#whip?.close();
    this.#whip = null;
    try {
      const whip = await WhipSession.connect({
        api: this.api, track: this.microphone.track, name: this.state.name, iceServers: this.state.iceServers,
        resume: recall(this.#resumeKey), signal: this.#stop?.signal,
      });
      return await this.#connected(whip);
    } catch (error) {
      if (!(error instanceof Refusal)) return false;
      if (error.reason === "ended") await this.#out("ended", "");
      else if (FINAL.has(error.reason)) await this.#out("refused", error.reason);
      return error.reason === "ended" || FINAL.has(error.reason);
    }
  }

  async #connected(whip) {
    this.#whip = whip;
    remember(this.#resumeKey, whip.resume);
    if (!await arrived(whip.peer, CONNECT_MS[Math.min(this.#attempt, CONNECT_MS.length - 1)])) return false;
    if (this.#whip !== whip || !this.isIn) return false;
    this.#attempt = 0;
    this.others = whip.others;
    this.dispatchEvent(new Event("others"));
    whip.peer.addEventListener("connectionstatechange", () => this.#soundChanged(whip));
    this.#set({ sound: "connected" });
    if (this.state.muted) await this.mute(true);
    return true;
  }

  #soundChanged(whip) {
    if (whip !== this.#whip) return;
    const state = whip.peer.connectionState;
    clearTimeout(this.#doubt);
    if (state === "connected") this.#set({ sound: "connected" });
    if (state === "failed" || state === "closed") this.#reconnect(false);
    if (state === "disconnected") this.#doubt = setTimeout(() => this.#reconnect(false), DISCONNECTED_MS);
  }

  async #renew() {
    const resume = recall(this.#resumeKey);
    if (!resume || this.state.sound !== "connected") return;
    try {
      remember(this.#resumeKey, await this.api.renew(resume));
    } catch {
      // the old one lives for three times this long
    }
  }

  async #measure() {
    const loss = await this.#whip?.loss().catch(() => null);
    if (loss !== null && loss !== undefined) this.state.ownLoss = loss;
  }

  async #microphoneLost() {
    if (!this.isIn) return;
    try {
      await this.changeMicrophone("");
      this.dispatchEvent(new CustomEvent("microphone", { detail: "device_lost" }));
    } catch {
      this.dispatchEvent(new CustomEvent("microphone", { detail: "device_none" }));
    }
  }

  #refused(reason) {
    return this.#out("refused", reason);
  }

  async #out(screen, reason) {
    const whip = this.#whip;
    this.#whip = null;
    clearTimeout(this.#doubt);
    clearInterval(this.#renewing);
    clearInterval(this.#watching);
    this.#renewing = this.#watching = null;
    keepAwake(false);
    this.microphone.close();
    forget(this.#resumeKey);
    if (screen !== "left") this.#stop?.abort();
    this.#set({ screen, reason, sound: "none" });
    this.#wakeUp?.abort();
    if (screen === "left") await whip?.leave();
    else whip?.close();
  }
}

function rows(room) {
  return {
    levels: Object.fromEntries(room.speakers.map((row) => [row.person.id, row.level_dbfs])),
    loss: Object.fromEntries(room.speakers.map((row) => [row.person.id, row.loss_percent])),
  };
}

/** True once the sound flows, false when it could not within `patience` milliseconds. */
function arrived(peer, patience) {
  return new Promise((resolve) => {
    const look = () => {
      if (peer.connectionState === "connected") resolve(true);
      if (peer.connectionState === "failed" || peer.connectionState === "closed") resolve(false);
    };
    peer.addEventListener("connectionstatechange", look);
    setTimeout(() => resolve(peer.connectionState === "connected"), patience);
    look();
  });
}

// What one tab remembers, so that loading it again leads back to the same place.

export function remember(key, text) {
  try {
    sessionStorage.setItem(`hiwar-${key}`, text);
  } catch {
    // a browser that keeps nothing: the person comes in by the lobby again
  }
}

export function recall(key) {
  try {
    return sessionStorage.getItem(`hiwar-${key}`) ?? "";
  } catch {
    return "";
  }
}

function forget(key) {
  try {
    sessionStorage.removeItem(`hiwar-${key}`);
  } catch {
    // nothing was kept
  }
}
