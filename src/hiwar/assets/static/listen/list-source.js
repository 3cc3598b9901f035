/* Listening by playlists (live with parts, time shift, replay) or by a plain address: whatever the browser
   can, behind the same small face as LiveSource. hls.js is loaded only when it is needed.

   Where the element plays by itself (native, progressive) it says only that it failed, ended or stands
   still; the door, asked with HEAD, says why. What the door would give and this element never played does
   not work here ("broken"); everything else may pass, and is tried again with growing pauses.

   The address is a text, or as LiveSource has it a function that promises one for each try. */

import { delayMs } from "./backoff.js";

const PROGRESS_DELAY = 5;          // seconds: what a progressive <audio> lags behind, at the least
const LOOK_MS = 1000, STILL_MAX = 10; // looks at the playhead, of which so many may find it where it was
const ASK_MS_MAX = 8000;

export class ListSource extends EventTarget {
  #audio; #address; #url; #at; #live; #hls = null; #state = ""; #handlers = []; #mode;
  #heard = false; #asking = false; #doubted = false; #attempt = 0; #again = null; #watch = null; #still = 0; #seen = -1;
  stalls = 0; reconnects = 0; jumps = 0;

  /** `mode` is hls, native or progressive; `at` seconds of media time to begin at (undefined: live edge). */
  constructor(audio, address, { mode, at = undefined, live = false }) {
    super();
    this.#audio = audio; this.#at = at; this.#live = live; this.#mode = mode;
    this.#address = typeof address === "string" ? null : address;
    this.#url = this.#address ? "" : address;
  }

  get mode() { return this.#mode; }
  /** Whether anything was played. */
  get heard() { return this.#heard; }
  get state() { return this.#state; }
  get edge() { return null; }
  get ahead() {
    const { buffered, currentTime } = this.#audio;
    for (let i = 0; i < buffered.length; i++) if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime;
    return 0;
  }
  get delay() {
    if (!this.#live) return null;
    if (this.#hls) return this.#hls.latency || null;
    return this.#mode === "progressive" ? Math.max(PROGRESS_DELAY, this.ahead) : null;
  }

  async start() {
    this.#become("connecting");
    this.#on("waiting", () => { if (this.#state === "playing" && !this.#audio.seeking) { this.stalls += 1; this.#become("buffering"); } });
    this.#on("playing", () => { this.#heard = true; this.#attempt = 0; this.#become("playing"); });
    this.#on("error", () => { if (this.#mode !== "hls" && this.#url) this.#failed("broke"); });
    if (this.#address && !await this.#locate(null)) return; // what has its address goes on within the visitor's tap
    if (this.#mode === "hls") await this.#startHls().catch(() => this.#emit("broken"));
    else this.#startElement();
  }

  /* Whether there is an address to go on with; `ending` as LiveSource has it. */
  async #locate(ending) {
    const url = await this.#address(ending);
    if (url !== null) this.#url = url;
    return url !== null && this.#state !== "stopped";
  }

  #startElement() {
    if (this.#at !== undefined) this.#on("loadedmetadata", () => { this.#audio.currentTime = this.#at; });
    if (this.#live) this.#on("ended", () => this.#failed("ended")); // the connection broke: what is live has no end of its own
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    this.#load();
  }

  #load() {
    this.#still = 0;
    this.#audio.src = this.#url;
    this.#audio.load();
  }

  #look() {
    const { paused, currentTime } = this.#audio;
    this.#still = paused || currentTime !== this.#seen ? 0 : this.#still + 1;
    this.#seen = currentTime;
    if (this.#still >= STILL_MAX) this.#failed("broke");
  }

  async #failed(how) {
    if (this.#asking || this.#again || this.#state === "stopped") return;
    this.#asking = true;
    const status = await askStatus(this.#url);
    this.#asking = false;
    if (this.#state === "stopped") return;
    if (status >= 200 && status < 300 && !this.#heard && !this.#mayBeTheSeat()) { this.#emit("broken"); return; }
    if (status >= 400) this.#emit("refused", status);
    if (this.#state === "stopped") return;
    this.#tryAgain(status === 0 ? { how: "broke" } : how === "ended" ? { how } : refusedWith(status));
  }

  /* Once, where the address is of a seat: the door's answer to HEAD tells nothing of seats. */
  #mayBeTheSeat() {
    const may = this.#address !== null && !this.#doubted;
    this.#doubted = true;
    return may;
  }

  #tryAgain(ending) {
    if (this.#at !== undefined && this.#heard) this.#at = this.#audio.currentTime;
    const resume = this.#live || !this.#audio.paused; // who paused a recording is not startled
    this.reconnects += 1;
    this.#become("reconnecting");
    this.#again = setTimeout(async () => {
      const found = !this.#address || await this.#locate(ending);
      this.#again = null;
      if (!found) return;
      this.#load();
      if (resume) this.#audio.play().catch(() => {}); // this element sounded before, or its error comes here again
    }, delayMs(this.#attempt++, Math.random()));
  }

  stop() {
    this.#state = "stopped";
    clearInterval(this.#watch);
    clearTimeout(this.#again);
    for (const [type, handler] of this.#handlers) this.#audio.removeEventListener(type, handler);
    this.#hls?.destroy();
    this.#hls = null;
  }

  async #startHls() {
    const { default: Hls } = await import("../vendor/hls.js");
    if (this.#state === "stopped") return;
    if (!Hls.isSupported()) { this.#emit("broken"); return; }
    this.#hls = new Hls({
      enableWorker: false,
      lowLatencyMode: this.#live,
      maxLiveSyncPlaybackRate: this.#live ? 1.1 : 1,
      liveSyncOnStallIncrease: 0,
      startPosition: this.#at ?? -1,
      backBufferLength: 60,
      xhrSetup: (xhr, url) => xhr.open("GET", withToken(url, tokenOf(this.#url)), true),
    });
    this.#hls.on(Hls.Events.ERROR, (_, problem) => this.#mend(Hls, problem));
    this.#hls.loadSource(this.#url);
    this.#hls.attachMedia(this.#audio);
  }

  #mend(Hls, problem) {
    if (!problem.fatal || !this.#hls) return;
    this.reconnects += 1;
    const status = problem.response?.code ?? 0;
    if (status === 403 || status === 404 || status === 503) this.#emit("refused", status);
    if (this.#state === "stopped") return;
    if (this.reconnects > 8) this.#emit("broken");
    else if (problem.type === Hls.ErrorTypes.MEDIA_ERROR) this.#hls.recoverMediaError();
    else this.#reload(status >= 400 ? refusedWith(status) : { how: "broke" }, 500 * this.reconnects * (1 + Math.random()));
    this.#become("reconnecting");
  }

  #reload(ending, ms) {
    setTimeout(async () => {
      if (this.#hls && (!this.#address || await this.#locate(ending))) this.#hls?.loadSource(this.#url);
    }, ms);
  }

  #on(type, handler) { this.#audio.addEventListener(type, handler); this.#handlers.push([type, handler]); }
  #become(state) { if (state !== this.#state) { this.#state = state; this.#emit("state", state); } }
  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

/* What a list or an element tells of a refusal: no reason. Where it may be the seat, the door will say; a 403
   may also be of a file whose key has changed. */
function refusedWith(status) {
  return { how: "refused", status, reason: status === 429 || status === 503 || status < 400 ? "unsaid" : "" };
}

function tokenOf(url) { return new URLSearchParams(url.split("?")[1] ?? "").get("t") ?? ""; }

/** The status with which the door answers for `url`; 0 where nobody answers. */
async function askStatus(url) {
  try {
    return (await fetch(url, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(ASK_MS_MAX) })).status;
  } catch { return 0; }
}

/** `url` with `t=<token>` if there is a token and it has neither one nor the key of media files, which are
    the same for everybody and may be kept by caches. Pure. */
export function withToken(url, token) {
  if (!token || /[?&][tk]=/.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}t=${encodeURIComponent(token)}`;
}

/** Whether the browser plays HLS lists by itself (Safari). */
export function playsLists(audio) { return audio.canPlayType("application/vnd.apple.mpegurl") !== ""; }
