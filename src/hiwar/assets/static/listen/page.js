/* What every page has: times in the visitor's zone, copy buttons, forms that know the visitor's zone. */

import { moment, shortMoment } from "./format.js";

const root = document.documentElement;
root.dataset.script = "on";

for (const time of document.querySelectorAll("time[data-moment]")) {
  const date = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = time.dataset.moment === "short" ? shortMoment(date, root.lang, new Date()) : moment(date, root.lang);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}

for (const form of document.querySelectorAll("form[data-zoned]")) useOwnZone(form);

/** Show a short message for a moment. */
export function toast(text) {
  const item = document.createElement("div");
  item.className = "toast";
  item.textContent = text;
  document.getElementById("toasts").append(item);
  setTimeout(() => item.remove(), 2400);
}

async function copy(button) {
  const input = document.getElementById(button.dataset.copy);
  try { await navigator.clipboard.writeText(input.value); }
  catch { input.select(); document.execCommand("copy"); }
  toast(button.dataset.done || (root.lang === "ar" ? "نُسخ" : "Copied"));
}

/* The server reads the planned time in the zone that the form names; before this ran it is UTC. */
function useOwnZone(form) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const field = form.elements.namedItem("planned"), name = form.elements.namedItem("time_zone");
  if (!zone || !field || !name) return;
  if (field.value && name.value === "UTC" && zone !== "UTC") field.value = localInput(new Date(`${field.value}Z`));
  name.value = zone;
  document.getElementById("zone-name").textContent = zone;
}

function localInput(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
