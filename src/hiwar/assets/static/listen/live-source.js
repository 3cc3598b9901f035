/* The fast way to listen: `live.mp4` read by fetch into Media Source Extensions, held at the live edge.

   One audio element and one MediaSource for the whole visit; a broken connection is made again by itself
   (backoff with jitter, at once after one that worked) and goes on in the same source: media time is one
   line, so what was missed is a gap that playback jumps. Until the start position is set nothing plays,
   since nothing is buffered where the element stands. So the element may be started, in the visitor's tap,
   long before there is an address: until there is a seat, or before the air, where only events come.

   Events: "event" (detail: {kind, body}, at the time it is heard), "state" (connecting | playing |
   buffering | reconnecting), "opened" (a connection), "refused" (detail: HTTP status), "broken" (this way
   does not work here). */

import { BoxReader } from "./emsg.js";
import { LiveEdge } from "./live-edge.js";
import { delayMs, LAST_UNANSWERED_MS } from "./backoff.js";

export const MIME = 'audio/mp4; codecs="opus"';
const SILENCE_MS_LEAST = 3000;     // without a byte for this long (or 3 intervals) the connection is dead
const SILENCE_MS_EARLY = 7000;     // the same before the air, where a state comes each 2 s
const QUEUE_BYTES_MAX = 2 ** 21;
const KEEP_BEHIND = 20;            // seconds kept behind the playhead; more is trimmed
const TRIM_FROM = 40;
const EVENTS_MAX = 64;             // events waiting for their time
const CONTROL_MS = 100;
const NOT_AUDIBLE = 0.02;
const RUN_DRY = 0.1;               // seconds: browsers stop so much before the end of what is buffered

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

/** Whether this browser can. */
export function supported() {
  return Boolean(Source?.isTypeSupported?.(MIME) && globalThis.ReadableStream && globalThis.AbortController);
}

export class LiveSource extends EventTarget {
  #audio; #address; #media; #buffer = null; #queue = []; #queued = 0; #edge; #events = [];
  #connection = null; #lastByte = 0; #attempt = 0; #unanswered = 0; #timer = null; #stopped = false; #started = false;
  #state = ""; #peak = 0; #fresh = false; #placedAt = 0; #early = false; #onWaiting = () => this.#ranDry();
  stalls = 0; reconnects = -1; jumps = 0; bytes = 0;

  /** `address(ending)` gives the address of each connection, as a promise: null ends it all. `ending` says
      how the one before ended (see seat.js, `mustAsk`), null at the first. */
  constructor(audio, address, intervalSeconds) {
    super();
    this.#audio = audio;
    this.#address = address;
    this.#edge = new LiveEdge(intervalSeconds);
  }

  get mode() { return "mse"; }
  get state() { return this.#state; }
  get edge() { return this.#edge; }

  /** Seconds buffered ahead of the playhead. */
  get ahead() {
    const range = this.#rangeAt(this.#audio.currentTime);
    return range ? range.end - this.#audio.currentTime : 0;
  }

  /** Seconds between the newest sound that came here and what is heard now; null before the start. */
  get delay() { return this.#started ? Math.max(0, this.#peak) : null; }

  /** Begin; call it in the visitor's tap, so that the element may sound. */
  start() {
    this.#media = new Source();
    if (globalThis.ManagedMediaSource) this.#audio.disableRemotePlayback = true;
    this.#media.addEventListener("sourceopen", () => this.#opened(), { once: true });
    this.#audio.src = URL.createObjectURL(this.#media);
    this.#audio.addEventListener("waiting", this.#onWaiting);
    this.#timer = setInterval(() => this.#control(), CONTROL_MS);
    this.#become("connecting");
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#connection?.abort();
    this.#audio.removeEventListener("waiting", this.#onWaiting);
    this.#audio.playbackRate = 1;
    if (this.#audio.src.startsWith("blob:")) URL.revokeObjectURL(this.#audio.src);
  }

  async #opened() {
    try { this.#buffer = this.#media.addSourceBuffer(MIME); }
    catch { this.#emit("broken"); return; }
    this.#buffer.addEventListener("updateend", () => this.#appended());
    this.#buffer.addEventListener("error", () => this.#emit("broken"));
    for (let ending = null; !this.#stopped;) {
      const url = await this.#address(ending);
      if (this.#stopped || url === null) return;
      this.reconnects += 1;
      ending = await this.#listen(url);
      if (this.#stopped) return;
      this.#become("reconnecting");
      await rest(ending.how === "broke"
        ? delayMs(this.#unanswered++, Math.random(), 0, LAST_UNANSWERED_MS)
        : delayMs(this.#attempt++, Math.random(), ending.retryAfter));
    }
  }

  /* One connection, until it ends; returns how, and what Retry-After asks for, in seconds. */
  async #listen(url) {
    this.#connection = new AbortController();
    this.#lastByte = performance.now();
    this.#edge.reset();
    try {
      const answer = await fetch(url, { signal: this.#connection.signal, cache: "no-store" });
      this.#unanswered = 0;
      if (!answer.ok) {
        this.#emit("refused", answer.status);
        const reason = (await answer.json().catch(() => null))?.reason ?? "";
        return { how: "refused", status: answer.status, reason, retryAfter: reason ? 0 : Number(answer.headers.get("Retry-After")) || 0 };
      }
      this.#emit("opened");
      await this.#read(answer.body.getReader(), new BoxReader());
      return { how: "ended", retryAfter: 0 };
    } catch { return { how: "broke" }; } // the network, or our own watchdog: the loop tries again
  }

  async #read(reader, boxes) {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#stopped) return;
      this.#attempt = 0;
      this.#lastByte = performance.now();
      this.bytes += value.length;
      const { media, events } = boxes.push(value);
      this.#early = !this.#started && media.length === 0;
      if (!this.#early) this.#edge.wrote(this.#lastByte / 1000, this.ahead);
      for (const event of events) this.#keep(event);
      if (media.length) this.#enqueue(media);
    }
  }

  #keep(event) {
    if (event.kind === "interval") { this.#edge.announce(event.body.interval_ms / 1000, event.body.in_ms / 1000); return; }
    this.#events.push(event);
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    if (!this.#started || event.kind === "state") this.#tellDue();
  }

  /* What is heard by now is told; states that are due much later (or long past) are told at once. */
  #tellDue() {
    const heard = this.#audio.currentTime;
    const due = (event) => event.time <= heard + NOT_AUDIBLE || event.time > heard + 10 || !this.#started;
    const now = this.#events.filter(due);
    this.#events = this.#events.filter((event) => !due(event));
    for (const event of now) this.#emit("event", { kind: event.kind, body: event.body });
  }

  #enqueue(bytes) {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued > QUEUE_BYTES_MAX) { this.#queue = []; this.#queued = 0; this.#connection.abort(); return; }
    this.#pump();
  }

  #pump() {
    if (!this.#queue.length || this.#buffer.updating || this.#media.readyState !== "open") return;
    const bytes = this.#queue[0];
    try { this.#buffer.appendBuffer(bytes); }
    catch (error) {
      if (error.name === "QuotaExceededError") this.#trim(1);
      else this.#emit("broken");
      return;
    }
    this.#queue.shift();
    this.#queued -= bytes.length;
  }

  #appended() {
    if (this.#stopped) return;
    this.#place();
    this.#peak = Math.max(this.ahead, this.#peak * 0.9);
    this.#control();
    if (!this.#buffer.updating) this.#trim(KEEP_BEHIND);
    this.#pump();
  }

  /* At the start, and where the playhead stands in a gap: go to where enough is ahead. */
  #place() {
    const at = this.#audio.currentTime, ranges = this.#buffer.buffered;
    if (!ranges.length) return;
    const start = ranges.start(ranges.length - 1), end = ranges.end(ranges.length - 1), here = this.#rangeAt(at);
    if (this.#started && here && (here.end === end || here.end - at > RUN_DRY)) return;
    const wanted = this.#edge.startAhead;
    if (end - start < wanted - NOT_AUDIBLE || (this.#started && end < at)) return;
    this.#audio.currentTime = this.#placedAt = Math.max(start, end - wanted);
    this.#started = this.#fresh = true;
    this.#edge.reset();
  }

  #control() {
    const now = performance.now();
    const silence = Math.max(this.#early ? SILENCE_MS_EARLY : SILENCE_MS_LEAST, this.#edge.interval * 3000);
    if (this.#connection && !this.#connection.signal.aborted && now - this.#lastByte > silence) this.#connection.abort();
    this.#tellDue();
    if (!this.#started || this.#audio.paused) return;
    const ahead = this.ahead;
    if (ahead > NOT_AUDIBLE && this.#audio.readyState >= 3 && !this.#audio.seeking) this.#become("playing");
    if (this.#fresh && this.#audio.currentTime > this.#placedAt) this.#skipFirst();
    const { rate, jump } = this.#edge.decide(now / 1000, ahead);
    if (jump) { this.jumps += 1; this.#audio.currentTime += jump; this.#edge.reset(); }
    if (this.#audio.playbackRate !== rate) this.#audio.playbackRate = rate;
  }

  #ranDry() {
    if (!this.#started || this.#audio.seeking || this.#state !== "playing") return;
    this.stalls += 1;
    this.#edge.stalled();
    this.#become("buffering");
  }

  /* The browser took a while to begin; meanwhile more came than is wanted. */
  #skipFirst() {
    this.#fresh = false;
    const skip = this.#edge.firstSkip(this.ahead);
    if (!skip) return;
    this.#audio.currentTime += skip;
    this.#edge.reset();
    this.#peak = 0;
  }

  #trim(keep) {
    const ranges = this.#buffer.buffered, until = this.#audio.currentTime - keep;
    if (this.#started && ranges.length && this.#audio.currentTime - ranges.start(0) > (keep === KEEP_BEHIND ? TRIM_FROM : keep)) this.#buffer.remove(0, until);
  }

  #rangeAt(time) {
    const ranges = this.#buffer?.buffered;
    for (let i = 0; i < (ranges?.length ?? 0); i++) {
      if (ranges.start(i) - 0.01 <= time && time < ranges.end(i)) return { start: ranges.start(i), end: ranges.end(i) };
    }
    return null;
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit("state", state);
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

function rest(ms) { return new Promise((resume) => setTimeout(resume, ms)); }
