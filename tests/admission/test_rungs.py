"""The rungs and what they mean."""

from itertools import pairwise

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.rungs import LEGAL, RULES, RUNGS, IllegalMove, Pages, Rung, check_move


def test_severity_follows_the_order_of_the_design() -> None:
    assert [rung.value for rung in RUNGS] == ["open", "busy", "limited", "siege", "record-only"]
    assert [rung.severity for rung in RUNGS] == [0, 1, 2, 3, 4]


def test_each_rung_gives_up_what_the_one_before_gave_up_and_more() -> None:
    pages = list(Pages)
    for milder, worse in pairwise(RULES[rung] for rung in RUNGS):
        assert worse.comers <= milder.comers
        assert worse.seated <= milder.seated
        assert worse.archive <= milder.archive
        assert worse.rest <= milder.rest
        assert pages.index(worse.pages) >= pages.index(milder.pages)
        assert worse != milder


def test_the_archive_is_closed_before_any_live_seat_is_refused() -> None:
    assert not RULES[Rung.BUSY].archive
    assert not RULES[Rung.BUSY].lottery


def test_in_siege_only_who_is_known_comes_and_the_seated_stay() -> None:
    rules = RULES[Rung.SIEGE]
    assert rules.comers == {ListenerClass.RETURNING, ListenerClass.INVITED}
    assert rules.seated
    assert rules.pages is Pages.CACHE_ONLY


def test_only_in_record_only_nobody_listens() -> None:
    assert [rung for rung in RUNGS if not RULES[rung].seated] == [Rung.RECORD_ONLY]


@pytest.mark.parametrize("origin", RUNGS)
@pytest.mark.parametrize("to", RUNGS)
def test_down_goes_any_way_up_one_step_and_to_record_only_only_from_siege(origin: Rung, to: Rung) -> None:
    down, up = to.severity > origin.severity, to.severity == origin.severity - 1
    legal = (down and (to is not Rung.RECORD_ONLY or origin is Rung.SIEGE)) or up
    assert (to in LEGAL[origin]) == legal
    if legal:
        check_move(origin, to)
    else:
        with pytest.raises(IllegalMove, match=f"from {origin} to {to}"):
            check_move(origin, to)
