"""Judging sound by what it is: how much of a source is in what was heard, and where.

`likeness` cuts what was heard into windows of a second and looks for each of them in the source (which is
played again and again, so it is a ring), by normalised cross-correlation of the speech band, pre-emphasised
so that a vowel does not look like every other. A window that came from the source has one sharp peak; one
that did not reaches some 0.2 anywhere. With two people speaking at once each explains half of the energy.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from tests.needs import need_program

Samples = NDArray[np.float32]

RATE = 8_000  # samples a second in which sound is compared
BAND_HZ = (250.0, 3_400.0)
WINDOW_SECONDS = 1.0
HOP_SECONDS = 0.5
QUIET = 0.08  # of the loudest window's level: below it there is nothing to compare
PRE_EMPHASIS = 0.9

SOURCE_RATE = 48_000


@dataclass(frozen=True)
class Likeness:
    """`score` is the median correlation of the windows, 0 to 1; `scores` and `places` (seconds into the
    source) are one a window, `times` where in the heard sound the windows begin."""

    times: NDArray[np.float64]
    scores: NDArray[np.float64]
    places: NDArray[np.float64]
    ring_seconds: float

    @property
    def score(self) -> float:
        return float(np.median(self.scores)) if len(self.scores) else 0.0

    def share(self, least: float) -> float:
        """Of all windows, the share that correlates at least so much."""
        return float(np.mean(self.scores >= least)) if len(self.scores) else 0.0

    def lag_spread(self, least: float) -> float:
        """How far the source's place runs from the heard time, seconds: the middle half of the windows that
        correlate. Sound that goes on unbroken stays within the network's few milliseconds."""
        good = self.scores >= least
        angle = (self.places[good] - self.times[good]) * (2 * np.pi / self.ring_seconds)
        if not len(angle):
            return float("inf")
        centre = np.angle(np.exp(1j * angle).mean())
        off = np.angle(np.exp(1j * (angle - centre))) * self.ring_seconds / (2 * np.pi)
        return float(np.subtract(*np.percentile(off, [75, 25])))


def likeness(heard: Samples, heard_rate: int, source: Samples, source_rate: int = SOURCE_RATE) -> Likeness:
    """How much of `source`, looped, is in `heard`."""
    line, ring = _prepare(heard, heard_rate), _prepare(source, source_rate)
    size, hop = int(RATE * WINDOW_SECONDS), int(RATE * HOP_SECONDS)
    ring = np.concatenate([ring, ring[:size]])
    length = 1 << int(np.ceil(np.log2(len(ring) + size)))
    spectrum = np.fft.rfft(ring, length)
    energy = np.concatenate([[0.0], np.cumsum(ring**2)])
    local = np.sqrt(np.maximum(energy[size:] - energy[:-size], 1e-9))[: len(ring) - size]
    floor = 0.1 * float(local.max())  # where the source pauses nothing is explained
    found = []
    starts = range(0, len(line) - size, hop)
    loudest = max((float(np.linalg.norm(line[at : at + size])) for at in starts), default=0.0)
    for at in starts:
        window = line[at : at + size]
        norm = float(np.linalg.norm(window))
        if norm <= QUIET * loudest or norm < 1e-3:
            continue
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, length)), length)[: len(local)]
        scores = np.abs(products) / np.maximum(local, floor) / norm
        best = int(np.argmax(scores))
        found.append((at / RATE, float(scores[best]), best / RATE))
    table = np.array(found, np.float64).reshape(-1, 3)
    return Likeness(table[:, 0], table[:, 1], table[:, 2], (len(ring) - size) / RATE)


def _prepare(samples: Samples, rate: int) -> NDArray[np.float64]:
    sound = soxr.resample(samples, rate, RATE).astype(np.float64)
    sound = sosfilt(
        butter(4, [BAND_HZ[0], min(BAND_HZ[1], RATE * 0.49)], "bandpass", fs=RATE, output="sos"), sound
    )
    return np.append(sound[:1], sound[1:] - PRE_EMPHASIS * sound[:-1])


def tone_level(heard: Samples, rate: int, hertz: float) -> float:
    """The level of a tone in what was heard, dB of full scale, by its bins of a windowed spectrum."""
    window = np.hanning(len(heard))
    spectrum = np.abs(np.fft.rfft(heard * window)) * 2 / window.sum()
    bins = np.fft.rfftfreq(len(heard), 1 / rate)
    near = spectrum[np.abs(bins - hertz) < 5]
    return 20 * float(np.log10(max(near.max(initial=0.0), 1e-9)))


def longest_silence(heard: Samples, rate: int, quiet: float = 0.003) -> float:
    """Seconds of the longest stretch without sound, to 20 ms."""
    frame = rate // 50
    frames = heard[: len(heard) // frame * frame].reshape(-1, frame)
    longest = run = 0
    for loud in np.sqrt((frames**2).mean(axis=1)) > quiet:
        run = 0 if loud else run + 1
        longest = max(longest, run)
    return longest / 50


def decode(content: bytes | Path, rate: int = 16_000) -> Samples:
    """Sound as ffmpeg decodes it, mono. What is cut off at the end (a live response) is decoded as far as
    it goes."""
    source, given = (str(content), None) if isinstance(content, Path) else ("pipe:0", content)
    command = [
        need_program("ffmpeg"),
        "-v",
        "error",
        "-i",
        source,
        "-f",
        "f32le",
        "-ac",
        "1",
        "-ar",
        str(rate),
        "-",
    ]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    return np.frombuffer(done.stdout, np.float32)


def speak(text: str, voice: str, folder: Path) -> tuple[Path, Samples]:
    """`text` spoken by espeak-ng: a WAV file as Chromium's fake microphone wants it, and its samples."""
    raw = folder / f"{voice}.raw.wav"
    subprocess.run(
        [need_program("espeak-ng"), "-v", voice, "-s", "150", "-w", str(raw), text], check=True, timeout=60
    )
    path = folder / f"{voice}.wav"
    convert = [
        need_program("ffmpeg"),
        "-v",
        "error",
        "-y",
        "-i",
        str(raw),
        "-ac",
        "1",
        "-ar",
        str(SOURCE_RATE),
    ]
    subprocess.run([*convert, "-af", "volume=-6dB", "-c:a", "pcm_s16le", str(path)], check=True, timeout=60)
    return path, decode(path, SOURCE_RATE)


def write_tone(hertz: float, folder: Path) -> Path:
    """Ten seconds of a steady tone as a WAV file (a whole number of periods: it loops without a step)."""
    path = folder / f"{hertz:g}.wav"
    source = f"sine=frequency={hertz:g}:sample_rate={SOURCE_RATE}:duration=10"
    subprocess.run(
        [
            need_program("ffmpeg"),
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            source,
            "-ac",
            "1",
            "-c:a",
            "pcm_s16le",
            str(path),
        ],
        check=True,
        timeout=60,
    )
    return path
