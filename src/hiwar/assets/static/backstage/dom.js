// Making elements, and the few signs that buttons carry. Text only ever goes in as text.

const SVG = "http://www.w3.org/2000/svg";

const SHAPES = {
  microphone: "M12 15a3.5 3.5 0 0 0 3.5-3.5v-6a3.5 3.5 0 0 0-7 0v6A3.5 3.5 0 0 0 12 15Zm6.5-3.5a1 1 0 0 0-2 0 4.5 4.5 0 0 1-9 0 1 1 0 0 0-2 0 6.5 6.5 0 0 0 5.5 6.42V20H9a1 1 0 0 0 0 2h6a1 1 0 0 0 0-2h-2v-2.08a6.5 6.5 0 0 0 5.5-6.42Z",
  muted: "m4.7 3.3 16 16a1 1 0 0 1-1.4 1.4l-3.63-3.62A6.48 6.48 0 0 1 13 17.92V20h2a1 1 0 0 1 0 2H9a1 1 0 0 1 0-2h2v-2.08a6.5 6.5 0 0 1-5.5-6.42 1 1 0 0 1 2 0 4.5 4.5 0 0 0 6.7 3.93l-1.13-1.12A3.5 3.5 0 0 1 8.5 11.5V9.9L3.3 4.7a1 1 0 0 1 1.4-1.4ZM12 2a3.5 3.5 0 0 0-3.45 2.9l6.9 6.9.05-.3v-6A3.5 3.5 0 0 0 12 2Zm6.5 9.5a1 1 0 1 0-2 0c0 .43-.06.85-.17 1.24l1.55 1.56a6.5 6.5 0 0 0 .62-2.8Z",
  leave: "M5 3h8a2 2 0 0 1 2 2v3a1 1 0 1 1-2 0V5H5v14h8v-3a1 1 0 1 1 2 0v3a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5c0-1.1.9-2 2-2Zm12.3 5.3a1 1 0 0 1 1.4 0l3 3a1 1 0 0 1 0 1.4l-3 3a1 1 0 0 1-1.4-1.4l1.29-1.3H10a1 1 0 1 1 0-2h8.59l-1.3-1.3a1 1 0 0 1 0-1.4Z",
  more: "M5 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm7 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
  copy: "M8 2h10a2 2 0 0 1 2 2v12h-2V4H8V2ZM4 6h10a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8c0-1.1.9-2 2-2Zm0 2v12h10V8H4Z",
  code: "M3 3h8v8H3V3Zm2 2v4h4V5H5Zm8-2h8v8h-8V3Zm2 2v4h4V5h-4ZM3 13h8v8H3v-8Zm2 2v4h4v-4H5Zm8-2h3v3h-3v-3Zm5 0h3v3h-3v-3Zm-5 5h3v3h-3v-3Zm5 0h3v3h-3v-3Z",
  headphones: "M12 3a9 9 0 0 0-9 9v6a3 3 0 0 0 3 3h2v-8H5v-1a7 7 0 0 1 14 0v1h-3v8h2a3 3 0 0 0 3-3v-6a9 9 0 0 0-9-9Z",
  ears: "M12 5c4.5 0 8 3.6 9.5 7-1.5 3.4-5 7-9.5 7s-8-3.6-9.5-7C4 8.6 7.5 5 12 5Zm0 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
  record: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16Zm0 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  lock: "M12 2a5 5 0 0 1 5 5v3h1a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-8c0-1.1.9-2 2-2h1V7a5 5 0 0 1 5-5Zm0 2a3 3 0 0 0-3 3v3h6V7a3 3 0 0 0-3-3Zm0 9a1.5 1.5 0 0 0-.75 2.8V18h1.5v-2.2A1.5 1.5 0 0 0 12 13Z",
  done: "M9.5 17.6 4 12.1l1.4-1.4 4.1 4.1 9.1-9.1L20 7.1 9.5 17.6Z",
  warning: "M12 3a1.5 1.5 0 0 1 1.3.75l8.5 14.7A1.5 1.5 0 0 1 20.5 20.7h-17a1.5 1.5 0 0 1-1.3-2.25l8.5-14.7A1.5 1.5 0 0 1 12 3Zm-1 6v5h2V9h-2Zm0 6.5v2h2v-2h-2Z",
};

/** An element: `props` are properties, `on…` listeners, `data`/`aria` maps, `class`, or attributes. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "aria") for (const [name, text] of Object.entries(value)) node.setAttribute(`aria-${name}`, text);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** A button; without `text` it is a round one with the sign alone, named by `label`. */
export function button({ text, sign, label, tone, onclick, ...rest }) {
  const data = { ...(tone ? { tone } : {}), ...(text ? {} : { shape: "round" }) };
  const props = { type: "button", class: "button", data, onclick, ...rest };
  if (label) props.aria = { label, ...(rest.aria ?? {}) };
  if (label && !text) props.title = label;
  return el("button", props, sign ? icon(sign) : null, text ? el("span", {}, text) : null);
}

/** Set the text only where it differs, so that readers are not told the same thing twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setLevel(node, level) {
  node.style.setProperty("--level", level.toFixed(3));
}

/** dBFS as 0 (silent) to 1 (full scale): 60 dB are shown. */
export function levelOf(dbfs) {
  return Math.min(1, Math.max(0, (dbfs + 60) / 60));
}

/** Tell people who do not see the page. */
export function announce(text) {
  setText(document.getElementById("announcer"), text);
}

const TOAST_MS = 4000;
const TOASTS_MAX = 3;

export function toast(text) {
  const shelf = document.getElementById("toasts");
  while (shelf.childElementCount >= TOASTS_MAX) shelf.firstElementChild.remove();
  const note = el("div", { class: "toast" }, text);
  shelf.append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}
