"""Who gets the seats, in simulated time: the whole front door against botnets, hoarders, and one address.

The worlds are those of `hiwar simulate`, in full size; each is run with a seed known from before and with one
that nobody has seen (its number is in the note). Beside them: a queue in the lottery's place, no cap by
network, and hoarders who came while the door was calm.
"""

from dataclasses import replace
from math import inf
from random import Random
from secrets import randbits
from statistics import mean

from bench.harness import Outcome, Progress
from hiwar.admission.house import TICK_S
from hiwar.sim.curves import Curve
from hiwar.sim.populations import botnet, steady
from hiwar.sim.report import Report
from hiwar.sim.roll import Standing
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import CAME_S, CARRIED, scenario_named
from hiwar.sim.world import PRODUCT, Cores, World
from tests.sim.ablated import first_come, uncapped
from tests.sim.worlds import by_network, fate, number_of, without_collector

TITLE = "Who gets the seats, simulated: honest newcomers, hoarders, 200 people behind one address"
SEED = 1
BESIEGED = {"botnet": 95.0, "big-botnet": 70.0, "gpu-farm": 95.0}
WATCHED_S = 60.0


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    unseen = randbits(32)
    for name, least in BESIEGED.items():
        for seed in (SEED, unseen):
            progress(f"{name}, seed {seed}")
            _besieged(outcome, name, seed, least)
    for name in BESIEGED:
        progress(f"{name}, first come")
        seated = 100 * report_of(scenario_named(name), SEED, first_come()).honest.seated
        outcome.beside(f"{name}: honest seated by a queue", seated, "%", "instead of the lottery")
    _hoarders(outcome, progress, unseen)
    for seed in (SEED, unseen):
        progress(f"one address, seed {seed}")
        _one_address(outcome, seed)
    return outcome


def report_of(scenario: Scenario, seed: int, cores: Cores = PRODUCT) -> Report:
    with without_collector():
        return World(scenario, Random(seed), cores).run()


def _besieged(outcome: Outcome, name: str, seed: int, least: float) -> None:
    honest = report_of(scenario_named(name), seed).honest
    which = "" if seed == SEED else ", unseen"
    note = f"{honest.judged:,} people, seed {seed}"
    outcome.at_least(f"{name}: honest seated{which}", 100 * honest.seated, "%", least, note)
    apart = 100 * abs(honest.told_seated / honest.told_chance - 1)
    told = f"told {100 * honest.told_chance:.1f} %, {100 * honest.told_seated:.1f} % of them seated"
    outcome.at_most(f"{name}: apart from the odds they were told{which}", apart, "%", 5.0, told)


def _hoarders(outcome: Outcome, progress: Progress, unseen: int) -> None:
    for seed in (SEED, unseen):
        progress(f"hoarders for two hours, seed {seed}")
        report = report_of(scenario_named("hoarders"), seed)
        which = "" if seed == SEED else ", unseen"
        held = 100 * report.bots.sitting / report.seats
        note = f"the ladder moved {len(report.moves)} times, seed {seed}"
        outcome.at_most(f"hoarders' part of 8,000 seats after two hours{which}", held, "%", 10.0, note)
        outcome.samples[f"hoarders_{seed}"] = report.series["bots"]
    progress("hoarders, no cap by network")
    freely = report_of(scenario_named("hoarders"), SEED, uncapped())
    outcome.beside("hoarders' part without a cap by network", 100 * freely.bots.sitting / freely.seats, "%")
    progress("hoarders who come in calm")
    calm = report_of(_early(), SEED)
    note = "2,500 of them, one after the other in ten minutes, before anybody else comes"
    outcome.beside("hoarders' part if they come in calm", 100 * calm.bots.sitting / calm.seats, "%", note)


def _early() -> Scenario:
    hoard = botnet(2_500, 200, "hoarders", curve=Curve(0, 0, 600, 0), stay_s=inf)
    people = steady("people", 9, 5400, 1800)
    return replace(scenario_named("hoarders"), populations=(people, hoard))


def _one_address(outcome: Outcome, seed: int) -> None:
    """A farm's share is what its prefixes get in the minute in which the others wait."""
    world = World(scenario_named("one-address"), Random(seed))
    with without_collector():
        while world.seconds < CAME_S:
            world.pass_tick()
        before = by_network(world, "GPU farm")
        while world.seconds < CAME_S + WATCHED_S + TICK_S:
            world.pass_tick()
    report = world.report()
    which = "" if seed == SEED else ", unseen"
    invited = 100 * fate(report, "invited").seated
    outcome.at_least(f"one address, voucher or account: seated{which}", invited, "%", 95.0)
    lost = int((world.roll.standing[world.roll.of(number_of(world, "with tickets"))] == Standing.GONE).sum())
    note = f"{fate(report, 'with tickets').returned} connections lost, back within 25 s"
    outcome.at_least(
        f"one address, ticket: keep their seats{which}", 100 * (1 - lost / CARRIED), "%", 95.0, note
    )
    farm = mean(seats - before[site] for site, seats in by_network(world, "GPU farm").items())
    strangers = mean(by_network(world, "strangers").values())
    note = f"{strangers:.2f} seats an address in a minute, {farm:.2f} a prefix of the farm; bound 4"
    outcome.at_least(f"one address, strangers: of a prefix's share{which}", strangers / farm, "x", 1.0, note)
