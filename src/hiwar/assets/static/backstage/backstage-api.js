// What the page asks of backstage. The pass travels as Bearer; a refusal is thrown as `Refusal`.

export class Refusal extends Error {
  constructor(status, reason) {
    super(`${status} ${reason}`);
    this.status = status;
    this.reason = reason;
  }
}

const ASK_MS_MAX = 10000;
const FRONT_MS_MAX = 3000; // it is asked for where nothing comes by itself
const SILENCE_MS_MAX = 25000; // the server says something every ten seconds

export class BackstageApi {
  constructor(conversation, pass) {
    this.conversation = conversation;
    this.pass = pass;
  }

  /** Fetch; the answer if it is a success.  Throws Refusal, or TypeError where nobody answers. */
  async ask(address, { method = "GET", headers = {}, body, signal, patience = ASK_MS_MAX } = {}) {
    const limits = [signal, patience ? AbortSignal.timeout(patience) : null].filter(Boolean);
    const answer = await fetch(address, {
      method, body, cache: "no-store",
      headers: { Accept: "application/json", Authorization: `Bearer ${this.pass}`, ...headers },
      signal: limits.length ? AbortSignal.any(limits) : undefined,
    });
    if (!answer.ok) throw new Refusal(answer.status, answer.headers.get("Hiwar-Reason") ?? "failed");
    return answer;
  }

  address(rest) {
    return `/b/${this.conversation}/${rest}`;
  }

  async room(signal) {
    return (await this.ask(this.address("room"), { signal })).json();
  }

  command(kind, target = "", value = "") {
    return this.#post("commands", { kind, target, value });
  }

  async links() {
    return (await this.ask(this.address("links"))).json();
  }

  async front(signal) {
    return (await this.ask(this.address("front"), { signal, patience: FRONT_MS_MAX })).json();
  }

  /** One wish for the front door, like {hold: "siege"}; all wishes as they are then. */
  wish(wish) {
    return this.#post("front", wish);
  }

  newLink(role, name) {
    return this.#post("links", { role, name });
  }

  revokeLink(serial) {
    return this.ask(this.address(`links/${serial}`), { method: "DELETE" });
  }

  async linkPicture(serial) {
    return (await this.ask(this.address(`links/${serial}/qr`), { headers: { Accept: "image/svg+xml" } })).text();
  }

  async renew(resume) {
    const answer = await this.ask(this.address("resume"), { method: "POST", headers: { "Hiwar-Resume": resume } });
    return (await answer.json()).resume;
  }

  /** Call `told(name, content)` for each event until the stream ends. Throws when it breaks or goes silent. */
  async events(told, opened, signal) {
    const silence = new AbortController();
    const all = AbortSignal.any([signal, silence.signal]);
    const answer = await this.ask(this.address("events"), {
      signal: all, patience: 0, headers: { Accept: "text/event-stream" },
    });
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) readEvent(block, told);
    }
  }

  async #post(rest, content) {
    const answer = await this.ask(this.address(rest), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    });
    return answer.json();
  }
}

function readEvent(block, told) {
  const fields = Object.fromEntries(block.split("\n").map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  }));
  if (fields.event) told(fields.event, JSON.parse(fields.data));
}
