"""Who is due in which tick."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hiwar.edge.rhythm import Member, Rhythm, chunks_of
from hiwar.media.feed import FEED_AAC, FEED_MP3, FEED_OPUS


class Heard(Member):
    """Remembers the ticks in which they were written to, and how far they had it before."""

    __slots__ = ("ticks",)

    def __init__(self, tick: int) -> None:
        super().__init__()
        self.ticks = [tick]


def run(rhythm: Rhythm, members: list[Heard], ticks: range) -> None:
    for tick in ticks:
        for group in rhythm.due(tick):
            for member in group.members:
                assert isinstance(member, Heard)
                assert member.ticks[-1] == group.sent
                member.ticks.append(tick)


def gaps(member: Heard) -> list[int]:
    return [later - earlier for earlier, later in pairwise(member.ticks)]


def ignore(piece: bytes) -> None:
    """Stands in for a transport's write."""


def joined(rhythm: Rhythm, count: int, tick: int = 0) -> list[Heard]:
    members = [Heard(tick) for _ in range(count)]
    for member in members:
        rhythm.join(member, ignore, tick)
    return members


def test_an_interval_is_whole_chunks_of_its_feed() -> None:
    assert [chunks_of(FEED_OPUS, ms) for ms in (1, 80, 320, 1920, 9999)] == [1, 1, 4, 24, 24]
    assert [chunks_of(FEED_AAC, ms) for ms in (80, 640, 1920)] == [1, 2, 6]
    assert [chunks_of(FEED_MP3, ms) for ms in (80, 480, 1920)] == [1, 2, 8]


def test_newcomers_are_spread_over_the_ticks_of_an_interval() -> None:
    rhythm = Rhythm(FEED_OPUS, 640)
    joined(rhythm, 80)
    per_tick = [sum(len(group.members) for group in rhythm.due(tick)) for tick in range(1, 9)]
    assert per_tick == [10] * 8


def test_a_ramp_is_announced_and_passes_through_every_whole_number_of_chunks() -> None:
    rhythm = Rhythm(FEED_OPUS, 80)
    members = joined(rhythm, 48)
    run(rhythm, members, range(1, 20))
    assert rhythm.change(1280, 19)
    run(rhythm, members, range(20, 19 + 38))
    assert all(set(gaps(member)) == {1} for member in members)  # three seconds of notice
    run(rhythm, members, range(19 + 38, 1000))
    for member in members:
        longest = [max(gaps(member)[: index + 1]) for index in range(len(gaps(member)))]
        assert all(later - earlier <= 1 for earlier, later in pairwise(longest))
        assert set(gaps(member)[-20:]) == {16}
    last = [sum(len(group.members) for group in rhythm.due(tick)) for tick in range(1000, 1016)]
    assert max(last) <= 6  # spread over the ticks, not all at once


def test_a_ramp_keeps_its_pace_of_thirty_milliseconds_a_second() -> None:
    rhythm = Rhythm(FEED_OPUS, 80)
    (member,) = joined(rhythm, 1)
    rhythm.change(1920, 0)
    run(rhythm, [member], range(1, 2000))
    first_at_24 = next(later for earlier, later in pairwise(member.ticks) if later - earlier == 24)
    seconds = (first_at_24 - 38) * 0.08
    assert 1840 / 30 <= seconds <= 1.4 * 1840 / 30


def test_a_ramp_down_never_makes_a_gap_longer() -> None:
    rhythm = Rhythm(FEED_OPUS, 1280)
    members = joined(rhythm, 32)
    rhythm.change(80, 0)
    run(rhythm, members, range(1, 1000))
    for member in members:
        assert max(gaps(member)) <= 16
        assert set(gaps(member)[-20:]) == {1}
        assert set(range(2, 16)) <= set(gaps(member))


def test_the_same_interval_is_no_change() -> None:
    assert not Rhythm(FEED_OPUS, 320).change(310, 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "change", "leap"]), st.integers(0, 30), st.integers(1, 24)
        ),
        max_size=60,
    )
)
def test_nobody_is_forgotten_or_kept_waiting_longer_than_an_interval(
    steps: list[tuple[str, int, int]],
) -> None:
    rhythm, inside, tick, longest = Rhythm(FEED_OPUS, 320), list[Heard](), 0, 4
    for what, amount, chunks in steps:
        if what == "join":
            inside += joined(rhythm, amount, tick)
        elif what == "leave" and inside:
            Rhythm.leave(inside.pop(amount % len(inside)))
        elif what == "change":
            rhythm.change(chunks * 80, tick)
            longest = max(longest, chunks)
        for _ in range(amount):
            tick += 1
            run(rhythm, inside, range(tick, tick + 1))
        if what == "leap":
            tick += 100
            run(rhythm, inside, range(tick, tick + 1))
            assert all(member.ticks[-1] == tick for member in inside)
        assert all(tick - member.ticks[-1] < longest for member in inside)
        assert sum(len(group.members) for group in rhythm.everybody()) == len(inside)
