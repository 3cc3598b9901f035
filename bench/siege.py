"""Every attack on a conversation on air, at full force: speakers, recording, seated, newcomers.

This is the rehearsal (`hiwar rehearse`) with acts long enough for the 99.9th percentile of frames: a Hiwar
of its own on loopback, two speakers by WebRTC, an honest crowd from many addresses, one attack after another.
Crowd and attackers share the machine with the door, ranked behind it; what the crowd itself did not look is
taken out of its figures, and where it looked less than half of the time nothing is said. The control is a
process of the same rank on the same cores as the stage's clock, which only sleeps.
"""

import os
from pathlib import Path

from bench.harness import Outcome, Progress, raise_descriptors
from hiwar.ops.settings import load_settings
from hiwar.rehearsal import words
from hiwar.rehearsal.acts import ACTS, Scale
from hiwar.rehearsal.director import Plan, Watcher, rehearse
from hiwar.rehearsal.intervals import INTERVALS_MS
from hiwar.rehearsal.playing import Moment
from hiwar.rehearsal.records import ActReport, Finding, Report

TITLE = "Every attack on a conversation on air: speakers, recording, seats, newcomers"
LISTENERS = 400
SECONDS = 30.0
NEWCOMERS_PER_S = 10.0
DESCRIPTORS = 65_536


def run(progress: Progress) -> Outcome:
    raise_descriptors(DESCRIPTORS)
    scale = Scale(listeners=LISTENERS, seconds=SECONDS, newcomers_per_s=NEWCOMERS_PER_S, force=1.0)
    settings = load_settings({}, Path(os.devnull))
    report = rehearse(Plan(ACTS, scale, INTERVALS_MS), settings, Told(progress))
    outcome = Outcome()
    tell(outcome, report)
    return outcome


class Told(Watcher):
    """What goes on, as a line of progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown = ""

    def prepare(self, text: str) -> None:
        self._progress(text)

    def look(self, moment: Moment) -> None:
        if moment.act and moment.act != self._shown:
            self._shown = moment.act
            self._progress(words.ACTS[moment.act].english)


def tell(outcome: Outcome, report: Report) -> None:
    """The figures of a report, with their goals."""
    for each in report.seats:
        note = f"by {each.by}; {each.micros:.1f} us of CPU a listener-second, with {each.listeners}"
        outcome.beside(f"listeners seated at {each.interval_ms} ms", each.seats, "listeners", note)
    for act in report.acts:
        name = words.ACTS[act.name].english
        for finding in act.findings:
            _add(outcome, f"{name}: {words.FINDINGS[finding.name].english}", finding)
        _beside(outcome, name, act)
    for finding in report.findings:
        _add(outcome, words.FINDINGS[finding.name].english, finding)


def _add(outcome: Outcome, name: str, finding: Finding) -> None:
    times, unit = (100.0, "%") if finding.unit == "share" else (1.0, finding.unit)
    value = None if finding.value is None else finding.value * times
    if finding.at_least:
        outcome.at_least(name, value, unit, finding.limit * times)
    else:
        outcome.at_most(name, value, unit, finding.limit * times)


def _beside(outcome: Outcome, name: str, act: ActReport) -> None:
    outcome.beside(f"{name}: lateness p99.9 of the control", act.control_p999_ms, "ms")
    outcome.beside(f"{name}: time in which the crowd did not look", 100 * act.inattention, "%")
    hall = act.groups.get("hall")
    if hall is not None and hall.came:
        outcome.beside(f"{name}: seated of {hall.came} behind one address", hall.seated, "people")
    outcome.samples[act.name] = [float(count) for count in act.attack.values()]
