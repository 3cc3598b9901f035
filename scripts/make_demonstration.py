"""Make the demonstration's voices from its dialogue: `python scripts/make_demonstration.py`.

Needs espeak-ng and ffmpeg; the results are committed, so nobody else does. One Ogg/Opus file a speaker
(mono, 24 kbit/s, 20 ms packets), both of the same length.
"""

import json
import subprocess
import tempfile
from pathlib import Path

DEMO = Path(__file__).parent.parent / "src/hiwar/demo"
VOICES = {
    ("host", "ar"): "ar+m3",
    ("host", "en"): "en-gb+m3",
    ("guest", "ar"): "ar+f2",
    ("guest", "en"): "en-us+f2",
}
RATE = 48_000
PAUSE_SECONDS = 0.45
WORDS_A_MINUTE = {"ar": "135", "en": "150"}


def speak(speaker: str, language: str, text: str, folder: Path) -> bytes:
    """One utterance as 16-bit mono samples at 48 kHz."""
    wav = folder / "one.wav"
    voice = VOICES[speaker, language]
    subprocess.run(
        ["espeak-ng", "-v", voice, "-s", WORDS_A_MINUTE[language], "-a", "120", "-w", str(wav), text],
        check=True,
    )
    level = "highpass=f=70,loudnorm=I=-19:TP=-3:LRA=7"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(wav),
        "-af",
        level,
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        str(RATE),
        "-",
    ]
    return subprocess.run(command, check=True, capture_output=True).stdout


def encode(samples: bytes, path: Path) -> None:
    options = "-c:a libopus -b:a 24k -application voip -frame_duration 20 -map_metadata -1 -fflags +bitexact"
    raw = ["-f", "s16le", "-ac", "1", "-ar", str(RATE), "-i", "-"]
    command = ["ffmpeg", "-v", "error", "-y", *raw, *options.split(), str(path)]
    subprocess.run(command, input=samples, check=True)


def main() -> None:
    lines = json.loads((DEMO / "dialogue.json").read_text(encoding="utf-8"))
    tracks = {"host": bytearray(), "guest": bytearray()}
    pause = bytes(2 * int(RATE * PAUSE_SECONDS))
    with tempfile.TemporaryDirectory() as folder:
        for speaker, language, text in lines:
            spoken = speak(speaker, language, text, Path(folder)) + pause
            for name in tracks:
                tracks[name] += spoken if name == speaker else bytes(len(spoken))
    (DEMO / "voices").mkdir(exist_ok=True)
    for name, track in tracks.items():
        encode(bytes(track), DEMO / "voices" / f"{name}.opus")


if __name__ == "__main__":
    main()
