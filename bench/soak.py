"""Two real hours: senders whose clocks are 50 ppm off in both directions, a step of the wallclock midway.

Both speakers clap at the same true moments. In the recorded program the two claps of a pair must stay
together (no drift between speakers), the steady tones must go on without a click, and the memory of
every process must stay flat. The wallclock is stepped by an hour, for Hiwar's processes only, by a
library compiled for it; where there is no C compiler the step is not made and the figure says so.

`SOAK_MINUTES` shortens it for trying out; a result is kept only of the full 120.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from bench.harness import Outcome, Progress, own_kb
from bench.listening import SteadyListener
from hiwar.media.timeline import SAMPLE_RATE
from tests.running import Hiwar, Opened, command_room, room, until, whip_speakers
from tests.whip_speaker import CLAP_EVERY_SECONDS

TITLE = "Two hours with clocks that disagree"
MINUTES = float(os.environ.get("SOAK_MINUTES", "120"))
KEPT = MINUTES == 120.0
KEEP = os.environ.get("SOAK_KEEP", "")  # a folder in which the recording stays, to look into it afterwards
WARM_MINUTES = min(10.0, MINUTES / 4)
CLAPS_HZ = (900.0, 1350.0)
SETTLE_S, BURST_S = 0.1, 0.005
NEAR_S = 0.03  # of a change of mode: a packet and what of it is heard in the next
CLICK_RATIO = 12.0  # of the loudest high-frequency burst to the usual one: a click is far above


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    with stepped_clock() as (environment, step), Hiwar(environment=environment) as hiwar:
        opened = hiwar.open(guests=1)
        with speaking(hiwar, opened, MINUTES * 60 + 60):
            command_room(hiwar, opened, kind="open_air")
            until(lambda: hiwar.get(f"/c/{opened.id}/now").json()["phase"] == "live")
            time.sleep(2.0)
            with SteadyListener(hiwar.edge_port, f"/c/{opened.id}/live.ogg", 10) as listener:
                memory = watch(hiwar, progress, step)
            buffers = [s["buffer_ms"] for s in room(hiwar, opened)["room"]["speakers"]]
            command_room(hiwar, opened, kind="end")
        until(lambda: json.loads(_standing(hiwar, opened))["phase"] == "ended", 30)
        progress("reading the recording")
        recording = hiwar.data / "conversations" / opened.id / "recording"
        if KEEP:
            shutil.copytree(recording, KEEP, dirs_exist_ok=True)
        judge_sound(outcome, recording)
        verified = json.loads(_verify(hiwar, opened.id))[opened.id]
        stepped = step is not None
    growth = memory_growth(memory)
    outcome.at_most("memory, worst process, end over start", growth, "%", 5.0)
    outcome.at_most(
        "findings of recordings verify",
        len(verified),
        "findings",
        0,
        note="; ".join(map(str, verified))[:200],
    )
    outcome.beside("deepest jitter buffer at the end", max(buffers), "ms")
    outcome.at_most("longest gap of ten listeners", listener.longest_gap, "s", 1.0)
    outcome.beside(
        "length", MINUTES, "minutes", "wallclock stepped by +1 h" if stepped else "no C compiler: no step"
    )
    outcome.samples["memory_kb"] = [float(sum(row.values())) for row in memory]
    return outcome


@contextlib.contextmanager
def stepped_clock() -> Iterator[tuple[dict[str, str], Path | None]]:
    """Settings that let a file decide how far the wallclock of Hiwar's processes is off."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield {}, None
        return
    with tempfile.TemporaryDirectory() as folder:
        library, offset = Path(folder) / "wallclock_step.so", Path(folder) / "offset"
        source = Path(__file__).with_name("wallclock_step.c")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True
        )
        offset.write_bytes(bytes(8))
        yield {"LD_PRELOAD": str(library), "WALLCLOCK_STEP_FILE": str(offset)}, offset


def step_clock(offset: Path, seconds: int) -> None:
    """From now on the wallclock is `seconds` ahead."""
    with offset.open("r+b") as file:
        file.write(seconds.to_bytes(8, sys.byteorder))


def speaking(hiwar: Hiwar, opened: Opened, seconds: float) -> contextlib.AbstractContextManager[None]:
    """Host and guest with clocks of +50 and -50 ppm."""
    clocks = ("--skew-ppm=50", "--skew-ppm=-50", "--seconds", str(seconds), "--send-only")
    return whip_speakers(hiwar, opened, ("h1", "g1"), *clocks)


def watch(hiwar: Hiwar, progress: Progress, step: Path | None) -> list[dict[int, int]]:
    """Own memory of every process once a minute; the clock is stepped midway."""
    rows, began, stepped = [], time.monotonic(), False
    while (minutes := (time.monotonic() - began) / 60) < MINUTES:
        time.sleep(min(60.0, MINUTES * 6))
        rows.append({p["pid"]: own_kb(p["pid"]) for p in hiwar.status()["processes"]})
        progress(f"{minutes:.0f} of {MINUTES:.0f} minutes, {sum(rows[-1].values()) / 1024:.0f} MB")
        if step is not None and not stepped and minutes > MINUTES / 2:
            step_clock(step, 3600)
            stepped = True
    return rows


def memory_growth(rows: list[dict[int, int]]) -> float:
    """Percent by which the process that grew most did so, from the end of warming up to the end."""
    start = rows[int(len(rows) * WARM_MINUTES / MINUTES)]
    return max(100.0 * (rows[-1][pid] / kb - 1) for pid, kb in start.items() if pid in rows[-1])


def judge_sound(outcome: Outcome, recording: Path) -> None:
    """Claps in pairs, and no click, over the whole recording; read piece by piece."""
    onsets: tuple[list[float], list[float]] = ([], [])
    for start, pcm in pieces(recording / "opus.mp4"):
        for found, hertz in zip(onsets, CLAPS_HZ, strict=True):
            found.extend(claps(pcm, start, hertz))
    pairs = [(a, b) for a in onsets[0] for b in _near(onsets[1], a)]
    offsets = np.array([b - a for a, b in pairs]) * 1000
    expected = MINUTES * 60 / CLAP_EVERY_SECONDS
    outcome.at_least("claps heard from both", len(pairs), "pairs", 0.95 * expected)
    outcome.at_most(
        "drift between the speakers", drift(offsets), "ms", 20.0, "medians of ten parts of the run"
    )
    outcome.beside("momentary difference between the speakers", float(np.ptp(offsets)), "ms", "buffers adapt")
    judge_clicks(outcome, "AAC", recording / "aac.m4a", [])
    modes = changes_of_mode(recording / "opus.mp4")
    judge_clicks(outcome, "Opus", recording / "opus.mp4", modes)
    outcome.samples["offset_ms"] = [round(float(value), 3) for value in offsets]


def judge_clicks(outcome: Outcome, codec: str, path: Path, except_at: list[float]) -> None:
    """The loudest burst of high frequencies over the usual one, but for those at the times `except_at`."""
    times, bursts = [], []
    for start, pcm in pieces(path):
        high = high_bursts(pcm)
        times.append(start / SAMPLE_RATE + SETTLE_S + BURST_S * np.arange(len(high)))
        bursts.append(high)
    at, loud = np.concatenate(times), np.concatenate(bursts)
    usual = np.median(loud)
    for moment in except_at:
        loud[np.abs(at - moment) < NEAR_S] = 0.0
    worst = int(loud.argmax())
    note = f"a click is far above; {len(except_at)} changes of mode left out" if except_at else ""
    outcome.at_most(
        f"loudest high-frequency burst over the usual, {codec}",
        float(loud[worst] / usual),
        "x",
        CLICK_RATIO,
        note or f"at {at[worst]:.2f} s; a click is far above",
    )


def changes_of_mode(path: Path) -> list[float]:
    """When the Opus encoder went over from SILK with CELT to CELT alone or back, in seconds: from the first
    byte of each packet (RFC 6716 section 3.1). It hisses then, at -60 dBFS, with tones that it takes now for
    voice and now for music. What is wrong with the program itself is in the AAC too, which has no modes."""
    with av.open(str(path)) as container:
        packets = [
            (float(p.pts or 0) * p.time_base, bytes(p)[0] >> 3) for p in container.demux(audio=0) if p.size
        ]
    return [
        float(time) for (time, mode), (_, former) in zip(packets[1:], packets, strict=False) if mode != former
    ]


def drift(offsets: NDArray[np.float64]) -> float:
    """How far the typical offset moved: the spread of the medians of ten parts of the run."""
    medians = [float(np.median(part)) for part in np.array_split(offsets, 10) if len(part)]
    return max(medians) - min(medians)


def pieces(path: Path) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Half minutes of the recording, each with the number of its first sample."""
    held: list[NDArray[np.float32]] = []
    start = count = 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            held.append(frame.to_ndarray().mean(axis=0).astype(np.float32))
            count += frame.samples
            if count >= 30 * SAMPLE_RATE:
                yield start, np.concatenate(held)
                start, count, held = start + count, 0, []


def claps(pcm: NDArray[np.float32], start: int, hertz: float) -> list[float]:
    """The middle of every clap at `hertz`, in seconds of media time."""
    band = butter(4, (hertz - 120, hertz + 120), "bandpass", fs=SAMPLE_RATE, output="sos")
    window = int(0.01 * SAMPLE_RATE)
    power = np.convolve(sosfilt(band, pcm) ** 2, np.ones(window) / window, "same")
    middles, threshold = [], max(float(power.max()) * 0.25, 1e-4)
    loud = np.flatnonzero(power > threshold)
    for group in np.split(loud, np.flatnonzero(np.diff(loud) > SAMPLE_RATE) + 1):
        if len(group) and window < group[0] and group[-1] < len(pcm) - window:
            middles.append((start + float(np.average(group, weights=power[group]))) / SAMPLE_RATE)
    return middles


def high_bursts(pcm: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square above 6 kHz in each `BURST_S` after `SETTLE_S`: tones leave nothing there, a click
    does."""
    high = sosfilt(butter(6, 6000, "highpass", fs=SAMPLE_RATE, output="sos"), pcm)
    high = high[round(SETTLE_S * SAMPLE_RATE) :]
    window = round(BURST_S * SAMPLE_RATE)
    blocks = high[: len(high) // window * window].reshape(-1, window)
    return np.asarray(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-6)


def _near(onsets: list[float], moment: float) -> list[float]:
    found = [onset for onset in onsets if abs(onset - moment) < CLAP_EVERY_SECONDS / 3]
    return found[:1]


def _standing(hiwar: Hiwar, opened: Opened) -> str:
    return (hiwar.data / "conversations" / opened.id / "standing.json").read_text()


def _verify(hiwar: Hiwar, conversation: str) -> str:
    try:
        return hiwar.command("recordings", "verify", conversation, "--json")
    except RuntimeError as error:
        return json.dumps({conversation: [str(error)]})
