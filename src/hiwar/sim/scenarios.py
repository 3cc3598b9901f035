"""The scenarios that `hiwar simulate` knows by name. Pure.

Sizes and times are those of the figures that the front door has to reach; where a figure leaves something
open, what is chosen is said at the scenario.
"""

from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import Any

from hiwar.admission.classes import ListenerClass
from hiwar.sim.attacks import Flood, Hammers, Pages
from hiwar.sim.curves import Curve, Wave
from hiwar.sim.populations import Population, botnet, steady
from hiwar.sim.scenario import Scenario

ARRIVALS_PER_S, JOINS_PER_S = 40, 50
BESIEGED_S = 300.0
CARRIERS, CARRIED = 20, 200  # addresses, to see a mean; people behind each
ASSEMBLED_S, BESIEGED_AT_S, CAME_S = 20.0, 60.0, 120.0  # of `one_address`


def storm() -> Scenario:
    """8 million people in six minutes to four machines of two workers and 50,000 seats each. Of 100, 85 come
    from networks of their own, 12 by carriers' addresses, 200 to each over time, and 3 reload the page each
    1.5 s. They have 30 to 90 s of patience; connections break each quarter of an hour."""
    curve = Curve(20, 150, 60, 150)
    patience_s = (30.0, 90.0)
    return Scenario(
        name="storm",
        title="A storm of 8 million arrivals before the start",
        seconds=420,
        populations=(
            Population(name="people", people=6_800_000, curve=curve, patience_s=patience_s, lost_every_s=900),
            Population(
                name="behind carriers",
                people=960_000,
                prefixes=4_800,
                per_address=CARRIED,
                curve=curve,
                patience_s=patience_s,
                lost_every_s=900,
            ),
            Population(
                name="impatient", people=240_000, curve=curve, patience_s=patience_s, asks_every_s=1.5
            ),
        ),
        edges=4,
        workers=2,
        seats=50_000,
        joins=800,
    )


def ordinary_botnet() -> Scenario:
    return _besieged("botnet", "2,500 machines in 200 prefixes", botnet(2_500, 200))


def big_botnet() -> Scenario:
    return _besieged("big-botnet", "10,000 machines in 1,000 prefixes", botnet(10_000, 1_000))


def gpu_farm() -> Scenario:
    farm = botnet(2_500, 200, "GPU farm", squaring_us=(0.0, 0.0))
    return _besieged("gpu-farm", "A GPU farm of 2,500 machines in 200 prefixes", farm)


def hoarders() -> Scenario:
    """They come into a house that is nearly full, solve as quickly as anybody, and never leave; a third more
    people come than there are seats for."""
    hoard = botnet(2_500, 200, "hoarders", curve=Curve(900), stay_s=inf)
    return Scenario(
        name="hoarders",
        title="Hoarders in 200 prefixes who never leave, 8,000 seats, stays of 20 minutes",
        seconds=7200,
        populations=(steady("people", 9, 7200), hoard),
        seats=8_000,
    )


def one_address() -> Scenario:
    """A GPU farm besieges the door. Behind carriers' addresses, 200 people at each: some have had their seats
    before, and lose their connections every minute; some show vouchers, or are logged in; some show nothing,
    behind twenty addresses, so that a mean can be seen."""
    farm = botnet(2_500, 200, "GPU farm", squaring_us=(0.0, 0.0), curve=Curve(BESIEGED_AT_S))
    return Scenario(
        name="one-address",
        title="200 people behind one address while a GPU farm in 200 prefixes besieges the door",
        seconds=CAME_S + 120,
        populations=(
            steady("people", ARRIVALS_PER_S, CAME_S + 120, BESIEGED_AT_S),
            farm,
            _carried("with tickets", 1, ASSEMBLED_S, lost_every_s=60.0, stay_s=inf),
            _carried("invited", 1, CAME_S, proof=ListenerClass.INVITED),
            _carried("strangers", CARRIERS, CAME_S),
        ),
        joins=JOINS_PER_S,
    )


def retrying_crowd() -> Scenario:
    """60,000 people for 4,000 seats, who ask for half an hour and never give up."""
    crowd = Population(
        name="crowd", people=60_000, curve=Curve(30, 10, 20, 10), patience_s=(inf, inf), stay_s=600
    )
    return Scenario(
        name="retrying-crowd",
        title="A crowd of 60,000 that asks again and again for half an hour",
        seconds=1830,
        populations=(steady("early", 2, 60), crowd),
        seats=4_000,
    )


def square_wave() -> Scenario:
    """Half a minute of 60,000 requests for pages a second, half a minute of peace, for half an hour."""
    return Scenario(
        name="square-wave",
        title="60,000 requests for pages a second, on and off every half a minute",
        seconds=1830,
        populations=(steady("people", 2, 1830),),
        attacks=(Pages(60_000, Wave(30, inf, 60)), Pages(20)),
        seats=4_000,
    )


def table_flood() -> Scenario:
    """Random /48s of three allocations, 2,000 a second that show nothing and 400 with a solved puzzle each:
    against every table that is kept by network."""
    wave = Wave(30, inf)
    return Scenario(
        name="table-flood",
        title="A flood from random /48s of three allocations, some with solved puzzles",
        seconds=180,
        populations=(steady("people", ARRIVALS_PER_S, 180),),
        attacks=(Flood(2_000, 3, wave=wave), Flood(400, 3, solved=True, wave=wave)),
        joins=JOINS_PER_S,
        from_s=30,
    )


def hammer() -> Scenario:
    """Machines that ask for a seat a thousand times a second each."""
    return Scenario(
        name="hammer",
        title="60 machines that ask for a seat a thousand times a second each",
        seconds=90,
        populations=(steady("people", ARRIVALS_PER_S, 90),),
        attacks=(Hammers(60, 1_000, Wave(20, inf)),),
        joins=JOINS_PER_S,
        from_s=20,
    )


SCENARIOS: Mapping[str, Callable[[], Scenario]] = MappingProxyType(
    {
        "storm": storm,
        "botnet": ordinary_botnet,
        "big-botnet": big_botnet,
        "gpu-farm": gpu_farm,
        "hoarders": hoarders,
        "one-address": one_address,
        "retrying-crowd": retrying_crowd,
        "square-wave": square_wave,
        "table-flood": table_flood,
        "hammer": hammer,
    }
)


def scenario_named(name: str) -> Scenario:
    """A scenario by its name.

    Raises:
        ValueError: there is none of that name; the text says which there are.
    """
    make = SCENARIOS.get(name)
    if make is None:
        raise ValueError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return make()


def _besieged(name: str, attacker: str, bots: Population) -> Scenario:
    """40 honest newcomers a second for 50 joins a second, 60 s of patience."""
    return Scenario(
        name=name,
        title=f"{attacker} against {ARRIVALS_PER_S} honest newcomers a second, {JOINS_PER_S} joins a second",
        seconds=BESIEGED_S,
        populations=(steady("people", ARRIVALS_PER_S, BESIEGED_S), bots),
        joins=JOINS_PER_S,
    )


def _carried(name: str, addresses: int, at_s: float, **traits: Any) -> Population:
    people = addresses * CARRIED
    return Population(
        name=name, people=people, prefixes=addresses, per_address=CARRIED, curve=Curve(at_s), **traits
    )
