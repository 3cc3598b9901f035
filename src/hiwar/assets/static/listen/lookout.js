/* Looking out for news when no sound brings it: asks `/now` (the edge's last state, while on air) or
   `/status` (the site's, before and after), with jitter, slower while the page is hidden or the start is far. */

const SOON_MS = 3000, ON_AIR_MS = 4000, FAR_MS = 15000, HIDDEN_FACTOR = 3, FAR_SECONDS = 900, FIRST_MS = 300;

export class Lookout {
  #data; #tell; #phase; #quiet = false; #patient = false;

  /** `tell(body)` gets {phase, ...}: a whole state event from /now, or the site's status. */
  constructor(data, tell) { this.#data = data; this.#tell = tell; this.#phase = data.phase; }

  set phase(phase) { this.#phase = phase; }
  /** While sound brings the news, this only keeps time. */
  set quiet(quiet) { this.#quiet = quiet; }
  /** While the door is asked for a seat anyway, it is asked for news less often. */
  set patient(patient) { this.#patient = patient; }

  async run() {
    for (let first = true; ; first = false) {
      await new Promise((resume) => setTimeout(resume, first ? Math.random() * FIRST_MS : this.#pause()));
      if (this.#quiet) continue;
      const body = await this.#ask();
      if (body && !this.#quiet) this.#tell(body);
    }
  }

  /** Ask the site once: its status, or null. */
  status() { return getJson(`${this.#data.base}/status${this.#data.suffix}`); }

  /** Whether the conversation is hidden, or this page's proof is worth nothing any more. */
  async isClosed() {
    try {
      const answer = await fetch(`${this.#data.base}/status${this.#data.suffix}`, { cache: "no-store", signal: AbortSignal.timeout(8000) });
      return answer.status === 403 || answer.status === 404;
    } catch { return false; }
  }

  async #ask() {
    const onAir = this.#phase === "live" || this.#phase === "waiting";
    return (onAir && await getJson(`${this.#data.base}/now${this.#data.suffix}`)) || this.status();
  }

  #pause() {
    const left = this.#data.planned ? (Date.parse(this.#data.planned) - Date.now()) / 1000 : 0;
    const before = left > FAR_SECONDS ? FAR_MS : SOON_MS;
    const base = this.#patient ? FAR_MS : this.#phase === "announced" || this.#phase === "green_room" ? before : ON_AIR_MS;
    return base * (document.hidden ? HIDDEN_FACTOR : 1) * (0.75 + Math.random() * 0.5);
  }
}

async function getJson(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(8000) });
    return answer.ok ? await answer.json() : null;
  } catch { return null; }
}
