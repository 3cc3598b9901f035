"""An honest listener, question by question."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from hiwar.admission.puzzle import PuzzleText, render_puzzle
from hiwar.rehearsal.orders import Kept
from hiwar.rehearsal.people import (
    ANNOUNCED_S,
    GAP_INTERVALS_MAX,
    LEARNT_S,
    PATIENCE_S,
    Cadence,
    House,
    Person,
    State,
)
from tests.rehearsal.scripted_poll import ScriptedPoll

PUZZLE = render_puzzle(PuzzleText("timelock", 7, 1_000_000, "ab" * 12, "cd" * 16, "f1"))
SOUND = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nsound"


class Device:
    """A solver of which the test says when it is done."""

    def __init__(self, able: bool = True) -> None:
        self.able = able
        self.asked: list[tuple[str, Callable[[str], None]]] = []

    def solve(self, challenge: str, done: Callable[[str], None]) -> bool:
        if self.able:
            self.asked.append((challenge, done))
        return self.able


def house(poll: ScriptedPoll, device: Device | None = None, interval_s: float = 0.16) -> House:
    shared: Any = poll
    return House("abcdef", shared, Random(1), Cadence(interval_s), device)


def arrived(**options: Any) -> tuple[ScriptedPoll, Person]:
    poll = ScriptedPoll()
    person = Person(house(poll, options.pop("device", None)), "127.1.2.3", **options)
    person.arrive()
    return poll, person


def seated(**options: Any) -> tuple[ScriptedPoll, Person]:
    poll, person = arrived(**options)
    poll.last.answer(200, {"verdict": "admit", "ticket": "T.m"})
    poll.last.open()
    poll.last.say(SOUND)
    return poll, person


def test_who_is_admitted_listens_with_the_ticket_from_the_same_address() -> None:
    poll, person = arrived()
    asking = poll.last
    poll.now += 0.3
    asking.answer(200, {"verdict": "admit", "ticket": "T.m"})
    assert asking.sent.startswith(b"POST /c/abcdef/seat HTTP/1.1")
    poll.last.open()
    assert poll.last.sent.startswith(b"GET /c/abcdef/live.mp4?t=T.m HTTP/1.1")
    assert {line.source for line in poll.lines} == {"127.1.2.3"}
    poll.now += 0.2
    poll.last.say(SOUND)
    assert person.state is State.LISTENING
    assert person.fate.first_answer_s == pytest.approx(0.3)
    assert person.fate.seated_s == pytest.approx(0.3)
    assert person.fate.sound_s == pytest.approx(0.5)


def test_a_head_that_comes_in_pieces_is_a_head() -> None:
    poll, person = arrived()
    poll.last.answer(200, {"ticket": "T.m"})
    poll.last.open()
    poll.last.say(SOUND[:9])
    assert person.state is State.SEATED
    poll.last.say(SOUND[9:])
    assert person.state is State.LISTENING


def test_who_waits_asks_again_when_it_was_said_with_the_token_and_not_before() -> None:
    poll, person = arrived()
    poll.last.answer(202, {"verdict": "wait", "waiting": "W.m", "ask_again_s": 4.0})
    asking = poll.last
    poll.pass_time(3.9)
    assert asking.sent.count(b"POST") == 1
    poll.pass_time(0.2)
    assert asking.sent.count(b"POST") == 2
    assert asking.sent.endswith(b'{"waiting":"W.m"}')
    assert person.fate.waited


def test_a_lost_line_is_dialled_anew_for_the_next_question() -> None:
    poll, _ = arrived()
    poll.last.answer(202, {"waiting": "W.m", "ask_again_s": 4.0})
    poll.last.lose()
    poll.pass_time(5.0)
    assert len(poll.lines) == 2


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [("5", 4.0, 6.0), ("", 8.0, 12.0), ("9999", 96, 144)]
)
def test_who_is_turned_away_obeys_retry_after_spread(retry_after: str, least: float, most: float) -> None:
    poll, person = arrived()
    asking = poll.last
    asking.answer(503, {"reason": "siege"}, Retry_After=retry_after)
    assert person.state is State.REFUSED
    poll.pass_time(least - 0.1)
    assert asking.sent.count(b"POST") == 1
    poll.pass_time(most - least + 0.2)
    assert asking.sent.count(b"POST") == 2


def test_nobody_answering_is_tried_again_soon_and_counts_as_no_answer() -> None:
    poll, person = arrived()
    poll.last.lose()
    assert person.fate.unanswered == 1
    assert person.fate.first_answer_s is None
    poll.pass_time(0.2)
    assert len(poll.lines) == 2
    poll.pass_time(PATIENCE_S + 0.1)
    assert person.fate.unanswered == 2


def test_no_socket_to_be_had_is_nobody_answering() -> None:
    poll = ScriptedPoll()
    poll.full = True
    person = Person(house(poll), "127.1.2.3")
    person.arrive()
    poll.pass_time(0.01)
    assert person.fate.unanswered == 1


def wait_told(**told: Any) -> dict[str, Any]:
    return {"waiting": "W.m", "ask_again_s": 4.0, **told}


def test_a_chance_told_is_held_against_what_came_of_it() -> None:
    """32 % within five seconds is 7.4 % in each: of four and a half seconds there are four draws, or five."""
    poll, person = arrived()
    asking, each_epoch = poll.last, 1 - 0.68 ** (1 / 5)
    asking.answer(202, wait_told(chance_soon=0.32))
    poll.pass_time(4.0)
    asking.answer(202, wait_told(chance_soon=0.32, ask_again_s=4.5))
    poll.pass_time(4.5)
    asking.answer(200, {"ticket": "T.m"})
    four, more = 1 - (1 - each_epoch) ** 4, 1 - (1 - each_epoch) ** 4 * (1 - each_epoch / 2)
    kept = person.fate.soon
    assert (kept.told, kept.wins) == (2, 1)
    assert kept.expected == pytest.approx(four + more)
    assert kept.spread == pytest.approx(four * (1 - four) + more * (1 - more))


def test_an_unknown_chance_counts_for_nothing() -> None:
    poll, person = arrived()
    poll.last.answer(202, wait_told(chance=None))
    poll.pass_time(4.0)
    poll.last.answer(200, {"ticket": "T.m"})
    person.look()
    assert person.fate.soon == person.fate.minute == Kept()


def waits(poll: ScriptedPoll, seconds: float, **told: Any) -> None:
    asking = poll.last
    for _ in range(round(seconds / 4.0)):
        asking.answer(202, wait_told(**told))
        poll.pass_time(4.0)


@pytest.mark.parametrize(("waited_s", "wins", "told"), [(20.0, 1, 0.5), (80.0, 0, 0.5)])
def test_the_first_chance_of_a_minute_is_judged_when_the_act_is_over(
    waited_s: float, wins: int, told: float
) -> None:
    """Who is drawn after a minute was not drawn within it; what is told later is not the first."""
    poll, person = arrived()
    waits(poll, 4.0, chance=told)
    waits(poll, waited_s - 4.0, chance=0.01)
    poll.last.answer(200, {"ticket": "T.m"})
    poll.pass_time(80.0)
    person.look()
    kept = person.fate.minute
    assert (kept.told, kept.wins, kept.expected) == (1, wins, pytest.approx(told))
    person.look()
    assert kept.told == 1


def test_half_an_act_is_no_minute() -> None:
    poll, person = arrived()
    waits(poll, 40.0, chance=0.5)
    person.look()
    assert person.fate.minute.told == 0


def test_who_brings_an_answer_to_a_puzzle_is_somebody_else_than_who_was_told() -> None:
    device = Device()
    poll, person = arrived(device=device, squaring_us=1.0)
    asking = poll.last
    asking.answer(202, wait_told(verdict="challenge", chance=0.1, chance_soon=0.1, puzzle=PUZZLE))
    ((_, done),) = device.asked
    done("answer")
    poll.pass_time(2.0)
    asking.answer(202, wait_told(chance=0.9, chance_soon=0.9))
    poll.pass_time(50.0)
    person.look()
    assert (person.fate.solved, person.fate.soon.told) == (1, 0)
    assert (person.fate.minute.told, person.fate.minute.expected) == (1, pytest.approx(0.838, abs=0.01))


def test_a_puzzle_takes_as_long_as_the_device_needs_and_the_place_is_kept_meanwhile() -> None:
    device = Device()
    poll, person = arrived(device=device, squaring_us=10.0)  # ten seconds
    asking = poll.last
    asking.answer(202, {"verdict": "challenge", "waiting": "W.m", "ask_again_s": 4.0, "puzzle": PUZZLE})
    ((challenge, done),) = device.asked
    assert challenge == PUZZLE
    done("answer")
    poll.pass_time(7.9)
    assert asking.sent.count(b"POST") == 1
    poll.pass_time(0.2)  # after KEEP_S
    assert asking.sent.endswith(b'{"waiting":"W.m"}')
    asking.answer(202, {"verdict": "challenge", "waiting": "W.m", "ask_again_s": 4.0, "puzzle": PUZZLE})
    poll.pass_time(2.0)
    assert asking.sent.endswith(b'{"waiting":"W.m","answer":"answer"}')
    assert (person.fate.solved, person.fate.effort) == (1, 1_000_000)
    assert len(device.asked) == 1


def test_who_cannot_solve_waits_without() -> None:
    poll, person = arrived(device=Device(able=False))
    poll.last.answer(202, {"waiting": "W.m", "ask_again_s": 4.0, "puzzle": PUZZLE})
    poll.pass_time(4.1)
    assert poll.last.sent.endswith(b'{"waiting":"W.m"}')
    assert (person.fate.solved, person.fate.unsolved) == (0, 1)


def test_a_solution_of_who_has_gone_changes_nothing() -> None:
    device = Device()
    poll, person = arrived(device=device)
    poll.last.answer(202, {"waiting": "W.m", "ask_again_s": 4.0, "puzzle": PUZZLE})
    person.leave()
    device.asked[0][1]("answer")
    poll.pass_time(60)
    assert len(poll.lines) == 1
    assert poll.open == []


def test_silence_is_measured_from_sound_to_sound_and_while_it_lasts() -> None:
    poll, person = seated()
    poll.now += 0.16
    poll.last.say(b"x")
    assert person.fate.gap_s == pytest.approx(0.16)
    assert person.fate.gap_intervals == pytest.approx(1.0)
    poll.now += 1.0
    person.look()
    assert person.fate.gap_s == pytest.approx(1.0)
    assert person.fate.gaps_over == 0  # it has not ended
    poll.last.say(b"x")
    assert person.fate.gaps_over == 1
    assert person.fate.gap_intervals > GAP_INTERVALS_MAX


def test_of_a_silence_only_that_counts_in_which_this_process_looked() -> None:
    poll, person = seated()
    poll.lost_s = 0.9
    poll.now += 1.0
    poll.last.say(b"x")
    assert person.fate.gap_s == pytest.approx(0.1)
    assert person.fate.gap_seen_s == pytest.approx(1.0)


def test_who_loses_the_sound_asks_with_the_ticket_and_is_back() -> None:
    poll, person = seated()
    poll.last.lose()
    assert person.fate.dropped == 1
    assert person.away_s == 0.0
    poll.pass_time(0.3)
    asking = poll.last
    assert (
        asking.sent.startswith(b"POST /c/abcdef/seat?t=T.m")
        or b"POST /c/abcdef/seat?t=T.m" in poll.lines[0].sent
    )
    line = next(line for line in poll.open if b"?t=T.m" in line.sent)
    line.answer(200, {"ticket": "T.m"})
    poll.last.open()
    poll.last.say(SOUND)
    assert person.listening
    assert person.away_s is None
    assert person.fate.thrown_out == 0
    assert person.fate.back_s == [pytest.approx(0.3)]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, {"waiting": "W.m", "ask_again_s": 4.0}),
        (503, {"reason": "full"}),
        (403, {"reason": "not-valid"}),
    ],
)
def test_who_comes_back_and_has_no_seat_any_more_was_thrown_out(status: int, body: dict[str, Any]) -> None:
    poll, person = seated()
    poll.last.lose()
    poll.pass_time(0.3)
    line = next(line for line in poll.open if b"?t=T.m" in line.sent)
    line.answer(status, body)
    assert person.fate.thrown_out == 1
    assert person.away_s is None


def test_a_network_that_asks_too_often_throws_nobody_out() -> None:
    poll, person = seated()
    poll.last.lose()
    poll.pass_time(0.3)
    next(line for line in poll.open if b"?t=T.m" in line.sent).answer(429, {"reason": "too-many"})
    assert person.fate.thrown_out == 0


def test_a_refusal_in_place_of_sound_leads_to_the_question_again() -> None:
    poll, person = arrived()
    poll.last.answer(200, {"ticket": "T.m"})
    poll.last.open()
    poll.last.say(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    assert person.state is State.ASKING
    assert person.fate.dropped == 0
    poll.pass_time(0.3)
    assert sum(line.sent.count(b"POST") for line in poll.lines) == 2


def test_an_act_begins_with_figures_anew_and_the_sound_goes_on() -> None:
    poll, person = seated()
    former = person.begin_act()
    assert former.seated_s is not None
    assert person.fate.seated_s is None
    assert person.listening
    poll.now += 0.16
    poll.last.say(b"x")
    assert person.fate.gap_s == pytest.approx(0.16)


def test_who_leaves_closes_everything_and_never_asks_again() -> None:
    poll, person = seated()
    person.leave()
    assert poll.open == []
    person.lost(poll.last)  # type: ignore[arg-type]
    poll.pass_time(60)
    assert len(poll.lines) == 2


def test_a_voucher_is_shown_until_there_is_a_ticket() -> None:
    poll, _ = arrived(proof="V.m")
    poll.last.open()
    assert poll.last.sent.startswith(b"POST /c/abcdef/seat?t=V.m")


def test_an_answer_that_is_no_json_is_an_answer_and_asked_again() -> None:
    poll, person = arrived()
    poll.last.open()
    poll.last.say(b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\n<p>")
    assert person.fate.first_answer_s is not None
    poll.pass_time(1.0)
    assert sum(line.sent.count(b"POST") for line in poll.lines) == 2


def test_an_interval_is_led_slowly_to_the_doors_and_is_never_taken_for_shorter_than_it_may_be() -> None:
    cadence = Cadence(0.16)
    cadence.change(1.0, 100.0)
    assert cadence.led(0.16, 90.0, 100.0 + ANNOUNCED_S - LEARNT_S) == pytest.approx(0.16)
    assert cadence.led(0.16, 90.0, 110.0) == pytest.approx(0.16 + 0.03 * (10 - ANNOUNCED_S + LEARNT_S))
    assert cadence.led(0.16, 90.0, 200.0) == pytest.approx(1.0)
    cadence.change(0.16, 300.0)
    assert cadence.led(1.0, 290.0, 300.0 + ANNOUNCED_S) == pytest.approx(1.0)
    assert cadence.led(1.0, 290.0, 310.0) == pytest.approx(1.0 - 0.03 * (10 - ANNOUNCED_S))
    assert cadence.led(1.0, 290.0, 400.0) == pytest.approx(0.16)
    cadence.change(0.16, 500.0)  # as before: no change
    assert cadence.changed_at == 300.0


def test_who_sat_down_just_now_has_the_doors_interval_also_where_the_crowd_learns_of_it_later() -> None:
    poll, person = seated()
    poll.now += 1.0
    person._house.cadence.change(1.28, poll.now)
    poll.now += 0.28
    poll.last.say(b"x")
    assert person.fate.gap_intervals == pytest.approx(1.0)
