"""What had to be reached in each act, and whether it was. Pure.

The goals are the order of sacrifice in numbers: speakers and recording lose nothing, whoever is seated hears
on and keeps the seat, newcomers are answered at once, seated while there are seats, and else as they were
told.
"""

from math import sqrt

from hiwar.rehearsal.acts import BY_NAME, Act
from hiwar.rehearsal.orders import SEATED, GroupFigures, Kept
from hiwar.rehearsal.people import GAP_INTERVALS_MAX, GAP_S_MAX
from hiwar.rehearsal.records import ActReport, Finding, RecordingReport

LATE_BEYOND_MS = 2.0  # than a process beside it that only sleeps
LATE_MS_TOLD = 20.0  # what is later is not told apart: it is at least so late
FIRST_ANSWER_S = 1.0
SEATED_SHARE = 0.95
ODDS_WITHIN = 0.05
NOISES = 2.0  # standard deviations: of 100 draws chance alone makes several percent
BACK_S = 3.0
INATTENTION_MAX = 0.5  # a crowd that looked less than half of the time has seen nothing
TOLD_MIN = 50  # chances: fewer say nothing about odds
COME_MIN = 10
MINUTE_S = 60.0  # a shorter act says nothing of what was told of a minute


def judge_act(report: ActReport) -> list[Finding]:
    """Everything that can be said at an act's end; what the recording says comes later."""
    act = BY_NAME[report.name]
    return [
        *_judge_speakers(report),
        *_judge_seated(report, act),
        *_judge_newcomers(report, act),
        at_most("record-only", report.rungs.get("record-only", 0.0), "s", 0.0),
    ]


def judge_recording(recording: RecordingReport) -> list[Finding]:
    """The whole recording, once it is closed."""
    return [
        at_most("verified", len(recording.findings), "", 0),
        at_most("journal gaps", recording.gaps, "", 0),
    ]


def judge_packets(report: ActReport) -> Finding:
    """The speakers' packets of an act, once the tracks have been read."""
    return at_most("packets missing", report.spoken.missing, "packets", 0)


def at_most(name: str, value: float | None, unit: str, limit: float) -> Finding:
    met = None if value is None else value <= limit + 1e-9
    return Finding(name=name, value=value, unit=unit, limit=limit, met=met)


def at_least(name: str, value: float | None, unit: str, limit: float) -> Finding:
    met = None if value is None else value >= limit - 1e-9
    return Finding(name=name, value=value, unit=unit, limit=limit, at_least=True, met=met)


def _judge_speakers(report: ActReport) -> list[Finding]:
    return [
        at_most("late beyond control", late_beyond(report), "ms", LATE_BEYOND_MS),
        at_most("frames skipped", report.skipped, "frames", 0),
        at_most("recorder dropped", report.recorder_dropped, "", 0),
    ]


def late_beyond(report: ActReport) -> float | None:
    """By how many milliseconds, at least, the stage's p99.9 exceeds the control's; None where it
    cannot be told."""
    if not report.frames or report.control_p999_ms is None:
        return None
    late_ms, control_ms = report.late_p999_ms, report.control_p999_ms
    if late_ms is None:
        return LATE_MS_TOLD - control_ms if control_ms < LATE_MS_TOLD - LATE_BEYOND_MS else None
    return max(0.0, late_ms - control_ms)


def _judge_seated(report: ActReport, act: Act) -> list[Finding]:
    seated = report.groups.get(SEATED)
    if seated is None:
        return []
    found = [at_most("thrown out", seated.thrown_out, "people", 0)]
    if act.kills:
        return [*found, at_most("back after the kill", report.back_s, "s", BACK_S)]
    if report.inattention > INATTENTION_MAX:
        return [*found, at_most("longest gap", None, "s", GAP_S_MAX)]
    return [
        *found,
        at_most("longest gap", round(seated.gap_s, 3), "s", GAP_S_MAX),
        at_most("gap in intervals", round(seated.gap_intervals, 2), "intervals", GAP_INTERVALS_MAX),
    ]


def _judge_newcomers(report: ActReport, act: Act) -> list[Finding]:
    """A crowd that was not there to ask has not been turned away: then nothing is said."""
    found: list[Finding] = []
    new = report.groups.get("newcomers")
    if report.inattention > INATTENTION_MAX:
        return [at_most("first answer", None, "s", FIRST_ANSWER_S)]
    if new is not None and new.came >= COME_MIN:
        found.append(_answered_in_time(new, report.seconds))
        if act.few:
            found.append(_odds_kept("odds kept", new.soon, new.waited))
            if report.seconds >= MINUTE_S:
                found.append(_odds_kept("odds of a minute kept", new.minute, new.waited))
        else:
            found.append(at_least("newcomers seated", share(new.seated, new.came), "share", SEATED_SHARE))
    invited = report.groups.get("invited")
    if invited is not None and invited.came >= COME_MIN:
        found.append(at_least("invited seated", share(invited.seated, invited.came), "share", SEATED_SHARE))
    return found


def _answered_in_time(new: GroupFigures, seconds: float) -> Finding:
    """p95 of all who came: who was not answered at all has waited for the whole act."""
    late = new.first_answer_p95_s if share(new.answered, new.came) >= SEATED_SHARE else seconds
    return at_most("first answer", late, "s", FIRST_ANSWER_S)


def _odds_kept(name: str, kept: Kept, waited: int) -> Finding:
    """Of those who waited and were told a chance: how far what came of it is from what was told."""
    if kept.told < TOLD_MIN or not waited:
        return at_most(name, None, "share", ODDS_WITHIN)
    off = abs(kept.wins - kept.expected) / min(waited, kept.told)
    noise = NOISES * sqrt(kept.spread) / min(waited, kept.told)
    return at_most(name, off, "share", round(max(ODDS_WITHIN, noise), 3))


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
