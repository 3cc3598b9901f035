// Stands in for the browser's doors. STATE is what the page is to find behind them.

const streams = [];
let told = 0; // so that each time it is news, however long ago the last was

window.stubs = {
  wished: [],
  tellFront(content = STATE.front) {
    if (content?.state) content = { ...content, state: { ...content.state, at_wallclock: content.state.at_wallclock + 0.001 * ++told } };
    window.stubs.tell("front", content);
  },
  refuse(status, reason) { STATE.refusal = status && [status, reason]; },
  silence() { STATE.front.state = null; },
  tell(name, content) {
    const bytes = new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(content)}\n\n`);
    for (const stream of streams) stream.enqueue(bytes);
  },
  closeEvents() {
    STATE.refusal = [503, "busy"];
    for (const stream of streams.splice(0)) stream.close();
  },
};

const ok = (content, status = 200, headers = {}) => new Response(typeof content === "string" ? content : JSON.stringify(content), { status, headers });
const refusal = ([status, reason]) => ok({}, status, { "Hiwar-Reason": reason });
const realFetch = window.fetch.bind(window);

window.fetch = async (address, options) => {
  const path = new URL(address, location.href).pathname;
  if (path.startsWith("/static/")) return realFetch(address, options);
  if (path.startsWith("/whip/")) {
    return STATE.whip ? refusal(STATE.whip) : ok("v=0\r\n", 201, { Location: "/whip/abc123/x", ETag: '"x"', "Hiwar-Resume": "r" });
  }
  if (STATE.refusal) return refusal(STATE.refusal);
  if (path.endsWith("/room")) return ok(STATE.here);
  if (path.endsWith("/links")) return ok(STATE.links);
  if (path.endsWith("/front")) {
    if (!options.body) return ok(STATE.front);
    const wish = JSON.parse(options.body);
    window.stubs.wished.push(wish);
    return ok({ ...STATE.front.wishes, ...wish });
  }
  if (path.endsWith("/events")) {
    const body = new ReadableStream({ start: (stream) => streams.push(stream) });
    queueMicrotask(() => { window.stubs.tell("stage", { state: "ready" }); window.stubs.tell("room", STATE.room); if (STATE.front) window.stubs.tell("front", STATE.front); });
    return new Response(body);
  }
  return ok({});
};

const NAMED = { denied: "NotAllowedError", none: "NotFoundError", busy: "NotReadableError" };

if (navigator.mediaDevices) {
  navigator.permissions.query = async () => Object.assign(new EventTarget(), { state: STATE.microphone === "prompt" ? "prompt" : "granted" });
  navigator.mediaDevices.getUserMedia = async () => {
    if (NAMED[STATE.microphone]) throw new DOMException("", NAMED[STATE.microphone]);
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 220 });
    const out = context.createMediaStreamDestination();
    tone.connect(new GainNode(context, { gain: 0.15 })).connect(out);
    tone.start();
    return out.stream;
  };
  navigator.mediaDevices.enumerateDevices = async () => [
    { kind: "audioinput", deviceId: "one", label: "USB microphone" },
    { kind: "audioinput", deviceId: "two", label: "Headset" },
  ];
}

window.RTCPeerConnection = STATE.microphone === "unsupported" ? undefined : class extends EventTarget {
  connectionState = "connected";
  iceGatheringState = "complete";
  localDescription = { sdp: "v=0\r\n" };
  addTransceiver() { return { sender: { replaceTrack: async () => {} } }; }
  async createOffer() { return {}; }
  async setLocalDescription() {}
  async setRemoteDescription() {}
  async getStats() { return new Map(); }
  close() {}
};
