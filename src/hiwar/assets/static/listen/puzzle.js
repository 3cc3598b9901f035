/* The door's puzzle, solved in a worker so that the page stays alive. One worker for each puzzle, ended with
   it; a browser that cannot (no module workers, no big integers) rejects, and the visitor goes on without. */

/** Promise of the answer to `challenge`, as text for the door. `signal` (AbortSignal) ends it at once, with
    the signal's reason; `onProgress(share)` is told 0 to 1 about ten times a second. */
export function solve(challenge, { signal, onProgress } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const worker = new Worker(new URL("./puzzle-worker.js", import.meta.url), { type: "module" });
    const end = (settle, value) => {
      worker.onmessage = worker.onerror = null;
      worker.terminate();
      signal?.removeEventListener("abort", abort);
      settle(value);
    };
    const abort = () => end(reject, signal.reason);
    signal?.addEventListener("abort", abort);
    worker.onerror = (event) => end(reject, new Error(event.message || "the worker did not start"));
    worker.onmessage = ({ data }) => {
      if ("progress" in data) onProgress?.(data.progress);
      else if ("answer" in data) end(resolve, data.answer);
      else end(reject, new RangeError(data.error));
    };
    worker.postMessage(challenge);
  });
}
