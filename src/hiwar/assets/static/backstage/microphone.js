// The microphone: permission, choice, level, hearing oneself. One object for lobby and room.

const RAW = new URLSearchParams(location.search).has("raw"); // for measurements: what is said is what is sent

/** Why there is no microphone: "unsupported", "insecure", "denied", "none" or "busy". */
export class NoMicrophone extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** What stands in the way of any microphone here, or null. */
export function obstacle() {
  if (!window.isSecureContext) return "insecure";
  const able = navigator.mediaDevices?.getUserMedia && window.RTCPeerConnection && window.AudioContext;
  return able ? null : "unsupported";
}

const REASONS = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none",
  NotReadableError: "busy", AbortError: "busy",
};

export class Microphone extends EventTarget {
  #context = null;
  #analyser = null;
  #samples = new Float32Array(1024);
  #echo = null;
  #source = null;
  stream = null;
  device = "";

  get track() {
    return this.stream?.getAudioTracks()[0] ?? null;
  }

  /** Open `device` ("" for the default one), closing what was open.  Throws NoMicrophone. */
  async open(device = "") {
    const hindrance = obstacle();
    if (hindrance) throw new NoMicrophone(hindrance);
    const wanted = {
      echoCancellation: !RAW, noiseSuppression: !RAW, autoGainControl: !RAW, channelCount: 1,
      ...(device ? { deviceId: { exact: device } } : {}),
    };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    } catch (error) {
      throw new NoMicrophone(REASONS[error.name] ?? "busy");
    }
    const enabled = this.track?.enabled ?? true;
    this.#stop();
    this.stream = stream;
    this.device = this.track.getSettings().deviceId ?? device;
    this.track.enabled = enabled;
    this.track.addEventListener("ended", () => this.dispatchEvent(new Event("lost")));
    this.#measure();
  }

  /** Microphones that can be chosen; their names are known once one was allowed. */
  static async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((device) => device.kind === "audioinput" && device.deviceId);
  }

  /** The level now, in dBFS (peak of the last 21 ms). */
  level() {
    if (!this.#analyser) return -127;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let peak = 0;
    for (const sample of this.#samples) peak = Math.max(peak, Math.abs(sample));
    return peak > 0 ? Math.max(-127, 20 * Math.log10(peak)) : -127;
  }

  /** Hear oneself through the loudspeaker, or stop. */
  hearMyself(on) {
    if (this.#echo) this.#echo.gain.value = on ? 1 : 0;
  }

  /** Whether the browser still waits for a tap before it measures anything. */
  get asleep() {
    return this.#context?.state === "suspended";
  }

  wake() {
    return this.#context?.resume();
  }

  close() {
    this.#stop();
    this.#context?.close();
    this.#context = this.#analyser = this.#echo = null;
  }

  #measure() {
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: "interactive" });
      for (const tap of ["pointerdown", "keydown"]) document.addEventListener(tap, () => this.wake(), { once: true });
    }
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#echo ??= new GainNode(this.#context, { gain: 0 });
    this.#source = this.#context.createMediaStreamSource(this.stream);
    this.#source.connect(this.#analyser);
    this.#source.connect(this.#echo).connect(this.#context.destination);
  }

  #stop() {
    this.#source?.disconnect();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = this.#source = null;
  }
}
