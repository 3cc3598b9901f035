"""Who is banned, for how long, and who never."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hiwar.admission import bans as module
from hiwar.admission.bans import (
    BAN_S,
    BAN_S_MAX,
    BANNED_MAX,
    BATCH_MAX,
    REFUSED_MIN,
    REPEAT_S,
    Ban,
    Bans,
    Spared,
)
from hiwar.admission.prefix import origin_of
from hiwar.admission.refused import Refusals

BOT, OTHER = origin_of("203.0.113.5").finest, origin_of("203.0.113.9").finest
FLOOD = REFUSED_MIN


def told(*keys: int, refused: float = FLOOD, rate: float = 50.0) -> Refusals:
    return Refusals(refused, tuple((key, rate) for key in keys))


def decided(bans: Bans, now: float, *keys: int) -> list[Ban]:
    bans.hear(0, told(*keys))
    return bans.decide(now)


def addresses(count: int) -> list[int]:
    return [
        origin_of(f"198.{18 + host // 65536}.{host // 256 % 256}.{host % 256}").finest
        for host in range(count)
    ]


def test_a_source_that_is_told_is_banned_for_a_short_while() -> None:
    assert decided(Bans(Spared()), 100.0, BOT) == [Ban(BOT, BAN_S)]


def test_bans_are_named_as_firewalls_write_them() -> None:
    site = origin_of("2001:db8:7:1::1")
    assert [Ban(key, 1.0).text for key in (BOT, site.finest, site.site)] == [
        "203.0.113.5/32",
        "2001:db8:7:1::/64",
        "2001:db8:7::/48",
    ]


def test_nobody_is_banned_while_refusing_costs_next_to_nothing() -> None:
    bans = Bans(Spared())
    bans.hear(0, told(BOT, refused=REFUSED_MIN / 2 - 1))
    bans.hear(1, told(BOT, refused=REFUSED_MIN / 2))
    assert bans.decide(100.0) == []
    bans.hear(0, told(BOT, refused=REFUSED_MIN / 2))
    bans.hear(1, told(BOT, refused=REFUSED_MIN / 2))
    assert bans.decide(101.0) == [Ban(BOT, BAN_S)]


def test_what_was_told_counts_for_one_decision() -> None:
    bans = Bans(Spared())
    bans.hear(0, told(BOT, OTHER))
    bans.hear(0, told(BOT))
    assert [ban.prefix_key for ban in bans.decide(100.0)] == [BOT]
    assert bans.decide(101.0) == []


def test_the_heaviest_of_all_workers_come_first() -> None:
    bans = Bans(Spared())
    bans.hear(0, Refusals(FLOOD, ((BOT, 60.0), (OTHER, 50.0))))
    bans.hear(1, Refusals(FLOOD, ((OTHER, 50.0),)))
    assert [ban.prefix_key for ban in bans.decide(100.0)] == [OTHER, BOT]


def test_who_is_banned_is_not_banned_again_for_what_was_under_way() -> None:
    bans = Bans(Spared())
    decided(bans, 100.0, BOT)
    assert decided(bans, 100.0 + BAN_S - 0.1, BOT) == []
    assert bans.counts["banned"] == 1


def test_repeaters_get_twice_as_long_each_time_up_to_the_bound() -> None:
    bans, now, lengths = Bans(Spared()), 100.0, []
    for _ in range(8):
        (ban,) = decided(bans, now, BOT)
        lengths.append(ban.seconds)
        now += ban.seconds + 5.0
    assert lengths == [15, 30, 60, 120, 240, 480, BAN_S_MAX, BAN_S_MAX]


def test_after_a_long_rest_a_source_begins_anew() -> None:
    bans = Bans(Spared())
    decided(bans, 100.0, BOT)
    (again,) = decided(bans, 100.0 + BAN_S, BOT)
    assert again.seconds == 2 * BAN_S
    (rested,) = decided(bans, 100.0 + 3 * BAN_S + REPEAT_S, BOT)
    assert rested.seconds == BAN_S


@pytest.mark.parametrize(
    ("networks", "address", "spared"),
    [
        ([], "127.0.0.1", True),
        ([], "0.0.0.0", True),
        ([], "::1", True),
        ([], "128.0.0.1", False),
        (["10.0.0.0/8"], "10.255.0.1", True),
        (["10.0.0.0/8"], "11.0.0.1", False),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        ([" 2001:db8::/32 "], "2001:db8:1::1", True),
        (["2001:db8:1:2::9/128"], "2001:db8:1:2::1", True),
        (["2001:db8:1:2::/64"], "2001:db8:1:3::1", False),
        (["2001:db8::/32"], "203.0.113.5", False),
        (["0.0.0.0/0"], "203.0.113.5", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
    ],
)
def test_loopback_and_the_networks_given_are_never_touched(
    networks: list[str], address: str, spared: bool
) -> None:
    bans = Bans(Spared(networks))
    assert (decided(bans, 100.0, origin_of(address).finest) == []) is spared
    assert bans.counts["spared"] == spared


def test_a_site_is_not_banned_for_one_known_network_in_it() -> None:
    site = origin_of("2001:db8:7:1::1").site
    assert decided(Bans(Spared(["2001:db8:7:9::/64"])), 100.0, site) == []
    assert decided(Bans(Spared(["2001:db8:8::/48"])), 100.0, site) == [Ban(site, BAN_S)]


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Spared(["nonsense"])


def test_no_batch_and_no_set_is_larger_than_its_bound() -> None:
    bans, now = Bans(Spared()), 100.0
    keys = addresses(BANNED_MAX + 10)
    batches = [decided(bans, now + second, *keys) for second in range(BANNED_MAX // BATCH_MAX + 1)]
    assert [len(batch) for batch in batches] == [BATCH_MAX] * 4 + [0]
    assert len(bans.lasting(now + 5)) == BANNED_MAX
    assert bans.counts["later"] == sum(len(keys) - full * BATCH_MAX for full in (1, 2, 3))
    assert bans.counts["full"] == 2 * 10


def test_room_comes_back_as_bans_end() -> None:
    bans = Bans(Spared())
    keys = addresses(BANNED_MAX + 1)
    for second in range(4):
        decided(bans, 100.0 + second, *keys[:-1])
    assert decided(bans, 104.0, keys[-1]) == []
    assert decided(bans, 100.0 + BAN_S, keys[-1]) == [Ban(keys[-1], BAN_S)]


def test_bans_that_last_are_listed_with_what_is_left_of_them() -> None:
    bans = Bans(Spared())
    decided(bans, 100.0, BOT)
    decided(bans, 110.0, OTHER)
    assert bans.lasting(112.0) == [Ban(BOT, 3.0), Ban(OTHER, 13.0)]
    assert bans.lasting(120.0) == [Ban(OTHER, 5.0)]


def test_nobody_is_remembered_for_long_after_their_ban() -> None:
    bans = Bans(Spared())
    decided(bans, 100.0, BOT)
    decided(bans, 110.0, OTHER)
    bans.decide(100.0 + BAN_S + REPEAT_S - 0.1)
    assert len(bans) == 2
    bans.decide(100.0 + BAN_S + REPEAT_S)
    assert len(bans) == 1
    bans.decide(110.0 + BAN_S_MAX + REPEAT_S)
    assert len(bans) == 0


def test_the_repeater_banned_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 2)
    bans = Bans(Spared())
    first, second, third = addresses(3)
    for place, key in enumerate((first, second, third)):
        decided(bans, 100.0 + place, key)
    assert bans.counts["forgotten"] == 1
    assert [decided(bans, 150.0, key)[0].seconds for key in (second, first)] == [2 * BAN_S, BAN_S]


class Book(RuleBasedStateMachine):
    """Any course of reports and time."""

    def __init__(self) -> None:
        super().__init__()
        self.bans = Bans(Spared(["198.18.0.0/30"]))
        self.now = 0.0
        self.kernel: dict[int, float] = {}  # what a kernel would hold: key and end

    @rule(seconds=st.sampled_from([0.0, 1.0, 1.0, 20.0, 700.0]))
    def passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        worker=st.integers(0, 2),
        hosts=st.sets(st.integers(0, 11)),
        refused=st.sampled_from([100.0, FLOOD]),
    )
    def tells(self, worker: int, hosts: set[int], refused: float) -> None:
        self.bans.hear(worker, told(*(addresses(12)[host] for host in hosts), refused=refused))

    @rule()
    def decides(self) -> None:
        self.kernel = {key: end for key, end in self.kernel.items() if end > self.now}
        for ban in self.bans.decide(self.now):
            assert ban.prefix_key not in self.kernel
            assert ban.prefix_key not in addresses(4)
            assert BAN_S <= ban.seconds <= BAN_S_MAX
            self.kernel[ban.prefix_key] = self.now + ban.seconds

    @invariant()
    def the_book_and_the_kernel_agree(self) -> None:
        lasting = {ban.prefix_key: self.now + ban.seconds for ban in self.bans.lasting(self.now)}
        held = {key: end for key, end in self.kernel.items() if end > self.now}
        assert lasting == pytest.approx(held)


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
