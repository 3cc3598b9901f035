"""One line out of two feeds: whatever comes, when, and whatever is wished for in between."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.edge.splice import LATE_SAMPLES_MAX, TAIL_CHUNKS, Splice, Tail
from hiwar.media.feed import FEED_AAC, FEED_MP3, FEED_OPUS, Chunk, Feed

LATE = LATE_SAMPLES_MAX // FEED_OPUS.chunk_samples


class Desk:
    """A splice and its two feeds; `given` is what came out, `(number, feed)`."""

    def __init__(self, feed: Feed = FEED_OPUS, *, begin_light: bool = False) -> None:
        self.full, self.light = Tail(), Tail()
        self.splice = Splice(feed, self.full, self.light, self.light if begin_light else self.full)
        self.given: list[tuple[int, str]] = []

    def hear(self, which: str, *numbers: int) -> None:
        for number in numbers:
            tail = {"full": self.full, "light": self.light}[which]
            tail.add(Chunk(which, number, which.encode()))
            self.take()

    def take(self, *, over: bool = False) -> None:
        self.given += [(number, payload.decode()) for number, payload in self.splice.take(over=over)]

    def wish(self, lighter: bool) -> None:
        self.splice.lighter = lighter
        self.take()


def of(which: str, numbers: Iterable[int]) -> list[tuple[int, str]]:
    return [(number, which) for number in numbers]


def test_without_a_wish_the_full_feed_goes_on_as_it_comes() -> None:
    desk = Desk()
    for number in range(7, 10):
        desk.hear("full", number)
        assert desk.given[-1] == (number, "full")
        desk.hear("light", number)
    assert desk.given == of("full", range(7, 10))


def test_the_wish_holds_from_the_next_number_on_and_so_does_its_end() -> None:
    desk = Desk()
    for number in range(30):
        desk.wish(10 <= number < 20)
        desk.hear("full", number)
        desk.hear("light", number)
    assert desk.given == of("full", range(10)) + of("light", range(10, 20)) + of("full", range(20, 30))


def test_a_full_chunk_that_waited_goes_out_when_the_wish_ends() -> None:
    desk = Desk()
    desk.hear("light", 0)
    desk.hear("full", 0)
    desk.wish(True)
    desk.hear("full", 1)
    assert desk.given == of("full", [0])
    desk.wish(False)
    assert desk.given == of("full", [0, 1])
    desk.hear("light", 1)
    assert len(desk.given) == 2


def test_a_lighter_chunk_may_come_before_the_full_one() -> None:
    desk = Desk()
    desk.wish(True)
    desk.hear("full", 0)
    desk.hear("light", 0, 1)
    assert desk.given == of("light", [0, 1])
    desk.hear("full", 1)
    assert desk.given == of("light", [0, 1])


@pytest.mark.parametrize(("feed", "late"), [(FEED_OPUS, 2), (FEED_AAC, 1), (FEED_MP3, 1)])
def test_a_lighter_chunk_is_waited_for_only_so_long(feed: Feed, late: int) -> None:
    desk = Desk(feed)
    desk.hear("full", *range(10))
    desk.hear("light", *range(10))
    desk.wish(True)
    for number in range(10, 10 + late):
        desk.hear("full", number)
    assert desk.given == of("full", range(10))
    desk.hear("full", 10 + late)
    assert desk.given == of("full", range(11))


def test_a_lighter_feed_that_is_dead_or_far_behind_is_not_waited_for_until_it_has_caught_up() -> None:
    desk = Desk()
    desk.hear("full", *range(10))
    desk.hear("light", *range(10))
    desk.wish(True)
    desk.hear("full", *range(10, 20))
    assert desk.given[-1] == (19, "full")
    desk.hear("light", *range(10, 18))
    assert desk.given[-1] == (19, "full")
    desk.hear("full", 20)
    assert desk.given[-1] == (19, "full")
    desk.hear("light", 18, 19, 20)
    assert desk.given == of("full", range(20)) + of("light", [20])


def test_a_stage_that_makes_no_lighter_feed_is_heard_at_once() -> None:
    desk = Desk()
    desk.wish(True)
    for number in range(1000, 1010):
        desk.hear("full", number)
        assert desk.given[-1] == (number, "full")


def test_a_hole_is_filled_from_the_other_feed_at_once() -> None:
    desk = Desk()
    desk.hear("full", 0)
    desk.hear("light", 0, 1, 2, 3)
    desk.hear("full", 3)
    assert desk.given == [(0, "full"), (1, "light"), (2, "light"), (3, "full")]
    desk.wish(True)
    desk.hear("full", 4, 5)
    desk.hear("light", 6)
    assert desk.given[4:] == [(4, "full"), (5, "full"), (6, "light")]


def test_what_neither_has_is_left_out() -> None:
    desk = Desk()
    desk.hear("full", 0)
    desk.hear("full", 500_000)
    desk.wish(True)
    desk.hear("light", 900_000)
    desk.hear("full", 900_000)
    assert desk.given == [(0, "full"), (500_000, "full"), (900_000, "light")]


def test_a_new_stage_repeats_nothing() -> None:
    desk = Desk()
    desk.hear("full", *range(10))
    desk.hear("light", *range(9))
    desk.wish(True)
    desk.hear("full", *range(7, 12))
    desk.hear("light", *range(7, 12))
    assert desk.given == of("full", range(10)) + of("light", [10, 11])


def test_at_the_end_nothing_is_waited_for() -> None:
    desk = Desk()
    desk.hear("light", 0)
    desk.wish(True)
    desk.hear("full", 0, 1, 2)
    assert desk.given == of("light", [0])
    desk.take(over=True)
    assert desk.given == [(0, "light"), (1, "full"), (2, "full")]


def test_a_line_of_the_lighter_feed_begins_with_it() -> None:
    desk = Desk(begin_light=True)
    desk.hear("full", *range(10))
    assert desk.given == []
    desk.hear("light", 9)
    assert desk.given == of("light", [9])


def test_a_tail_keeps_no_more_than_it_must() -> None:
    tail = Tail()
    assert all(tail.add(Chunk("opus", number, b"x")) for number in range(3 * TAIL_CHUNKS))
    assert not tail.add(Chunk("opus", 5, b"x"))
    assert tail.first_from(0) == (2 * TAIL_CHUNKS, b"x")
    assert tail.first_from(3 * TAIL_CHUNKS) is None


EVENTS = st.one_of(
    st.tuples(st.just("full"), st.integers(0, 3)),
    st.tuples(st.just("light"), st.integers(0, 3)),
    st.tuples(st.just("wish"), st.integers(0, 1)),
)


@given(st.lists(EVENTS, max_size=200), st.booleans())
def test_whatever_comes_numbers_only_grow_and_the_full_feed_is_never_far_ahead(
    events: list[tuple[str, int]], begin_light: bool
) -> None:
    """Each feed goes on by one or leaps a little (0 repeats); at the end the newest of it is there."""
    desk, newest, heard = Desk(begin_light=begin_light), {"full": -1, "light": -1}, set[int]()
    for what, step in events:
        if what == "wish":
            desk.wish(bool(step))
            continue
        newest[what] = max(0, newest[what] + step)
        heard.add(newest[what])
        desk.hear(what, newest[what])
        if desk.given:
            assert desk.full.end - 1 - desk.given[-1][0] <= LATE
    desk.take(over=True)
    numbers = [number for number, _ in desk.given]
    assert numbers == sorted(set(numbers))
    if numbers and newest["full"] >= newest["light"]:
        assert numbers[-1] == max(heard)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 0.1), st.booleans()), min_size=1, max_size=80),
    st.integers(0, 10**6),
)
def test_with_a_lighter_feed_that_is_late_or_has_holes_no_number_is_missing(
    chunks: list[tuple[bool, float, bool]], first: int
) -> None:
    """Each number: the wish when it comes, how late its lighter chunk is (s), whether there is one."""
    desk, arrivals = Desk(), []
    for place, (wish, late, made) in enumerate(chunks):
        due = place * 0.08
        arrivals.append((due, place, "full", wish))
        if made:
            arrivals.append((due + late, place, "light", wish))
    for _, place, which, wish in sorted(arrivals, key=lambda each: each[0]):
        if which == "full":
            desk.wish(wish)
        desk.hear(which, first + place)
    desk.take(over=True)
    assert [number for number, _ in desk.given] == list(range(first, first + len(chunks)))
