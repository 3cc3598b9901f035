/* Solves the door's puzzles, in a worker, so that the page stays alive. What the work is stands in the
   door's admission/timelock.py and admission/hashcash.py; the texts in admission/puzzle.py.

   In: a challenge. Out: {progress} (0 to 1) about ten times a second, then {answer} or {error}. To abort,
   terminate the worker: the loop never looks up. */

const FORM = /^([a-z]{1,16})\.(?:0|[1-9][0-9]{0,11})\.([1-9][0-9]{0,6})\.[0-9a-f]{24}\.([0-9a-f]{32})\.([1-9a-f][0-9a-f]{0,255})$/;
const EFFORT_MAX = 2 ** 20;  // the door's own cap is about half: beyond this it is not the door that asks
const BITS_MAX = 20;         // the same for hashes
const TELL_MS = 100;
const BATCH = 512;           // steps between two looks at the clock: some milliseconds on a slow phone
const BLOCKS = 4;            // of SHA-256, that a seed becomes 1024 bits by
const WORKS = { timelock, hashcash };

/** The answer to a challenge; `tell(progress)` is called about ten times a second. Throws RangeError. */
export function answer(challenge, tell) {
  const [, work, effort, seed, statement] = FORM.exec(challenge) ?? [];
  if (!Object.hasOwn(WORKS, work) || Number(effort) > EFFORT_MAX) throw new RangeError("not a puzzle");
  const solution = WORKS[work](seed, Number(effort), statement, paced(tell));
  return challenge.slice(0, challenge.lastIndexOf(".") + 1) + solution;
}

/* Repeated squaring modulo the statement. */
function timelock(seed, effort, statement, tell) {
  const modulus = BigInt(`0x${statement}`);
  let value = expand(seed) % modulus;
  for (let done = 0; done < effort; tell(done / effort)) {
    for (const until = Math.min(effort, done + BATCH); done < until; done++) value = value * value % modulus;
  }
  return value.toString(16);
}

/* A counter that gives a hash with as many leading zero bits as the statement says. */
function hashcash(seed, effort, statement, tell) {
  const bits = parseInt(statement, 16), expected = 2 ** bits;
  if (bits > BITS_MAX) throw new RangeError("not a puzzle");
  for (let counter = 0; ; counter++) {
    if (sha256(`${seed}.${counter.toString(16)}`)[0] >>> 32 - bits === 0) return counter.toString(16);
    if (counter % BATCH === 0) tell(1 - Math.exp(-counter / expected));
  }
}

function expand(seed) {
  let hex = "0x";
  for (let number = 0; number < BLOCKS; number++) for (const word of sha256(`${seed}.${number}`)) hex += word.toString(16).padStart(8, "0");
  return BigInt(hex);
}

function paced(tell) {
  let next = performance.now() + TELL_MS;
  return (progress) => {
    const now = performance.now();
    if (now < next) return;
    next = now + TELL_MS;
    tell(progress);
  };
}

/* SHA-256 (FIPS 180-4) of ASCII text that fits one block, as eight words. The browser's own is not there on
   pages without HTTPS, and answers by a promise, which takes longer than the hash. */

const ONE_BLOCK_CHARS_MAX = 55;
const ROUND = Uint32Array.from(roots(64, Math.cbrt)), START = Uint32Array.from(roots(8, Math.sqrt));
const schedule = new Uint32Array(64), state = new Uint32Array(8);

export function sha256(text) {
  if (text.length > ONE_BLOCK_CHARS_MAX) throw new RangeError("longer than a block");
  schedule.fill(0, 0, 16);
  for (let at = 0; at < text.length; at++) schedule[at >> 2] |= text.charCodeAt(at) << 24 - (at % 4) * 8;
  schedule[text.length >> 2] |= 0x80 << 24 - (text.length % 4) * 8;
  schedule[15] = text.length * 8;
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15], y = schedule[i - 2];
    schedule[i] = schedule[i - 16] + schedule[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ x >>> 3) + (turn(y, 17) ^ turn(y, 19) ^ y >>> 10);
  }
  return compress();
}

function compress() {
  let a = START[0], b = START[1], c = START[2], d = START[3], e = START[4], f = START[5], g = START[6], h = START[7];
  for (let i = 0; i < 64; i++) {
    const t = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) + ROUND[i] + schedule[i] | 0;
    const u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c) | 0;
    h = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
  }
  state[0] = START[0] + a; state[1] = START[1] + b; state[2] = START[2] + c; state[3] = START[3] + d;
  state[4] = START[4] + e; state[5] = START[5] + f; state[6] = START[6] + g; state[7] = START[7] + h;
  return state;
}

function turn(word, bits) { return word >>> bits | word << 32 - bits; }

/* The first 32 bits of the fractions of the roots of the first primes, which is where its constants come from. */
function roots(count, root) {
  const found = [];
  for (let n = 2; found.length < count; n++) if (isPrime(n)) found.push(Math.floor(root(n) % 1 * 2 ** 32));
  return found;
}

function isPrime(n) { for (let d = 2; d * d <= n; d++) if (n % d === 0) return false; return true; }

if (typeof WorkerGlobalScope !== "undefined") {
  globalThis.onmessage = ({ data }) => {
    try { postMessage({ answer: answer(data, (progress) => postMessage({ progress })) }); }
    catch (error) { postMessage({ error: String(error.message) }); }
  };
}
