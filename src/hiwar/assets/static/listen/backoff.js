/* When to try again: doubling with full jitter, so that a crowd cut off together does not come back
   together. The first try after a connection that worked is almost at once. Pure. */

export const FIRST_MS = 150;
export const LAST_MS = 15000;

/** Milliseconds before try number `attempt` (0 is the first); `random` in [0, 1); `retryAfter` seconds or 0. */
export function delayMs(attempt, random, retryAfter = 0) {
  const ceiling = Math.min(LAST_MS, FIRST_MS * 2 ** attempt);
  return Math.round(retryAfter * 1000 + ceiling / 2 + random * ceiling / 2);
}
