// The page: reads its address, starts the session, shows the screen that fits its state.
//
// `data-state` of the root element always names what is shown: loading, refused, lobby, connecting,
// reconnecting, green_room, live, waiting, left, removed, ended.

import { BackstageApi } from "./backstage-api.js";
import { Lobby } from "./lobby.js";
import { messageScreen } from "./message.js";
import { Microphone } from "./microphone.js";
import { RoomScreen } from "./room.js";
import { recall, Session } from "./session.js";
import { loadWords, onLanguage, switchLanguage, t } from "./words.js";

const [, where, conversation] = location.pathname.split("/");
const pass = readPass(location.hash.slice(1));
const main = document.getElementById("main");
const player = new Audio();
player.id = "others";
player.autoplay = true;

const microphone = new Microphone();
const session = new Session(new BackstageApi(conversation, pass), microphone);
let shown = { name: "", view: null };

function show(force = false) {
  const { screen, reason } = session.state;
  const name = screen === "refused" ? `refused ${reason}` : screen;
  document.title = session.state.conversation ? t("page_title", { title: session.state.conversation.title }) : t("entrance");
  if (name === shown.name && !force) {
    shown.view?.update?.();
    return;
  }
  shown.view?.destroy?.();
  const moved = shown.name !== "" && !force;
  shown = { name, view: null };
  document.documentElement.dataset.state = screen;
  if (screen === "loading") return;
  if (screen !== "room") player.srcObject = null;
  shown.view = make(screen);
  main.replaceChildren(shown.view.node ?? shown.view);
  if (moved) main.querySelector("h1")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function make(screen) {
  if (screen === "lobby") return new Lobby(session, microphone);
  if (screen === "room") return new RoomScreen(session, microphone, player);
  return messageScreen(session, () => session.begin());
}

/** The fragment as it was given out, also where a mail program wrote it with percent signs. */
function readPass(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // cut off in the middle: refused as what it is, not a page that stays empty
  }
}

/** Loaded again in the middle of it: back to the same place without the lobby. */
async function comeBack() {
  if (session.state.screen !== "lobby" || !session.wasIn || !recall("name")) return;
  try {
    await microphone.open(recall("microphone"));
    await session.enter(recall("name"));
  } catch {
    show(true); // the lobby says what is wrong with the microphone
  }
}

document.body.append(player);
await loadWords(document.body.dataset.language);
document.getElementById("language").addEventListener("click", switchLanguage);
onLanguage(() => show(true));
window.addEventListener("hashchange", () => location.reload());
session.addEventListener("change", () => show());

let tried = false;
session.addEventListener("change", () => {
  if (tried || session.state.screen === "loading") return;
  tried = true;
  comeBack();
});

if (where !== "b" || !conversation) {
  Object.assign(session.state, { screen: "refused", reason: "home" });
  show();
} else if (!pass) {
  Object.assign(session.state, { screen: "refused", reason: "no_pass" });
  show();
} else {
  await session.begin();
}
