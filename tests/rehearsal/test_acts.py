"""The table of acts, and plans made of it."""

import pytest

from hiwar.rehearsal import words
from hiwar.rehearsal.acts import ACTS, BOTS_TIMES, BY_NAME, NAMES, QUICK, Scale, attack_of
from hiwar.rehearsal.director import ACT_S_MAX, ACT_S_MIN, make_plan
from hiwar.rehearsal.intervals import INTERVALS_MS, QUICK_MS

SCALE = Scale(listeners=100, seconds=10.0, newcomers_per_s=4.0, force=0.5)


def test_every_act_has_a_name_and_a_sentence_in_both_languages() -> None:
    assert set(words.ACTS) == set(words.ABOUT) == set(NAMES)
    said = [*words.ACTS.values(), *words.ABOUT.values()]
    assert all(each.arabic and each.english for each in said)


def test_no_two_acts_share_a_name() -> None:
    assert len(BY_NAME) == len(ACTS)


def test_force_makes_less_of_everything_and_never_nothing() -> None:
    order = attack_of(BY_NAME["pages"], SCALE)
    whole = attack_of(BY_NAME["pages"], Scale(100, 10.0, 4.0, 1.0))
    assert order is not None
    assert whole is not None
    assert order.per_s == whole.per_s / 2
    assert order.at_once == whole.at_once / 2
    little = attack_of(BY_NAME["huge"], Scale(100, 10.0, 4.0, 0.001))
    assert little is not None
    assert min(little.at_once, little.machines, little.prefixes) == 1


def test_bots_come_ten_times_as_often_as_people() -> None:
    order = attack_of(BY_NAME["bots"], SCALE)
    assert order is not None
    assert order.per_s == BOTS_TIMES * 4.0
    assert order.prefixes == 200


def test_a_calm_act_has_no_attack() -> None:
    assert attack_of(BY_NAME["calm"], SCALE) is None


@pytest.mark.parametrize("act", ACTS, ids=NAMES)
def test_nobody_new_comes_at_the_very_end_of_an_act(act) -> None:  # type: ignore[no-untyped-def]
    assert 0 < act.settle_s(SCALE) < act.seconds(SCALE)


def test_a_plan_without_wishes_has_every_act_and_every_interval() -> None:
    plan = make_plan()
    assert plan.acts == ACTS
    assert plan.intervals_ms == INTERVALS_MS
    assert not plan.quick


def test_a_quick_plan_has_little_of_everything() -> None:
    plan = make_plan(quick=True)
    assert {act.name for act in plan.acts} == set(QUICK)
    assert plan.intervals_ms == QUICK_MS
    assert plan.scale.force < 0.5
    assert plan.seconds < 150


def test_what_a_listener_costs_is_measured_only_where_it_is_asked_for_among_acts() -> None:
    assert make_plan(["calm"]).intervals_ms == ()
    plan = make_plan(["seats"])
    assert (plan.acts, plan.intervals_ms) == ((), INTERVALS_MS)


def test_acts_are_played_in_the_order_of_the_table_whatever_the_order_asked_for() -> None:
    assert [act.name for act in make_plan(["slow", "calm"]).acts] == ["calm", "slow"]


@pytest.mark.parametrize(
    ("minutes", "least", "most"), [(0.1, ACT_S_MIN, ACT_S_MIN), (10, 15, 30), (9999, ACT_S_MAX, ACT_S_MAX)]
)
def test_minutes_are_shared_out_among_the_acts_within_bounds(
    minutes: float, least: float, most: float
) -> None:
    assert least <= make_plan(minutes=minutes).scale.seconds <= most


def test_a_plan_of_so_many_minutes_takes_about_as_long() -> None:
    assert make_plan(minutes=12).seconds == pytest.approx(12 * 60, rel=0.15)


@pytest.mark.parametrize(
    ("wishes", "said"),
    [({"names": ["calm", "nothing"]}, "no such act: nothing"), ({"listeners": 10_001}, "at most 10000")],
)
def test_what_cannot_be_is_said_so(wishes: dict, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=said):
        make_plan(**wishes)
