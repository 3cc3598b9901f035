"""Whose refusals are told to the kernel's side, and whose never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.limits import Limited
from hiwar.admission.prefix import Level, Origin, level_of, origin_of
from hiwar.admission.refused import PER_S_MIN, SUSTAINED, TOLD_MAX, RefusedSources

BOT, OTHER = origin_of("203.0.113.5"), origin_of("203.0.113.9")


class Second:
    """Seconds of refusals, one `take` after each."""

    def __init__(self, counted_max: int = 64) -> None:
        self.now = 100.0
        self.sources = RefusedSources(self.now, counted_max)

    def pass_with(self, *refused: tuple[Origin, int]) -> dict[int, float]:
        for origin, times in refused:
            for _ in range(times):
                self.sources.add(origin)
        self.now += 1.0
        return dict(self.sources.take(self.now).sources)


def test_the_least_that_is_told_is_twice_what_the_limits_let_through() -> None:
    assert PER_S_MIN == {Level.IPV4_32: 40, Level.IPV6_64: 40, Level.IPV6_48: 160}


def test_who_is_refused_for_seconds_on_end_is_told_with_the_rate() -> None:
    second = Second()
    told = [second.pass_with((BOT, 50)) for _ in range(SUSTAINED + 1)]
    assert told == [{}] * (SUSTAINED - 1) + [{BOT.finest: 50}] * 2


def test_one_second_of_rest_begins_the_count_anew() -> None:
    second = Second()
    for _ in range(SUSTAINED - 1):
        assert second.pass_with((BOT, 50)) == {}
    assert second.pass_with() == {}
    assert [second.pass_with((BOT, 50)) for _ in range(SUSTAINED)][-2:] == [{}, {BOT.finest: 50}]


def test_a_crowd_that_is_refused_once_and_goes_away_is_never_told() -> None:
    second = Second()
    assert second.pass_with((BOT, 3000)) == {}
    assert [second.pass_with((BOT, 39)) for _ in range(20)] == [{}] * 20


def test_a_held_up_worker_tells_rates_and_not_sums() -> None:
    second = Second()
    for _ in range(SUSTAINED):
        for _ in range(60):
            second.sources.add(BOT)
        second.now += 2.0
        taken = second.sources.take(second.now)
    assert taken.sources == ()
    assert taken.refused == 30


def test_everybody_refused_is_in_the_sum_also_who_is_not_told() -> None:
    sources = RefusedSources(0.0)
    for _ in range(30):
        sources.add(BOT)
        sources.add(OTHER)
    assert sources.take(2.0).refused == 30
    assert sources.take(3.0).refused == 0


@pytest.mark.parametrize(
    ("kind", "times"),
    [(Limited.CONNECTIONS, 40), (Limited.REQUESTS, 240), (Limited.LOGINS, 240), (Limited.MEDIA, 2800)],
)
def test_what_is_refused_on_a_connection_counts_by_its_own_limit(kind: Limited, times: int) -> None:
    told = []
    for refused in (times - 1, times + 1):  # sums of sixths are not exact
        sources = RefusedSources(0.0)
        for second in range(SUSTAINED):
            for _ in range(refused):
                sources.add(BOT, kind)
            taken = sources.take(second + 1.0)
        assert taken.refused == refused
        told.append(bool(taken.sources))
    assert told == [False, True]


def test_a_network_of_256_strangers_is_never_told_as_a_whole() -> None:
    second = Second(counted_max=512)
    many = [(origin_of(f"198.51.100.{host}"), 30) for host in range(250)]
    assert [second.pass_with(*many) for _ in range(SUSTAINED)][-1] == {}


def test_a_site_that_changes_its_networks_all_the_time_is_told_as_the_site() -> None:
    second = Second(counted_max=512)
    changing = [(origin_of(f"2001:db8:7:{host:x}::1"), 1) for host in range(200)]
    told = [second.pass_with(*changing) for _ in range(SUSTAINED)][-1]
    assert told == {changing[0][0].site: 200}
    assert level_of(changing[0][0].site) is Level.IPV6_48


def test_a_site_is_not_told_for_one_network_that_is_told_itself() -> None:
    second = Second()
    one = origin_of("2001:db8:7:1::1")
    quiet = origin_of("2001:db8:7:2::1")
    told = [second.pass_with((one, 500), (quiet, 20)) for _ in range(SUSTAINED)][-1]
    assert told == {one.finest: 500}


def test_the_heaviest_are_told_first_and_no_more_than_the_bound() -> None:
    second = Second(counted_max=2048)
    many = [
        (origin_of(f"198.51.{100 + host // 200}.{host % 200}"), 41 + host % 2) for host in range(TOLD_MAX + 9)
    ]
    for _ in range(SUSTAINED):
        for origin, times in many:
            for _ in range(times):
                second.sources.add(origin)
        second.now += 1.0
        told = second.sources.take(second.now).sources
    assert len(told) == TOLD_MAX
    assert [rate for _, rate in told] == sorted((rate for _, rate in told), reverse=True)


def test_a_table_full_of_machines_tells_fewer_and_nobody_innocent() -> None:
    second = Second(counted_max=16)
    machines = [(origin_of(f"198.51.100.{host}"), 50) for host in range(200)]
    innocent = origin_of("192.0.2.1")
    for _ in range(SUSTAINED + 3):
        told = second.pass_with(*machines, (innocent, 2))
        assert innocent.finest not in told


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 120)), max_size=8),
        min_size=1,
        max_size=12,
    )
)
def test_told_is_exactly_who_reached_the_rate_in_each_of_the_last_seconds(
    seconds: list[list[tuple[int, int]]],
) -> None:
    origins = [origin_of(f"192.0.2.{host}") for host in range(6)]
    second, history = Second(), []
    for refused in seconds:
        told = second.pass_with(*((origins[host], times) for host, times in refused))
        sums = [sum(times for each, times in refused if each == host) for host in range(6)]
        history.append(sums)
        lately = history[-SUSTAINED:]
        expected = {
            origins[host].finest: sums[host]
            for host in range(6)
            if len(lately) == SUSTAINED and all(each[host] >= 40 for each in lately)
        }
        assert told == expected
