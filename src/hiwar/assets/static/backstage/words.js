// The page's words in Arabic and English, and how numbers and times are written.

const KEPT = "hiwar-language";
const NUMBERS = { ar: "ar-u-nu-latn", en: "en" };

let table = {};
let current = "en";
const watchers = new Set();

export async function loadWords(initial) {
  const answer = await fetch(new URL("strings.json", import.meta.url));
  table = await answer.json();
  const asked = new URLSearchParams(location.search).get("lang");
  const kept = readKept();
  current = [asked, kept, initial].find((language) => language === "ar" || language === "en") ?? "en";
  show();
}

/** The words for `key`, with {name} replaced; a key that is not there is a mistake, and shown as such. */
export function t(key, values = {}) {
  const text = table[key]?.[current] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function language() {
  return current;
}

export function switchLanguage() {
  current = current === "ar" ? "en" : "ar";
  try {
    localStorage.setItem(KEPT, current);
  } catch {
    // a browser that keeps nothing: the choice holds for this page
  }
  show();
  for (const watcher of watchers) watcher();
}

export function onLanguage(watcher) {
  watchers.add(watcher);
}

export function number(value) {
  return new Intl.NumberFormat(NUMBERS[current]).format(value);
}

/** A rate or a share: whole from ten on, below with one decimal. */
export function rate(value) {
  return number(value < 9.95 ? Math.round(value * 10) / 10 : Math.round(value));
}

export function percent(share) {
  return new Intl.NumberFormat(NUMBERS[current], { style: "percent" }).format(share);
}

/** Seconds as whole minutes, at least one: "3 minutes". */
export function minutes(seconds) {
  return new Intl.NumberFormat(NUMBERS[current], { style: "unit", unit: "minute", unitDisplay: "long" }).format(Math.max(1, Math.round(seconds / 60)));
}

/** How long ago: "30 seconds ago", "4 minutes ago", "2 hours ago". */
export function ago(seconds) {
  const [size, unit] = seconds < 60 ? [1, "second"] : seconds < 3600 ? [60, "minute"] : [3600, "hour"];
  return new Intl.RelativeTimeFormat(NUMBERS[current]).format(-Math.floor(Math.max(0, seconds) / size), unit);
}

export function listed(items) {
  return new Intl.ListFormat(NUMBERS[current]).format(items);
}

/** Seconds as 4:05 or 1:04:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function readKept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function show() {
  document.documentElement.lang = current;
  document.documentElement.dir = current === "ar" ? "rtl" : "ltr";
  const other = document.getElementById("language");
  other.lang = current === "ar" ? "en" : "ar";
  other.textContent = table.language_switch[other.lang];
  document.getElementById("descriptor").textContent = t("entrance");
  document.querySelector(".brand").lastChild.previousSibling.textContent = t("app_name");
  document.querySelector(".skip-link").textContent = t("skip");
}
