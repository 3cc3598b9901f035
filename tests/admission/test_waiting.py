"""The waiting room: places, bounds, draws. The lottery's fairness has tests of its own, and simulations."""

from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import CLASSES
from hiwar.admission.waiting import (
    ABSENT_S,
    ASK_AGAIN_S,
    ASK_JITTER_S,
    DENIED_MAX,
    Drawn,
    Entered,
    WaitingRoom,
    ask_after_s,
)
from hiwar.admission.wins import FORGIVEN_S, WINS_COUNTED_MAX
from tests.admission.scripted_random import Scripted

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
PLACED, REPLACED, SITE_FULL, REGION_FULL, ROOM_FULL = Entered


def everywhere(site: int) -> int:
    return 1 << 30


def enter(
    room: WaitingRoom, name: str, listener_class: ListenerClass = STRANGER, site: int = 1, now: float = 0.0
) -> Entered:
    return room.enter(name, listener_class, site, site >> 8, now)


def names(drawn: list[Drawn]) -> list[str]:
    return sorted(each.identity for each in drawn)


def crowd(room: WaitingRoom, listener_class: ListenerClass, count: int, *, first_site: int = 0) -> None:
    for number in range(count):
        assert enter(room, f"{listener_class.name} {number}", listener_class, first_site + number) is PLACED


def test_who_is_drawn_is_out_and_is_told_what_they_won() -> None:
    room = WaitingRoom()
    assert enter(room, "a", SOLVED, 7, 1.0) is PLACED
    assert room.draw(5, 3.5, Random(1), everywhere) == [Drawn("a", SOLVED, 7, True, 2.5)]
    assert len(room) == 0
    assert not room.renew("a", 3.5)
    assert room.draw(5, 4.0, Random(1), everywhere) == []
    assert room.counts.drawn == [0, 0, 1, 0]


def test_entering_once_is_enough_and_asking_again_gives_no_second_chance() -> None:
    room = WaitingRoom()
    for name in ("asks", "waits"):
        enter(room, name, site=ord(name[0]))
    before = room.odds(STRANGER, ord("a"), 0.0)
    for _ in range(100):
        assert room.renew("asks", 1.0)
    assert (len(room), room.waiting(STRANGER)) == (2, 2)
    assert room.odds(STRANGER, ord("a"), 1.0) == before


def test_who_does_not_ask_for_two_intervals_is_out() -> None:
    room = WaitingRoom()
    for name in ("asks", "silent"):
        enter(room, name)
    assert room.renew("asks", 6.0)
    room.draw(0, ABSENT_S - 0.1, Random(1), everywhere)
    assert len(room) == 2
    room.draw(0, ABSENT_S, Random(1), everywhere)
    assert (len(room), room.renew("silent", 12.0), room.renew("asks", 12.0)) == (1, False, True)
    assert room.counts.absent == [0, 0, 0, 1]


def test_nobody_who_is_absent_is_drawn() -> None:
    room = WaitingRoom()
    crowd(room, STRANGER, 50)
    room.renew("STRANGER 3", 5.0)
    assert names(room.draw(50, 13.0, Random(1), everywhere)) == ["STRANGER 3"]


def test_asking_is_spread_over_two_seconds_and_absence_is_longer_than_two_intervals() -> None:
    asks = [ask_after_s(Scripted(number)) for number in (0, 1000, 2000)]
    assert asks == [ASK_AGAIN_S - ASK_JITTER_S, ASK_AGAIN_S, ASK_AGAIN_S + ASK_JITTER_S]
    assert 2 * asks[-1] <= ABSENT_S


def test_a_second_entry_of_the_same_identity_replaces_the_first() -> None:
    room = WaitingRoom()
    enter(room, "a", STRANGER, 1, 0.0)
    assert enter(room, "a", SOLVED, 1, 4.0) is REPLACED
    assert enter(room, "a", SOLVED, 900, 5.0) is REPLACED
    assert (len(room), room.waiting(STRANGER), room.waiting(SOLVED)) == (1, 0, 1)
    assert room.draw(2, 6.0, Random(1), everywhere) == [Drawn("a", SOLVED, 900, True, 6.0)]
    assert room.counts.entered == [1, 2, 0, 0, 0]


def test_who_gives_up_is_out() -> None:
    room = WaitingRoom()
    enter(room, "a", INVITED)
    assert room.leave("a", 1.0)
    assert not room.leave("a", 1.0)
    assert room.draw(1, 1.0, Random(1), everywhere) == []


@pytest.mark.parametrize("seats", [1, 2, 3, 7, 40])
def test_shares_come_out_right_over_time_however_few_seats_an_epoch_has(seats: int) -> None:
    room, random = WaitingRoom(), Random(seats)
    for listener_class in (INVITED, SOLVED, STRANGER):
        crowd(room, listener_class, 500, first_site=listener_class << 20)
    drawn = 0
    while drawn < 280:
        drawn += len(room.draw(seats, 0.0, random, everywhere))
        lag = [
            count - drawn * share
            for count, share in zip(room.counts.drawn, (0, 0.4, 0.55, 0.05), strict=True)
        ]
        assert max(map(abs, lag)) < 1


def test_no_seat_stays_free_while_anybody_waits() -> None:
    room, random = WaitingRoom(), Random(1)
    for listener_class in (INVITED, SOLVED, STRANGER):
        crowd(room, listener_class, 10, first_site=listener_class << 20)
    assert len(room.draw(25, 0.0, random, everywhere)) == 25
    assert room.counts.drawn == [0, 10, 10, 5]
    assert len(room.draw(25, 0.0, random, everywhere)) == 5


def test_those_who_come_back_are_seated_before_all_others() -> None:
    room, random = WaitingRoom(), Random(1)
    crowd(room, INVITED, 30)
    crowd(room, SOLVED, 30)
    crowd(room, RETURNING, 20, first_site=5000)
    assert {each.listener_class for each in room.draw(20, 0.0, random, everywhere)} == {RETURNING}
    assert RETURNING not in {each.listener_class for each in room.draw(20, 0.0, random, everywhere)}


def test_a_site_gets_no_more_seats_than_it_may_hold_but_those_invited_there_do() -> None:
    room, random = WaitingRoom(), Random(1)
    for number in range(20):
        enter(room, f"s{number}", SOLVED, 7)
        enter(room, f"n{number}", STRANGER, 7)
        enter(room, f"i{number}", INVITED, 7)
    drawn = room.draw(100, 0.0, random, lambda site: 4)
    assert Counter(each.capped for each in drawn) == {True: 4, False: 20}
    assert room.draw(100, 1.0, random, lambda site: 0) == []
    assert room.odds(SOLVED, 7, 1.0).each_epoch is None
    assert len(room.draw(100, 2.0, random, lambda site: 1)) == 1


def test_who_may_not_claim_a_seat_waits_with_the_newcomers() -> None:
    room, random = WaitingRoom(), Random(1)
    room.enter("voucher", RETURNING, 7, 0, 0.0, capped=False)
    room.enter("ticket", RETURNING, 7, 0, 0.0)
    assert names(room.draw(1, 0.0, Scripted(0), everywhere)) == ["voucher"]
    room.enter("voucher", RETURNING, 7, 0, 1.0, capped=False)
    assert room.draw(0, 1.0, random, everywhere) == []
    assert room.draw(1, 1.0, random, lambda site: 0) == [Drawn("voucher", INVITED, 7, False, 0.0)]
    assert room.draw(1, 2.0, random, everywhere) == [Drawn("ticket", SOLVED, 7, True, 2.0)]
    assert room.counts.denied == 2


def test_coming_back_again_and_again_does_not_win_seats_from_newcomers() -> None:
    """A farm leaves each seat at once and comes back with its ticket: it gains its few claims, once."""
    room, random = WaitingRoom(), Random(1)
    claims = 0
    for second in range(200):
        now = float(second)
        for ticket in range(30):
            room.enter(f"ticket {ticket}", RETURNING, ticket % 3, 0, now)
        for number in range(10):
            enter(room, f"newcomer {second} {number}", SOLVED, 1000 + 10 * second + number, now)
        drawn = room.draw(5, now, random, everywhere)
        claims += sum(each.listener_class is RETURNING for each in drawn)
    assert claims <= 3 * (WINS_COUNTED_MAX + 200 / FORGIVEN_S)


def test_those_who_are_denied_a_claim_fill_no_more_places_than_newcomers_may() -> None:
    room = WaitingRoom(waiting_max=640)
    for number in range(100):
        assert enter(room, f"ticket {number}", RETURNING, 5) is PLACED
    room.draw(1, 0.0, Random(1), lambda site: 0)
    assert (room.waiting(RETURNING), room.waiting(SOLVED)) == (0, len(room))
    assert len(room) <= 10
    assert room.counts.put_out[RETURNING] == 100 - len(room)


def test_a_flood_of_those_who_may_not_claim_does_not_hold_up_the_others() -> None:
    room = WaitingRoom()
    for number in range(3 * DENIED_MAX):
        enter(room, f"ticket {number}", RETURNING, 5)
    enter(room, "invited", INVITED, 6)
    assert names(room.draw(1, 0.0, Random(1), lambda site: 0)) == ["invited"]
    assert room.counts.denied == DENIED_MAX
    room.draw(1, 1.0, Random(1), lambda site: 0)
    room.draw(1, 2.0, Random(1), lambda site: 0)
    assert (room.counts.denied, room.waiting(RETURNING)) == (3 * DENIED_MAX, 0)


def test_a_site_has_a_part_of_the_places_that_are_still_free_and_one_at_least() -> None:
    room = WaitingRoom(waiting_max=640)
    outcomes = [enter(room, f"machine {number}", STRANGER, 5) for number in range(20)]
    assert outcomes == [PLACED] * 9 + [SITE_FULL] * 11
    assert room.counts.entered[SITE_FULL] == 11
    for number in range(600):
        assert enter(room, f"other {number}", SOLVED, 1000 + number) is PLACED
    assert enter(room, "other 1 again", SOLVED, 1001) is SITE_FULL
    assert enter(room, "invited there", INVITED, 5) is PLACED


def test_who_has_a_place_keeps_it_on_solving_though_their_site_is_full_by_now() -> None:
    room = WaitingRoom(waiting_max=640)
    for number in range(9):
        enter(room, f"machine {number}", STRANGER, 5)
    assert enter(room, "one more", STRANGER, 5) is SITE_FULL
    assert enter(room, "machine 0", SOLVED, 5) is REPLACED
    enter(room, "traveller", STRANGER, 6)
    assert enter(room, "traveller", SOLVED, 5) is SITE_FULL  # they gave up the place they had
    assert not room.renew("traveller", 1.0)


def test_many_machines_at_many_sites_leave_places_for_others() -> None:
    """A thousand greedy sites: the dynamic threshold leaves 1 / (1 + 1000 / 64) of the places."""
    room = WaitingRoom(waiting_max=8192)
    for attempt in range(20):
        for site in range(1000):
            enter(room, f"machine {site} {attempt}", SOLVED, site)
    free = 8192 - len(room)
    assert free == pytest.approx(8192 / (1 + 1000 / 64), abs=64)
    for number in range(free):
        assert enter(room, f"person {number}", STRANGER, 1 << 20 | number << 8) is PLACED


def test_one_allocation_of_ipv6_has_no_more_sites_than_a_sixteen_has_twenty_fours() -> None:
    room = WaitingRoom()
    region = 1 << 32 | 0x2001_0DB8
    outcomes = Counter(
        room.enter(f"bot {number}", SOLVED, region << 16 | number, region, 0.0) for number in range(65_536)
    )
    assert outcomes == {PLACED: 256, REGION_FULL: 65_536 - 256}
    assert room.enter("another", SOLVED, region << 16, region, 0.0) is PLACED  # at a site that is there
    assert room.enter("invited", INVITED, region << 16 | 999, region, 0.0) is PLACED
    assert room.enter("elsewhere", STRANGER, 1, 0, 0.0) is PLACED
    room.leave("bot 7", 0.0)
    assert room.enter("next", STRANGER, region << 16 | 999, region, 0.0) is PLACED
    assert room.enter("after next", STRANGER, region << 16 | 998, region, 0.0) is REGION_FULL


def test_a_flood_of_strangers_from_random_sites_pushes_out_nobody() -> None:
    room = WaitingRoom(waiting_max=1000)
    for number in range(400):
        enter(room, f"honest {number}", STRANGER if number % 2 else SOLVED, number << 8)
    for number in range(5000):
        enter(room, f"bot {number}", STRANGER, 1 << 30 | number << 8)
    assert len(room) == 1000
    assert room.counts.entered[ROOM_FULL] == 4400
    assert all(room.renew(f"honest {number}", 1.0) for number in range(400))


def test_in_a_full_room_a_better_class_puts_out_the_worst_and_no_class_its_own() -> None:
    room = WaitingRoom(waiting_max=4)
    for number, listener_class in enumerate((STRANGER, STRANGER, SOLVED, INVITED)):
        assert enter(room, f"{number}", listener_class, number) is PLACED
    assert enter(room, "stranger", STRANGER, 10) is ROOM_FULL
    assert enter(room, "solved", SOLVED, 10) is PLACED
    assert enter(room, "invited", INVITED, 11) is PLACED
    assert (room.counts.put_out, room.renew("0", 0.0), room.renew("1", 0.0)) == ([0, 0, 0, 2], False, False)
    assert enter(room, "another solved", SOLVED, 12) is ROOM_FULL
    assert enter(room, "another invited", INVITED, 12) is PLACED
    assert enter(room, "returning", RETURNING, 12) is PLACED
    assert [room.waiting(each) for each in ListenerClass] == [1, 3, 0, 0]
    assert enter(room, "yet another invited", INVITED, 12) is ROOM_FULL
    assert enter(room, "invited", INVITED, 12) is REPLACED


def test_the_odds_are_of_the_weights_that_are_drawn_by() -> None:
    """Nine sites that weigh 2 and one that weighs 4, where ten wait; 3 seats a second."""
    room, random = WaitingRoom(), Random(1)
    for site in range(9):
        enter(room, f"single {site}", SOLVED, site)
    for number in range(10):
        enter(room, f"shared {number}", SOLVED, 50)
    assert room.odds(SOLVED, 50, 0.0).within() is None
    room.draw(0, 0.0, random, everywhere)
    room.draw(3, 1.0, random, everywhere)
    for drawn in ("single", "shared"):
        for number in range(10):
            enter(room, f"{drawn} {number}", SOLVED, number if drawn == "single" else 50)
    weights = [room.lottery.by_site[0].weight_of(site) or 0 for site in [*range(10), 50]]
    odds = room.odds(SOLVED, 50, 1.0)
    assert (odds.waiting, odds.seats_per_s) == (20, 3)
    assert odds.each_epoch == pytest.approx(3 * weights[-1] / sum(weights) / 10)
    assert room.odds(SOLVED, 0, 1.0).each_epoch == pytest.approx(3 * weights[0] / sum(weights))
    assert room.odds(INVITED, 0, 1.0).each_epoch == 1  # 45 % of 3 seats, and nobody else is invited
    newcomer = room.odds(SOLVED, 77, 1.0).each_epoch
    assert newcomer == pytest.approx(3 * 2 / (sum(weights) + 2))


def strangers_and_solvers(solver_sites: int) -> WaitingRoom:
    """Forty strangers, each of their own network, and forty solvers."""
    room = WaitingRoom()
    for number in range(40):
        enter(room, f"stranger {number}", STRANGER, 1000 + number)
        enter(room, f"solved {number}", SOLVED, number % solver_sites)
    return room


def drawn_by_class(room: WaitingRoom, seats: int, room_for: tuple[int, ...]) -> Counter[ListenerClass]:
    drawn = room.draw(seats, 0.0, Random(1), everywhere, room_for=room_for)
    return Counter(each.listener_class for each in drawn)


@pytest.mark.parametrize(
    ("solver_sites", "allowed", "room_for", "came"),
    [
        # Strangers have what they may, beside all others; where both wait, it is shared out; solvers who
        # cannot be drawn leave strangers nothing.
        (40, 9, (90, 90, 60, 2), {SOLVED: 40, STRANGER: 2}),
        (40, 9, (90, 90, 20, 0), {SOLVED: 19, STRANGER: 1}),
        (1, 3, (90, 90, 60, 2), {SOLVED: 3, STRANGER: 2}),
        (1, 0, (90, 90, 60, 0), {}),
    ],
)
def test_seats_that_are_kept_for_others_are_not_drawn(
    solver_sites: int, allowed: int, room_for: tuple[int, ...], came: dict[ListenerClass, int]
) -> None:
    room = strangers_and_solvers(solver_sites)
    drawn = room.draw(80, 0.0, Random(1), lambda site: allowed if site < 40 else 2, room_for=room_for)
    counted = Counter(each.listener_class for each in drawn)
    assert counted[SOLVED] == came.get(SOLVED, 0)
    assert counted[STRANGER] == pytest.approx(came.get(STRANGER, 0), abs=1 if came.get(SOLVED, 0) > 3 else 0)


@pytest.mark.parametrize("seats", [1, 3, 4, 9])
def test_a_turn_whose_seat_was_kept_for_others_is_not_lost(seats: int) -> None:
    """Newcomers hold their 95 %, and as many seats as are given up are given again in each second."""
    room, random, came = WaitingRoom(), Random(seats), Counter[ListenerClass]()
    for number in range(2000):
        enter(room, f"stranger {number}", STRANGER, 10_000 + number)
        enter(room, f"solved {number}", SOLVED, number)
    for _ in range(400 // seats):
        drawn = room.draw(seats + 50, 0.0, random, everywhere, room_for=(60, 60, seats, 0))
        assert len(drawn) == seats
        came.update(each.listener_class for each in drawn)
    assert came[STRANGER] == pytest.approx(0.05 * came.total(), abs=1)


def test_who_comes_back_into_what_newcomers_hold_takes_of_their_room() -> None:
    room = strangers_and_solvers(40)
    for number in range(6):
        enter(room, f"back {number}", RETURNING, 3000 + number)
    counted = drawn_by_class(room, 80, (80, 80, 10, 5))
    assert (counted[RETURNING], counted[SOLVED] + counted[STRANGER]) == (6, 4)


def test_where_people_with_vouchers_wait_the_lottery_shares_out() -> None:
    room = strangers_and_solvers(40)
    for number in range(40):
        enter(room, f"invited {number}", INVITED, 2000 + number)
    assert drawn_by_class(room, 20, (20, 20, 0, 0)) == {INVITED: 8, SOLVED: 11, STRANGER: 1}


class Waiting(RuleBasedStateMachine):
    """Everything that can happen to a small room, in any order."""

    WAITING_MAX, REGION_SITES_MAX = 12, 3
    IDENTITIES = st.sampled_from([f"{number}" for number in range(20)])
    SITES = st.integers(0, 7)

    def __init__(self) -> None:
        super().__init__()
        self.room = WaitingRoom(self.WAITING_MAX, self.REGION_SITES_MAX)
        self.now = 0.0
        self.heard: dict[str, float] = {}  # an upper bound of who waits: some were put out, and are not told

    @rule(name=IDENTITIES, listener_class=st.sampled_from(CLASSES), site=SITES, capped=st.booleans())
    def enters(self, name: str, listener_class: ListenerClass, site: int, capped: bool) -> None:
        there = self.room.renew(name, self.now)
        outcome = self.room.enter(
            name, listener_class, site, site // 4, self.now, capped if listener_class is RETURNING else None
        )
        if outcome in (PLACED, REPLACED):
            assert (outcome is REPLACED) == there
            self.heard[name] = self.now
        else:
            assert self.room.renew(name, self.now) is False

    @rule(name=IDENTITIES)
    def asks(self, name: str) -> None:
        if self.room.renew(name, self.now):
            assert name in self.heard
            self.heard[name] = self.now

    @rule(name=IDENTITIES)
    def gives_up(self, name: str) -> None:
        self.room.leave(name, self.now)
        assert not self.room.renew(name, self.now)

    @rule(
        seats=st.integers(0, 8),
        held=st.lists(st.integers(0, 3), min_size=8, max_size=8),
        random=st.randoms(use_true_random=False),
        later_s=st.sampled_from([0.0, 1.0, 5.0, 120.0]),
    )
    def is_drawn(self, seats: int, held: list[int], random: Random, later_s: float) -> None:
        self.now += later_s
        drawn = self.room.draw(seats, self.now, random, held.__getitem__)
        assert len(drawn) <= seats
        assert len({each.identity for each in drawn}) == len(drawn)
        for each in drawn:
            assert self.now - self.heard.pop(each.identity) < ABSENT_S
        capped = Counter(each.site for each in drawn if each.capped)
        assert all(count <= held[site] for site, count in capped.items())
        if len(drawn) < seats:
            assert self.room.waiting(RETURNING) == self.room.waiting(INVITED) == 0
            full = {site for site in range(8) if capped[site] >= held[site]}
            assert set(self.room._at_site) <= full

    @precondition(lambda self: self.room.lottery.waiting())
    @rule(site=SITES, listener_class=st.sampled_from(CLASSES))
    def looks_at_odds(self, site: int, listener_class: ListenerClass) -> None:
        odds = self.room.odds(listener_class, site, self.now)
        assert odds.waiting == len(self.room)
        assert odds.each_epoch is None or 0 <= odds.each_epoch <= 1

    @invariant()
    def no_table_is_beyond_its_bound(self) -> None:
        assert len(self.room) <= self.WAITING_MAX
        assert all(0 < sites <= self.REGION_SITES_MAX for sites in self.room._sites_of.values())

    @invariant()
    def every_table_tells_the_same(self) -> None:
        waiters = self.room._waiters.values()
        by_class = Counter(waiter.listener_class for waiter in waiters)
        assert [self.room.waiting(each) for each in CLASSES] == [by_class[each] for each in CLASSES]
        at_site = Counter(waiter.site for waiter in waiters if waiter.listener_class >= SOLVED)
        assert self.room._at_site == at_site
        assert self.room._sites_of == Counter(site // 4 for site in at_site)
        weights = [pool.weight_of(site) or 0 for pool in self.room.lottery.by_site for site in range(8)]
        assert sum(weights) == sum(pool.total for pool in self.room.lottery.by_site)


Waiting.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_no_sequence_of_events_breaks_the_room = Waiting.TestCase


def test_who_may_be_put_out_any_moment_is_told_no_chance() -> None:
    room = WaitingRoom(waiting_max=200)
    for number in range(100):
        enter(room, f"stranger {number}", site=number)
    for second in range(3):
        room.draw(1, float(second), Random(1), everywhere)
    assert room.odds(STRANGER, 5, 3.0).each_epoch is not None
    for number in range(150):
        enter(room, f"solver {number}", SOLVED, site=1000 + number, now=3.0)
    assert room.counts.put_out[STRANGER] > 0
    assert room.odds(STRANGER, 5, 3.0).each_epoch is None
    assert room.odds(SOLVED, 1000, 3.0).each_epoch is not None
    assert room.odds(STRANGER, 5, 3.1 + ABSENT_S).each_epoch is not None
