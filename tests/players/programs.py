"""How each player is asked to decode an address into a WAV file, and made to stop."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

BYTES_A_SECOND = 96_000  # 48 kHz, 16 bits, mono
NOBODY = 65534
SECONDS_MAX = 45.0
STOP_SECONDS = 5.0


def ffmpeg(address: str, wav: Path) -> list[str]:
    """Of the players the one that can be asked to begin a list that still grows at its beginning."""
    start = ["-live_start_index", "0"] if re.search(r"/archive/\w+\.m3u8", address) else []
    form = ["-ac", "1", "-ar", "48000", "-c:a", "pcm_s16le", "-flush_packets", "1"]
    return ["ffmpeg", "-nostdin", "-y", "-v", "error", *start, "-i", address, *form, str(wav)]


def mpv(address: str, wav: Path) -> list[str]:
    form = ["--audio-channels=mono", "--audio-samplerate=48000", "--audio-format=s16"]
    return ["mpv", "--no-config", "--no-video", "--ao=pcm", f"--ao-pcm-file={wav}", *form, address]


def vlc(address: str, wav: Path) -> list[str]:
    """VLC refuses to be root: it is made nobody. A WAV file holds one track, so it must not change over from
    one codec to the other in the middle."""
    chain = f"#transcode{{acodec=s16l,channels=1,samplerate=48000}}:std{{access=file,mux=wav,dst={wav}}}"
    command = ["vlc", "-I", "dummy", "--no-video", "--no-sout-video", "--adaptive-logic=highest"]
    command += ["--sout", chain, address, "vlc://quit"]
    if os.geteuid():
        return command
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


PLAYERS: dict[str, Callable[[str, Path], list[str]]] = {"ffmpeg": ffmpeg, "mpv": mpv, "vlc": vlc}


def play(player: str, address: str, wav: Path, seconds: float | None = None) -> None:
    """Decode `address` into `wav`: to its end, or until `seconds` of sound are there. A player that is not
    installed leaves no file; nor does one that cannot play it."""
    if shutil.which(player) is None:
        return
    command = PLAYERS[player](address, wav)
    environment = dict(os.environ) | {"HOME": str(wav.parent), "XDG_RUNTIME_DIR": str(wav.parent)}
    with wav.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        end = time.monotonic() + SECONDS_MAX
        while process.poll() is None and time.monotonic() < end and not _enough(wav, seconds):
            time.sleep(0.1)
        _stop(process)


def _enough(wav: Path, seconds: float | None) -> bool:
    if seconds is None or not wav.exists():
        return False
    return wav.stat().st_size >= seconds * BYTES_A_SECOND


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
