"""What listeners are told."""

import json

from hiwar.relay.records import Person, Phase, Role
from hiwar.stage.bulletins import render_levels, render_state, somebody_speaks


def test_a_state_is_the_json_that_listeners_read() -> None:
    person = Person(id="h1", name="ليلى", role=Role.HOST, muted=True, connected=False)
    assert json.loads(render_state(Phase.LIVE, 12, 34.54, [person])) == {
        "phase": "live",
        "listeners": 12,
        "on_air_seconds": 34.5,
        "speakers": [{"id": "h1", "name": "ليلى", "role": "host", "muted": True, "connected": False}],
    }


def test_levels_are_whole_decibels_by_person() -> None:
    assert json.loads(render_levels({"h1": -23, "g1": -127})) == {"levels": {"h1": -23, "g1": -127}}


def test_somebody_speaks_above_the_noise() -> None:
    assert somebody_speaks({"h1": -40, "g1": -127})
    assert not somebody_speaks({"h1": -70, "g1": -127})
    assert not somebody_speaks({})
