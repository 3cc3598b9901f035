/* The public notice, on a page of six elements. */

import assert from "node:assert/strict";
import { test, mock } from "node:test";
import { FrontNotice, leadOf } from "../../src/hiwar/assets/static/listen/front-notice.js";

class Element extends EventTarget {
  hidden = true; dataset = {}; textContent = ""; scrollHeight = 0; clientHeight = 0;
  replaceChildren(...parts) { this.textContent = parts.map((part) => part.textContent ?? part).join(""); }
  click() { this.dispatchEvent(new Event("click")); }
}

function page(t, { shown = 0, language = "en", kept = new Map() } = {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const elements = Object.fromEntries(["front", "front-text", "front-more", "front-dismiss"].map((id) => [id, new Element()]));
  Object.assign(elements.front, shown ? { hidden: false, dataset: { at: String(shown) } } : {});
  globalThis.document = { getElementById: (id) => elements[id], createElement: () => new Element() };
  globalThis.sessionStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  return { notice: new FrontNotice(language), kept, ...elements, text: () => elements.front.hidden ? null : elements["front-text"].textContent };
}

const limited = { rung: "limited", at: 10.5, arabic: "نص. آخر.", english: "Text. More." };
const siege = { rung: "siege", at: 20, arabic: "حصار.", english: "Siege." };
const open = { rung: "open", at: 30, arabic: "عاد.", english: "As usual." };

test("what holds now is shown in the page's language, and what follows in its place", (t) => {
  for (const [language, texts] of [["en", ["Text. More.", "Siege."]], ["ar", ["نص. آخر.", "حصار."]]]) {
    const { notice, text } = page(t, { language });
    notice.show(undefined);
    assert.equal(text(), null);
    notice.show(limited);
    assert.equal(text(), texts[0]);
    notice.show(siege);
    assert.equal(text(), texts[1]);
    notice.show({});
    assert.equal(text(), null);
    mock.timers.reset();
  }
});

test("whoever dismissed it sees the next one and not this one again, also after a reload", (t) => {
  const first = page(t);
  first.notice.show(limited);
  first["front-dismiss"].click();
  first.notice.show(limited);
  assert.equal(first.text(), null);
  mock.timers.reset();
  const second = page(t, { shown: 10.5, kept: first.kept });
  assert.equal(second.text(), null);
  second.notice.show(siege);
  assert.equal(second.text(), "Siege.");
});

test("that all is as usual again is told to who saw the trouble, for a moment", (t) => {
  const { notice, front, text } = page(t);
  notice.show(open);
  assert.equal(text(), null);
  notice.show(limited);
  notice.show(open);
  assert.deepEqual([text(), front.dataset.kind], ["As usual.", "good"]);
  mock.timers.tick(9000);
  notice.show(open);
  assert.equal(text(), "As usual.");
  mock.timers.tick(1500);
  assert.equal(text(), null);
});

test("what came with the page goes where a stream opens that does not name it", (t) => {
  const { notice, front } = page(t, { shown: 10.5 });
  notice.expect();
  mock.timers.tick(1900);
  notice.show(limited);
  mock.timers.tick(5000);
  assert.equal(front.hidden, false);
  notice.expect();
  mock.timers.tick(2100);
  assert.equal(front.hidden, true);
});

test("the rest of a long text is one tap away", (t) => {
  const { notice, ...elements } = page(t);
  Object.assign(elements["front-text"], { scrollHeight: 200, clientHeight: 90 });
  notice.show(limited);
  assert.deepEqual([elements["front-text"].dataset.whole, elements["front-more"].hidden], ["false", false]);
  elements["front-text"].clientHeight = 200;
  elements["front-more"].click();
  assert.deepEqual([elements["front-text"].dataset.whole, elements["front-more"].hidden], ["true", true]);
});

test("the first sentence leads, in both scripts; a number's comma or point does not end it", () => {
  const texts = [["One, two. Three.", "One, two."], ["حوار مفتوح. ثم آخر.", "حوار مفتوح."], ["At 1.5 s it is. So.", "At 1.5 s it is."], ["لماذا؟ لا نعرف.", "لماذا؟"], ["no end", "no end"], ["", ""]];
  for (const [words, lead] of texts) assert.equal(leadOf(words), lead);
});
