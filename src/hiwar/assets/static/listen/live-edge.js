/* Live-edge control: how fast to play so that the buffer neither runs dry nor grows. Pure: time is given.

   Sound comes in writes, one each *interval*. What is buffered ahead is a saw: it jumps at a write and
   falls until the next. The control holds the *low-water mark* (the least seen ahead just before a write,
   over the last seconds) at a margin, by playing at 0.94 to 1.06. What was seen earlier is corrected by what
   playing faster or slower has changed since, so that a long memory makes no late control. The margin has
   a share of the interval in it, grows after a stall and shrinks slowly again. A longer interval that is
   told ahead is prepared for: the goal rises by the difference at once, so that the buffer is built while
   writes still come often. A shorter one is believed as it is seen: until the ramp is over, writes are still
   far apart, and what is buffered for them is no excess. More than JUMP seconds behind, catching up by speed would take minutes: jump. So it does at the very start, where the browser's
   own slowness has let the buffer grow and nobody minds a skip. */

export const RATE_MIN = 0.94;
export const RATE_MAX = 1.06;
export const JUMP = 1.2;             // seconds behind the goal from which it jumps
export const MARGIN_FIRST = 0.14;    // seconds of low water to begin with
export const MARGIN_MIN = 0.1;       // and on a network that has been good for a while; browsers run dry at 0.05
export const MARGIN_MAX = 1.5;
const MARGIN_AFTER_STALL = 1.6;      // factor, at each stall
const MARGIN_RECOVERY = 0.004;       // seconds a second back towards the least
const BAND_ABOVE = 0.03, BAND_BELOW = 0.01; // seconds around the goal in which the rate stays 1
const MARGIN_OF_INTERVAL = 0.08;     // share of the write interval added to the margin
const GAIN = 0.35;                   // rate per second of error
const FIRST_SKIP = 0.12;             // seconds of excess that are skipped at the start
const SAME_WRITE = 0.03;             // seconds: reads closer together are one write
const WRITES_SEEN = 5;               // low-water marks remembered
const WINDOW = 4.0;                  // and those of at least this many seconds
const INTERVAL_MAX = 2.0;

export class LiveEdge {
  #lows = [];          // [{at, ahead}] just before each write
  #lastWrite = null;
  #gaps = [];
  #goalInterval = null;
  #drift = 0;          // seconds by which playing has gained on the clock
  #rate = 1;
  #margin = MARGIN_FIRST;
  #decidedAt = null;

  #interval;

  constructor(intervalSeconds = 0.32) { this.#interval = intervalSeconds; }

  /** The write interval in seconds that is in force, as told or seen. */
  get interval() { return this.#interval; }
  get margin() { return this.#margin; }

  /** Where the low-water mark should be, in seconds. */
  get goal() {
    const rise = this.#goalInterval === null ? 0 : Math.max(0, this.#goalInterval - this.#interval);
    return this.#margin + this.#interval * MARGIN_OF_INTERVAL + rise;
  }

  /** How much should be ahead right after a write, before playing begins. */
  get startAhead() { return this.#margin + this.#interval * (1 + MARGIN_OF_INTERVAL); }

  /** The low-water mark over the last writes; null before the second one. */
  get lowWater() {
    return this.#lows.length ? Math.min(...this.#lows.map((low) => low.ahead - (this.#drift - low.drift))) : null;
  }

  /** Bytes came at `now` (seconds); `ahead` is what was buffered ahead just before. */
  wrote(now, ahead) {
    if (this.#lastWrite !== null && now - this.#lastWrite < SAME_WRITE) return;
    if (this.#lastWrite !== null) {
      this.#see(now - this.#lastWrite);
      this.#lows.push({ at: now, ahead, drift: this.#drift });
      while (this.#lows.length > WRITES_SEEN && this.#lows[0].at < now - WINDOW) this.#lows.shift();
    }
    this.#lastWrite = now;
  }

  /** The edge tells that its interval will be `seconds`, `inSeconds` from now on (0: it is so already). */
  announce(seconds, inSeconds) {
    if (!(seconds > 0) || seconds > INTERVAL_MAX) return;
    this.#goalInterval = inSeconds > 0 && seconds > this.#interval ? seconds : null;
    if (!(inSeconds > 0)) this.#interval = seconds;
    this.#gaps = [];
  }

  /** How far to skip when playing has just begun with `ahead`; 0 if it is not worth it. */
  firstSkip(ahead) {
    const excess = ahead - this.startAhead;
    return excess > FIRST_SKIP ? excess : 0;
  }

  /** Playback ran dry: what was seen of the buffer counts no more. */
  stalled() {
    this.#margin = Math.min(MARGIN_MAX, this.#margin * MARGIN_AFTER_STALL);
    this.#lows = [];
  }

  /** A new connection or a jump: what was seen of the buffer counts no more. */
  reset() { this.#rate = 1; this.#lows = []; this.#lastWrite = null; this.#gaps = []; }

  /** → {rate, jump}: play at `rate`; `jump` is null or how many seconds to skip forward. */
  decide(now, ahead) {
    this.#advance(now);
    const excess = ahead - this.goal - this.#interval;
    const low = this.lowWater;
    if (excess > JUMP || low === null) {
      this.#rate = 1;
      return { rate: 1, jump: excess > JUMP ? excess : null };
    }
    const error = Math.min(low, ahead) - this.goal;
    this.#rate = rateFor(error);
    return { rate: this.#rate, jump: null };
  }

  #see(gap) {
    this.#gaps.push(gap);
    if (this.#gaps.length > WRITES_SEEN) this.#gaps.shift();
    if (this.#goalInterval !== null) {
      const seen = median(this.#gaps);
      this.#interval = Math.max(this.#interval, Math.min(seen, this.#goalInterval));
      if (seen >= this.#goalInterval * 0.9) { this.#interval = this.#goalInterval; this.#goalInterval = null; }
    } else if (this.#gaps.length === WRITES_SEEN) {
      this.#interval = Math.min(INTERVAL_MAX, median(this.#gaps));
    }
  }

  #advance(now) {
    const gone = this.#decidedAt === null ? 0 : Math.max(0, now - this.#decidedAt);
    this.#decidedAt = now;
    this.#drift += gone * (this.#rate - 1);
    this.#margin = Math.max(MARGIN_MIN, this.#margin - gone * MARGIN_RECOVERY);
  }
}

/** The rate for a buffer that is `error` seconds above (faster) or below (slower) its goal. */
export function rateFor(error) {
  if (-BAND_BELOW <= error && error <= BAND_ABOVE) return 1;
  const rate = 1 + (error > 0 ? error - BAND_ABOVE : error + BAND_BELOW) * GAIN;
  return Math.round(Math.min(RATE_MAX, Math.max(RATE_MIN, rate)) * 1000) / 1000;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
