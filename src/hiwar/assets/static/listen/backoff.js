/* When to try again: doubling with full jitter, so that a crowd cut off together does not come back
   together. The first try after a connection that worked is almost at once. Pure. */

export const FIRST_MS = 150;
export const LAST_MS = 15000;
export const LAST_UNANSWERED_MS = 2200; // nobody listens at the door: a try costs one packet, and the door may open any moment

/** Milliseconds before try number `attempt` (0 is the first); `random` in [0, 1); `retryAfter` seconds or 0;
    never longer than `last` beyond that. */
export function delayMs(attempt, random, retryAfter = 0, last = LAST_MS) {
  const ceiling = Math.min(last, FIRST_MS * 2 ** attempt);
  return Math.round(retryAfter * 1000 + ceiling / 2 + random * ceiling / 2);
}
