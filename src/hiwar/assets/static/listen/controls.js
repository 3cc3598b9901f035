/* What the live player and the replay share: volume, mute, the lock screen, the play button. */

const VOLUME_KEY = "hiwar-volume";

/** Wire volume and mute to `audio`; the volume is remembered on this device. */
export function bindVolume(audio, slider, button, phrases) {
  const held = Number(localStorage.getItem(VOLUME_KEY) ?? 100);
  slider.value = String(held >= 0 && held <= 100 ? held : 100);
  audio.volume = slider.value / 100;
  slider.addEventListener("input", () => {
    audio.volume = slider.value / 100;
    audio.muted = false;
    localStorage.setItem(VOLUME_KEY, slider.value);
    show();
  });
  button.addEventListener("click", () => { audio.muted = !audio.muted; show(); });
  function show() {
    button.setAttribute("aria-pressed", String(audio.muted));
    button.setAttribute("aria-label", audio.muted ? phrases.unmute : phrases.mute);
  }
}

/** Title and buttons on the lock screen, headphones and media keys. `actions`: {play, pause, ...}. */
export function bindMediaSession(title, artist, actions) {
  if (!navigator.mediaSession) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title, artist, artwork: [{ src: "/static/brand/artwork.png", sizes: "512x512", type: "image/png" }],
  });
  for (const [name, action] of Object.entries(actions)) {
    try { navigator.mediaSession.setActionHandler(name, action); } catch { /* this browser has no such button */ }
  }
}

/** Show on the big button what a press would do. `state`: stopped, connecting, playing. */
export function showPlay(button, state, phrases) {
  button.dataset.state = state;
  button.setAttribute("aria-label", state === "stopped" ? phrases.play : phrases.pause);
  if (navigator.mediaSession) navigator.mediaSession.playbackState = state === "stopped" ? "paused" : "playing";
}

/** Expose read-only figures for tests and benches as `window.hiwar`. */
export function exposeFigures(figures) {
  const shown = {};
  for (const [name, read] of Object.entries(figures)) Object.defineProperty(shown, name, { get: read, enumerable: true });
  Object.defineProperty(window, "hiwar", { value: Object.freeze(shown) });
}
