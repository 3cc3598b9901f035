// One WHIP session (RFC 9725): the microphone out, the others' sound (without our own) back.

const GATHER_MS = 250; // enough for addresses of this machine; what comes later is sent by PATCH
const GATHER_ICE_SERVERS_MS = 1200;

export class WhipSession {
  constructor(api, peer, sender) {
    this.api = api;
    this.peer = peer;
    this.sender = sender;
    this.others = new MediaStream();
    this.location = "";
    this.tag = "";
    this.resume = "";
    this.late = [];
  }

  /** Connect. `track` is the microphone; `name` who speaks; `resume` the right to an old place, or "".
   *  Throws Refusal, or TypeError where nobody answers. */
  static async connect({ api, track, name, resume, iceServers, signal }) {
    const peer = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const transceiver = peer.addTransceiver(track, { direction: "sendrecv" });
    preferOpus(transceiver);
    const session = new WhipSession(api, peer, transceiver.sender);
    peer.addEventListener("track", ({ track: other }) => session.others.addTrack(other));
    peer.addEventListener("icecandidate", ({ candidate }) => session.found(candidate));
    try {
      await peer.setLocalDescription(await peer.createOffer());
      await gathered(peer, iceServers.length ? GATHER_ICE_SERVERS_MS : GATHER_MS);
      await session.#offer(name, resume, signal);
    } catch (error) {
      peer.close();
      throw error;
    }
    return session;
  }

  async #offer(name, resume, signal) {
    const offer = this.peer.localDescription.sdp;
    const headers = { "Content-Type": "application/sdp", Accept: "application/sdp", "Hiwar-Name": encodeURIComponent(name) };
    if (resume) headers["Hiwar-Resume"] = resume;
    const answer = await this.api.ask(`/whip/${this.api.conversation}`, { method: "POST", headers, body: offer, signal });
    this.location = answer.headers.get("Location");
    this.tag = answer.headers.get("ETag");
    this.resume = answer.headers.get("Hiwar-Resume");
    await this.peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    this.late = this.late.filter((line) => !offer.includes(line));
    this.#trickle();
  }

  found(candidate) {
    this.late.push(candidate?.candidate ? `a=${candidate.candidate}` : "a=end-of-candidates");
    if (this.location) this.#trickle();
  }

  #trickle() {
    const lines = this.late.splice(0);
    if (!lines.some((line) => line.startsWith("a=candidate"))) return;
    const sdp = this.peer.localDescription.sdp;
    const own = ["a=ice-ufrag:", "a=ice-pwd:"].map((start) => sdp.split("\r\n").find((line) => line.startsWith(start)));
    const body = [...own, "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", ...lines, ""].join("\r\n");
    const headers = { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": this.tag };
    this.api.ask(this.location, { method: "PATCH", headers, body }).catch(() => {}); // one way less to reach us
  }

  /** Speak with another microphone from now on. */
  replaceTrack(track) {
    return this.sender.replaceTrack(track);
  }

  /** Share of what was sent to us that was lost since the last call, in percent; null where unknown. */
  async loss() {
    let received = 0, lost = 0;
    for (const row of (await this.peer.getStats()).values()) {
      if (row.type === "inbound-rtp") { received += row.packetsReceived; lost += row.packetsLost; }
    }
    const last = this.counted ?? { received: 0, lost: 0 };
    this.counted = { received, lost };
    const all = received + lost - last.received - last.lost;
    return all > 0 ? (100 * Math.max(0, lost - last.lost)) / all : null;
  }

  close() {
    this.peer.close();
  }

  /** Give the place up for good. */
  async leave() {
    this.close();
    if (this.location) await this.api.ask(this.location, { method: "DELETE" }).catch(() => {}); // it may be gone already
  }
}

function preferOpus(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("audio")?.codecs ?? [];
  const opus = codecs.filter((codec) => codec.mimeType.toLowerCase() === "audio/opus");
  if (opus.length && transceiver.setCodecPreferences) {
    transceiver.setCodecPreferences([...opus, ...codecs.filter((codec) => !opus.includes(codec))]);
  }
}

function gathered(peer, patience) {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") resolve();
    peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && resolve());
    setTimeout(resolve, patience);
  });
}
