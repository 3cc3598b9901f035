/* Waking up in time in a hidden tab too: browsers let a hidden page's timers wait for up to a minute, which
   loses a place in the draw, and those of its workers not. Where there are no workers the page's own do. */

let worker, last = 0;

/** Call `ring` in `ms`, once. Returns a function that prevents it. */
export function setAlarm(ms, ring) {
  const id = ++last;
  const timer = setTimeout(done, ms), hear = ({ data }) => { if (data === id) done(); };
  const clock = clockWorker();
  clock?.addEventListener("message", hear);
  clock?.postMessage({ id, ms });
  function stop() { clearTimeout(timer); clock?.removeEventListener("message", hear); }
  function done() { stop(); ring(); }
  return stop;
}

function clockWorker() {
  if (worker !== undefined) return worker;
  worker = null;
  try {
    worker = new Worker(new URL("./alarm-worker.js", import.meta.url));
    worker.addEventListener("error", () => { worker = null; });
  } catch { /* the page's own timers remain */ }
  return worker;
}
