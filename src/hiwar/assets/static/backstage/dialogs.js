// Questions that stop one for a moment: real dialogs, with the harmless answer under the finger.

import { button, el } from "./dom.js";
import { t } from "./words.js";

function open(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

/** Ask once; true where the answer is yes. */
export function ask({ title, text, yes, tone = "danger" }) {
  return new Promise((resolve) => {
    const no = button({ text: t("cancel"), tone: "quiet", autofocus: true, onclick: () => dialog.close("no") });
    const dialog = el("dialog", { "aria-labelledby": "question" },
      el("h2", { id: "question" }, title),
      el("p", { class: "soft" }, text),
      el("div", { class: "actions" }, no, button({ text: yes, tone, onclick: () => dialog.close("yes") })));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    open(dialog);
  });
}

/** Show a QR code (an SVG document as text). */
export function showCode(title, svg) {
  const picture = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const dialog = el("dialog", { class: "code", "aria-labelledby": "code-title" },
    el("h2", { id: "code-title" }, title),
    el("p", { class: "soft" }, t("code_text")),
    el("div", { class: "code-picture", role: "img", "aria-label": title }, document.importNode(picture, true)),
    el("div", { class: "actions" }, button({ text: t("close"), tone: "quiet", onclick: () => dialog.close() })));
  open(dialog);
}

export async function copyText(field, told) {
  try {
    await navigator.clipboard.writeText(field.value ?? field);
    told(t("copied"));
  } catch {
    field.select?.();
    told(t("copy_failed"));
  }
}
