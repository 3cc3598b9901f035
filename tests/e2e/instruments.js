/* Measuring instruments in a page, put there before its own scripts run. The page knows nothing of them.

   `INSTRUMENTS` is set ahead of this text: {rate, relay, beeper, steady}.
   - instruments.tap(what): from now on keep all sound of an <audio> element's source (what = its selector)
     or of the last remote track (what = "remote"), as one unbroken line of samples at `rate`.
   - instruments.take(): what was kept since the last call, and where the context's clock stands.
   - relay: port of a UDP relay's desk; packets then go to and fro through the relay only.
   - steady: a tapped element keeps its speed, so that what it plays can be laid over the source.
   - beeper: the microphone is a line of silence into which `instruments.beep()` puts a chirp at
     every so many seconds. */

(() => {
  const { rate, relay, beeper, steady } = INSTRUMENTS;
  const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
    constructor() { super(); this.kept = new Float32Array(2048); this.at = 0; }
    process([input]) {
      if (input.length) this.kept.set(input[0], this.at); else this.kept.fill(0, this.at, this.at + 128);
      this.at += 128;
      if (this.at === 2048) { this.port.postMessage([currentFrame + 128 - 2048, this.kept.slice()]); this.at = 0; }
      return true;
    } });`;
  const CHIRP_SECONDS = 0.04, CHIRP_FROM = 700, CHIRP_TO = 2700;
  let context, pieces = [], stamps = [], first = null, remote = null, mouth = null, ticking = null;

  async function wake() {
    context ??= new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    await Promise.race([context.resume(), new Promise((_, no) => setTimeout(() => no(new Error("no sound device")), 30000))]);
    ticking ??= setInterval(stamp, 50);
    return context;
  }
  function stamp() {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    if (contextTime > 0) stamps.push([contextTime, performance.timeOrigin + performanceTime]);
  }
  async function tap(what) {
    await wake();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: "text/javascript" })));
    const node = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data: [frame, samples] }) => { first ??= frame; pieces.push([frame, samples]); };
    if (what === "remote") { follow(node); return; }
    const element = document.querySelector(what);
    if (steady) Object.defineProperty(element, "playbackRate", { get: () => 1, set: () => {} });
    const source = context.createMediaElementSource(element);
    source.connect(node);
    source.connect(context.destination);
  }
  let followed = null;
  function follow(node) { // the remote track changes with every connection
    setInterval(() => {
      if (!remote || remote === followed) return;
      followed = remote;
      context.createMediaStreamSource(new MediaStream([remote])).connect(node);
    }, 50);
  }
  function take() {
    const all = pieces, size = all.reduce((sum, [, samples]) => sum + samples.length, 0);
    const bytes = new Int16Array(size);
    let at = 0;
    for (const [, samples] of all) for (const sample of samples) bytes[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
    let text = "";
    const raw = new Uint8Array(bytes.buffer);
    for (let i = 0; i < raw.length; i += 32768) text += String.fromCharCode(...raw.subarray(i, i + 32768));
    const result = { frame: all.length ? all[0][0] : 0, samples: btoa(text), stamps, latency: context.outputLatency };
    pieces = []; stamps = [];
    return result;
  }

  // The remote track, and where packets go.
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...options) {
      super(...options);
      (window.peers ??= []).push(this);
      super.addEventListener("track", ({ track }) => { remote = track; });
    }
    async setRemoteDescription(description) {
      if (!relay) return super.setRemoteDescription(description);
      const [, address, port] = /^a=candidate:\S+ 1 udp \d+ ([\d.]+) (\d+) /m.exec(description.sdp);
      const answer = await fetch(`http://127.0.0.1:${relay}/${address}/${port}`);
      const line = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${(await answer.text()).trim()} typ host`;
      let put = false;
      const lines = description.sdp.split("\r\n").flatMap((old) => {
        if (!old.startsWith("a=candidate:")) return [old];
        if (put) return [];
        put = true;
        return [line];
      });
      return super.setRemoteDescription({ type: description.type, sdp: lines.join("\r\n") });
    }
    get localDescription() {
      const own = super.localDescription;
      if (!relay || !own) return own;
      return { type: own.type, sdp: own.sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate:")).join("\r\n") };
    }
    addEventListener(type, ...rest) { if (!relay || type !== "icecandidate") super.addEventListener(type, ...rest); }
  };

  // A microphone that says what is asked.
  if (beeper) {
    navigator.mediaDevices.getUserMedia = async () => {
      await wake();
      if (!mouth) { // a room's quiet hum: a microphone without any sound sends nothing at all
        mouth = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
        const hum = new OscillatorNode(context, { frequency: 90 });
        hum.connect(new GainNode(context, { gain: 0.004 })).connect(mouth);
        hum.start();
      }
      return mouth.stream;
    };
  }
  /** From now on a chirp every `every` seconds: when the first one begins on the context's clock. */
  function beep(every) {
    const buffer = new AudioBuffer({ length: Math.round(every * rate), sampleRate: rate }), line = buffer.getChannelData(0);
    const samples = Math.round(CHIRP_SECONDS * rate), slope = (CHIRP_TO - CHIRP_FROM) / CHIRP_SECONDS;
    for (let i = 0; i < samples; i++) {
      const t = i / rate;
      line[i] = 0.5 * Math.sin(Math.PI * i / samples) ** 2 * Math.sin(2 * Math.PI * (CHIRP_FROM + slope * t / 2) * t);
    }
    const node = new AudioBufferSourceNode(context, { buffer, loop: true }), at = context.currentTime + 0.3;
    node.connect(mouth);
    node.start(at);
    return at;
  }
  function reset() { stamps = []; pieces = []; }
  Object.defineProperty(window, "instruments", { value: { tap, take, beep, reset } });
})();
