/* Listening by playlists (live with parts, time shift, replay) or by a plain address: whatever the browser
   can, behind the same small face as LiveSource. hls.js is loaded only when it is needed. */

const PROGRESS_DELAY = 5;          // seconds: what a progressive <audio> lags behind, at the least

export class ListSource extends EventTarget {
  #audio; #url; #token; #at; #live; #hls = null; #state = ""; #handlers = []; #mode;
  stalls = 0; reconnects = 0; jumps = 0;

  /** `mode` is hls, native or progressive; `at` seconds of media time to begin at (undefined: live edge). */
  constructor(audio, url, { mode, token = "", at = undefined, live = false }) {
    super();
    this.#audio = audio; this.#url = url; this.#token = token; this.#at = at; this.#live = live; this.#mode = mode;
  }

  get mode() { return this.#mode; }
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
    this.#on("playing", () => this.#become("playing"));
    this.#on("error", () => { if (!this.#hls) this.#emit("broken"); });
    if (this.#mode === "hls") await this.#startHls().catch(() => this.#emit("broken"));
    else {
      this.#audio.src = this.#url;
      if (this.#at !== undefined) this.#on("loadedmetadata", () => { this.#audio.currentTime = this.#at; });
      this.#audio.load();
    }
  }

  stop() {
    this.#state = "stopped";
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
      xhrSetup: (xhr, url) => xhr.open("GET", withToken(url, this.#token), true),
    });
    this.#hls.on(Hls.Events.ERROR, (_, problem) => this.#mend(Hls, problem));
    this.#hls.loadSource(this.#url);
    this.#hls.attachMedia(this.#audio);
  }

  #mend(Hls, problem) {
    if (!problem.fatal || !this.#hls) return;
    this.reconnects += 1;
    if (problem.response?.code === 403 || problem.response?.code === 404) this.#emit("refused", problem.response.code);
    if (this.reconnects > 8) this.#emit("broken");
    else if (problem.type === Hls.ErrorTypes.MEDIA_ERROR) this.#hls.recoverMediaError();
    else setTimeout(() => this.#hls?.loadSource(this.#url), 500 * this.reconnects * (1 + Math.random()));
    this.#become("reconnecting");
  }

  #on(type, handler) { this.#audio.addEventListener(type, handler); this.#handlers.push([type, handler]); }
  #become(state) { if (state !== this.#state) { this.#state = state; this.#emit("state", state); } }
  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

/** `url` with `t=<token>` if there is a token and it has none. Pure. */
export function withToken(url, token) {
  if (!token || /[?&]t=/.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}t=${encodeURIComponent(token)}`;
}

/** Whether the browser plays HLS lists by itself (Safari). */
export function playsLists(audio) { return audio.canPlayType("application/vnd.apple.mpegurl") !== ""; }
