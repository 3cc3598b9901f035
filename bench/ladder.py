"""The ladder, simulated: how soon on the right rung, how soon back, and that it does not swing.

The right rung is an oracle's, which knows what the controllers cannot see: who asks, and what each thing
costs (`tests.admission.ladder_world`). Crowds and waves of half an hour are worlds of `hiwar simulate`, with
the whole front door; crowds with a seed known from before and with one that nobody has seen (its number is in
the note), of which the worse counts. Beside them a ladder without dwell and memory.
"""

from dataclasses import replace
from math import inf
from secrets import randbits
from statistics import median

from bench.fairness import report_of
from bench.harness import Outcome, Progress
from hiwar.admission.rungs import Rung
from hiwar.sim.attacks import Pages
from hiwar.sim.curves import Curve, Wave
from hiwar.sim.populations import Population, steady
from hiwar.sim.report import Report
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import SCENARIOS, scenario_named
from tests.admission.ladder_world import CALM, DEMANDS, Machine, settles_right
from tests.sim.ablated import twitchy
from tests.sim.worlds import HIDING

TITLE = "The ladder: to the right rung and back, in crowds and waves of half an hour, simulated"
SEEDS = range(1, 11)
WITHIN_S, BACK_S = 2.0, 60.0
WAVE_S = 60.0
# Down at most two rungs at each onset and up three in each calm; a wave's calm of half a minute is too short
# for the damped dwell, so that some rounds teach it, and one more each time that it has forgotten half.
WAVE_MOVES, CROWD_MOVES = 24, 3


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    _settle(outcome, progress)
    _crowds(outcome, progress)
    _waves(outcome, progress)
    _worst(outcome, progress)
    return outcome


def _settle(outcome: Outcome, progress: Progress) -> None:
    down: list[float] = []
    back: list[float] = []
    for demand in DEMANDS:
        progress(f"{demand}")
        for seed in SEEDS:
            machine = Machine(seed)
            machine.run(30)
            machine.demand = demand
            down.append(settles_right(machine, WITHIN_S))
            machine.run(20)
            machine.demand, machine.honest_waiting = CALM, 0.0
            back.append(settles_right(machine, BACK_S))
    note = f"{len(DEMANDS)} attacks and crowds, {len(SEEDS)} seeds each; median {median(down):.2f} s"
    outcome.at_most("to the oracle's rung, the slowest", max(down), "s", WITHIN_S, note)
    outcome.at_most("back after it, the slowest", max(back), "s", BACK_S, f"median {median(back):.1f} s")
    outcome.samples["down_s"], outcome.samples["back_s"] = down, back


def _crowds(outcome: Outcome, progress: Progress) -> None:
    unseen = randbits(32)
    for name, scenario in (
        ("moves in a retrying crowd of 60,000", scenario_named("retrying-crowd")),
        ("moves in a retrying crowd of 250,000", _many()),
        ("moves in a crowd that asks half as often in siege", HIDING),
        ("moves while all seats are taken", _full()),
    ):
        progress(name)
        report = max((report_of(scenario, seed) for seed in (1, unseen)), key=lambda each: len(each.moves))
        note = f"seeds 1 and {unseen}; {_path(report)}"
        outcome.at_most(name, len(report.moves), "moves", CROWD_MOVES, note)
    progress("a crowd that asks half as often in siege, no hysteresis")
    freely = report_of(HIDING, 1, twitchy())
    outcome.beside("such a crowd without dwell, memory and reckoning", len(freely.moves), "moves")


def _waves(outcome: Outcome, progress: Progress) -> None:
    progress("a square wave")
    report = report_of(scenario_named("square-wave"), 1)
    onsets = [(move.seconds - 30) % WAVE_S for move in report.moves if move.cause != "calm"]
    outcome.at_most(
        "moves in a square wave of a minute", len(report.moves), "moves", WAVE_MOVES, _path(report)
    )
    outcome.at_most("down after the onset of a wave, the slowest", max(onsets), "s", WITHIN_S)
    seated = 100 * report.honest.seated
    outcome.beside("honest newcomers seated meanwhile", seated, "%", "half of the time is calm")
    progress("a square wave, no hysteresis")
    freely = report_of(scenario_named("square-wave"), 1, twitchy())
    outcome.beside("the same without dwell and memory", len(freely.moves), "moves")
    progress("calm after a wave")
    after = report_of(_waved(), 1)
    opened = after.moves[-1].seconds - 240 if after.moves[-1].to == Rung.OPEN else None
    outcome.at_most("open again after the wave", opened, "s", BACK_S)


def _worst(outcome: Outcome, progress: Progress) -> None:
    """The stage on a core of its own, as it is placed where there are two."""
    reached = 0
    for name in SCENARIOS:
        if name not in ("storm", "hoarders", "retrying-crowd"):
            progress(f"{name}: the worst rung")
            reached += any(move.to == Rung.RECORD_ONLY for move in report_of(scenario_named(name), 2).moves)
    outcome.at_most("attacks that led to record-only", reached, "attacks", 0)


def _many() -> Scenario:
    crowd = Population(
        name="crowd", people=250_000, curve=Curve(30, 10, 20, 10), patience_s=(inf, inf), stay_s=600
    )
    return replace(scenario_named("retrying-crowd"), populations=(crowd,))


def _full() -> Scenario:
    people = steady("people", 9, 3600, stay_s=300.0)
    return Scenario(name="full", title="full", seconds=3600, populations=(people,), seats=2_000)


def _waved() -> Scenario:
    wave = Pages(60_000, Wave(30, 270, WAVE_S))
    return replace(scenario_named("square-wave"), seconds=360, attacks=(wave,))


def _path(report: Report) -> str:
    moves = ", ".join(f"{move.to} at {move.seconds:g} s" for move in report.moves[:4])
    return moves + (", ..." if len(report.moves) > 4 else "")
