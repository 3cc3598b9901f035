// Screens that say one thing: refused, left, removed, ended.

import { button, el, icon } from "./dom.js";
import { t } from "./words.js";

const REASONS = ["no_pass", "invalid", "expired", "revoked", "hidden", "unknown", "taken", "busy", "failed", "home"];
const RETRIES = new Set(["taken", "failed"]);

function screen({ sign, kind, title, text, actions = [] }) {
  return el("section", { class: "message", data: { kind } },
    el("div", { class: "message-sign" }, icon(sign)),
    el("h1", { tabIndex: -1 }, title),
    el("p", {}, text),
    actions.length ? el("div", { class: "row" }, actions) : null);
}

export function messageScreen(session, again) {
  const { screen: name, reason, listenerAddress } = session.state;
  if (name === "ended") {
    const open = el("a", { class: "button", href: listenerAddress, data: { size: "l" } }, t("ended_open"));
    return screen({ sign: "done", kind: "good", title: t("ended_title"), text: t("ended_text"), actions: listenerAddress ? [open] : [] });
  }
  if (name === "left") {
    const back = button({ text: t("come_back"), onclick: again });
    return screen({ sign: "leave", kind: "plain", title: t("left_title"), text: t("left_text"), actions: [back] });
  }
  if (name === "removed") {
    const back = button({ text: t("try_again"), tone: "quiet", onclick: again });
    return screen({ sign: "lock", kind: "bad", title: t("removed_title"), text: t("removed_text"), actions: [back] });
  }
  const known = REASONS.includes(reason) ? reason : "failed";
  const actions = RETRIES.has(known) ? [button({ text: t("try_again"), onclick: again })] : [];
  const sign = known === "busy" || known === "failed" ? "warning" : "lock";
  return screen({ sign, kind: "bad", title: t(`refused_${known}`), text: t(`refused_${known}_text`), actions });
}
