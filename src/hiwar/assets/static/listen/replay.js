/* The replay at a conversation's address: playlists of the recording's own files, or its MP3. */

import { ListSource, playsLists } from "./list-source.js";
import { bindMediaSession, bindVolume, exposeFigures, showPlay } from "./controls.js";
import { clock } from "./format.js";

const BACK = 15, FORWARD = 30;

export function startReplay(data) {
  const phrases = data.phrases, audio = by("audio"), seek = by("seek");
  const forced = new URLSearchParams(location.hash.slice(1)).get("mode");
  const modes = forced ? [forced] : [...(globalThis.MediaSource ? ["hls"] : []), ...(playsLists(audio) ? ["native"] : []), "progressive"];
  let source = null, dragging = false, place = 0;

  function open() {
    const mode = modes[0];
    const url = mode === "progressive" ? `${data.base}/archive/mp3.mp3${data.suffix}` : `${data.base}/archive/master.m3u8${data.suffix}`;
    source = new ListSource(audio, url, { mode, at: place });
    source.addEventListener("broken", () => nextMode());
    source.addEventListener("state", () => show());
    const opened = source.start();
    const wanted = source;
    opened.then(() => wanted === source && audio.play().catch(() => {})); // attaching a list pauses the element
    audio.playbackRate = audio.defaultPlaybackRate = Number(by("speed").value);
  }

  function nextMode() {
    source.stop();
    modes.shift();
    if (modes.length) { open(); audio.play().catch(() => {}); } else { by("state").textContent = phrases.failed; showPlay(by("play"), "stopped", phrases); }
  }

  function toggle() {
    if (!audio.paused && source) { audio.pause(); return; }
    if (!source) open();
    audio.play().catch((error) => { if (error.name === "NotAllowedError") by("state").textContent = phrases.blocked; });
  }

  function go(to) {
    place = Math.min(data.duration, Math.max(0, to));
    seek.value = String(place);
    by("clock").textContent = clock(place);
    if (source) audio.currentTime = place;
  }

  function show() {
    const state = audio.paused ? "stopped" : source?.state === "playing" ? "playing" : "connecting";
    showPlay(by("play"), state, phrases);
    by("state").textContent = state === "connecting" ? phrases.buffering : data.idleText;
  }

  data.idleText = by("state").textContent;
  by("play").addEventListener("click", toggle);
  by("back").addEventListener("click", () => go(place - BACK));
  by("forward").addEventListener("click", () => go(place + FORWARD));
  by("speed").addEventListener("change", () => { audio.playbackRate = audio.defaultPlaybackRate = Number(by("speed").value); });
  seek.addEventListener("input", () => { dragging = true; by("clock").textContent = clock(Number(seek.value)); });
  seek.addEventListener("change", () => { dragging = false; go(Number(seek.value)); });
  audio.addEventListener("timeupdate", () => {
    if (dragging || audio.readyState < 1) return;
    place = audio.currentTime;
    seek.value = String(place);
    by("clock").textContent = clock(place);
  });
  for (const type of ["play", "pause", "playing", "ended"]) audio.addEventListener(type, show);
  bindVolume(audio, by("volume"), by("mute"), phrases);
  bindMediaSession(data.title, "Hiwar", {
    play: toggle, pause: () => audio.pause(), seekto: (detail) => go(detail.seekTime),
    seekbackward: () => go(place - BACK), seekforward: () => go(place + FORWARD),
  });
  exposeFigures({
    mode: () => source?.mode ?? "none", state: () => source?.state ?? "stopped", position: () => audio.currentTime,
    buffered: () => source?.ahead ?? 0, stalls: () => source?.stalls ?? 0, rate: () => audio.playbackRate,
  });
}

function by(id) { return document.getElementById(id); }
