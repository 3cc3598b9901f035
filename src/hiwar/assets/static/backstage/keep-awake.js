// Keeps the screen of a phone on while somebody is in the room, where the browser can.

let lock = null;
let wanted = false;

async function take() {
  if (!wanted || lock || document.visibilityState !== "visible" || !navigator.wakeLock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
  } catch {
    // low battery, or not allowed: the conversation goes on all the same
  }
}

document.addEventListener("visibilitychange", take);

export function keepAwake(on) {
  wanted = on;
  if (on) take();
  else lock?.release();
}
