// How long to wait before the next attempt: at once, then doubling with jitter, so that many who lost the
// same server do not come back in the same moment.

const FIRST_MS = 250;
const MAX_MS = 5000;

/** Milliseconds before attempt number `attempt` (0 is the first); `random` is from 0 to 1. */
export function pauseBefore(attempt, random = Math.random()) {
  if (attempt === 0) return 0;
  return Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10)) * (0.5 + random / 2);
}

/** Wait; returns early, without a word, when `signal` aborts. */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
