/* Live-edge control: how fast to play so that the buffer neither runs dry nor grows. Pure: time is given.

   Sound comes in writes, one each *interval*. What is buffered ahead is a saw: it jumps at a write and
   falls until the next. The control holds the *low-water mark* (the least seen ahead just before a write,
   over the last few writes) at a margin, by playing at 0.94 to 1.06. The margin grows after a stall and
   shrinks slowly again. A longer interval that is told ahead is prepared for: the goal rises by the
   difference at once, so that the buffer is built while writes still come often. More than JUMP seconds
   behind, catching up by speed would take minutes: jump. */

export const RATE_MIN = 0.94;
export const RATE_MAX = 1.06;
export const JUMP = 2.0;             // seconds behind the goal from which it jumps
export const MARGIN_MIN = 0.1;       // seconds of low water on a good network
export const MARGIN_MAX = 1.5;
const MARGIN_AFTER_STALL = 1.6;      // factor, at each stall
const MARGIN_RECOVERY = 0.004;       // seconds a second back towards the least
const DEAD_BAND = 0.03;              // seconds in which the rate stays 1
const GAIN = 0.35;                   // rate per second of error
const SAME_WRITE = 0.03;             // seconds: reads closer together are one write
const WRITES_SEEN = 5;               // low-water marks remembered
const WINDOW = 1.2;                  // and those of at least this many seconds
const INTERVAL_MAX = 2.0;

export class LiveEdge {
  #lows = [];          // [{at, ahead}] just before each write
  #lastWrite = null;
  #gaps = [];
  #goalInterval = null;
  #margin = MARGIN_MIN;
  #marginAt = null;

  #interval;

  constructor(intervalSeconds = 0.32) { this.#interval = intervalSeconds; }

  /** The write interval in seconds that is in force, as told or seen. */
  get interval() { return this.#interval; }
  get margin() { return this.#margin; }

  /** Where the low-water mark should be, in seconds. */
  get goal() {
    const rise = this.#goalInterval === null ? 0 : Math.max(0, this.#goalInterval - this.#interval);
    return this.#margin + rise;
  }

  /** How much should be ahead right after a write, before playing begins. */
  get startAhead() { return this.#margin + this.#interval; }

  /** The low-water mark over the last writes; null before the second one. */
  get lowWater() { return this.#lows.length ? Math.min(...this.#lows.map((low) => low.ahead)) : null; }

  /** Bytes came at `now` (seconds); `ahead` is what was buffered ahead just before. */
  wrote(now, ahead) {
    if (this.#lastWrite !== null && now - this.#lastWrite < SAME_WRITE) return;
    if (this.#lastWrite !== null) {
      this.#see(now - this.#lastWrite);
      this.#lows.push({ at: now, ahead });
      while (this.#lows.length > WRITES_SEEN && this.#lows[0].at < now - WINDOW) this.#lows.shift();
    }
    this.#lastWrite = now;
  }

  /** The edge tells that its interval will be `seconds` from some moment on. */
  announce(seconds) {
    if (!(seconds > 0) || seconds > INTERVAL_MAX) return;
    if (seconds > this.#interval) this.#goalInterval = seconds;
    else { this.#goalInterval = null; this.#interval = seconds; }
    this.#gaps = [];
  }

  /** Playback ran dry at `now`. */
  stalled(now) {
    this.#margin = Math.min(MARGIN_MAX, this.#margin * MARGIN_AFTER_STALL);
    this.#marginAt = now;
  }

  /** A new connection or a jump: what was seen of the buffer counts no more. */
  reset() { this.#lows = []; this.#lastWrite = null; this.#gaps = []; }

  /** → {rate, jump}: play at `rate`; `jump` is null or how many seconds to skip forward. */
  decide(now, ahead) {
    this.#recover(now);
    const excess = ahead - this.goal - this.#interval;
    if (excess > JUMP) return { rate: 1, jump: excess };
    const low = this.lowWater;
    if (low === null) return { rate: 1, jump: null };
    const error = Math.min(low, ahead) - this.goal;
    return { rate: rateFor(error), jump: null };
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

  #recover(now) {
    if (this.#marginAt === null) { this.#marginAt = now; return; }
    const gone = Math.max(0, now - this.#marginAt);
    this.#marginAt = now;
    this.#margin = Math.max(MARGIN_MIN, this.#margin - gone * MARGIN_RECOVERY);
  }
}

/** The rate for a buffer that is `error` seconds above (faster) or below (slower) its goal. */
export function rateFor(error) {
  if (Math.abs(error) <= DEAD_BAND) return 1;
  const beyond = error - Math.sign(error) * DEAD_BAND;
  const rate = 1 + beyond * GAIN;
  return Math.round(Math.min(RATE_MAX, Math.max(RATE_MIN, rate)) * 1000) / 1000;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
