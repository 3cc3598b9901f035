/* Fragmented MP4 as it arrives: whole top-level boxes for the player, event messages for the page.

   Theory: the long response is a line of ISO BMFF boxes (ISO/IEC 14496-12 section 4.2). `BoxReader.push`
   takes bytes cut anywhere and returns the boxes that are whole by now. `emsg` boxes (version 1, ISO/IEC
   23009-1 section 5.10.3.3) of our scheme are parsed; all others are passed on unchanged, joined.
   Pure: no DOM, no clock. A box above BOX_BYTES_MAX is not a stream of ours: RangeError. */

export const SCHEME = "urn:hiwar:live";
export const BOX_BYTES_MAX = 4 * 1024 * 1024;

const text = new TextDecoder();

export class BoxReader {
  #rest = new Uint8Array(0);

  /** Bytes that do not make a whole box yet. */
  get pending() { return this.#rest.length; }

  /** → {media: Uint8Array (whole boxes without emsg, may be empty), events: [{kind, time, body}]} */
  push(bytes) {
    const all = this.#rest.length ? join([this.#rest, bytes]) : bytes;
    const kept = [], events = [];
    let at = 0;
    for (;;) {
      const box = boxAt(all, at);
      if (!box) break;
      const whole = all.subarray(at, at + box.size);
      if (box.type === "emsg") {
        const event = parseEmsg(whole);
        if (event) events.push(event);
      } else kept.push(whole);
      at += box.size;
    }
    this.#rest = at ? all.slice(at) : all;
    return { media: kept.length === 1 ? kept[0] : join(kept), events };
  }
}

/** The box that begins at `at`, if it is whole: {type, size}; null if more bytes are needed. */
export function boxAt(bytes, at) {
  if (bytes.length - at < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const size = view.getUint32(0);
  if (size < 8 || size > BOX_BYTES_MAX) throw new RangeError(`a box of ${size} bytes`);
  if (bytes.length - at < size) return null;
  return { type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), size };
}

/** {kind, time (seconds of media time), body} of an emsg box of our scheme; null for any other. */
export function parseEmsg(box) {
  if (box.length < 32 || box[8] !== 1) return null;
  const view = new DataView(box.buffer, box.byteOffset, box.length);
  const timescale = view.getUint32(12) || 1;
  const time = Number(view.getBigUint64(16)) / timescale;
  const [scheme, afterScheme] = zeroTerminated(box, 32);
  const [kind, afterKind] = zeroTerminated(box, afterScheme);
  if (scheme !== SCHEME || afterKind > box.length) return null;
  try {
    return { kind, time, body: JSON.parse(text.decode(box.subarray(afterKind))) };
  } catch { return null; }
}

function zeroTerminated(bytes, from) {
  const end = bytes.indexOf(0, from);
  return end < 0 ? ["", bytes.length + 1] : [text.decode(bytes.subarray(from, end)), end + 1];
}

function join(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) { all.set(piece, at); at += piece.length; }
  return all;
}
