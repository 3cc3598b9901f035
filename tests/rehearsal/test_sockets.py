"""Lines of a poll, against a door in another process."""

from collections.abc import Callable, Iterator

import pytest

from hiwar.ops.clock import monotonic
from hiwar.rehearsal import sockets
from hiwar.rehearsal.aim import Aim, NotOurs
from hiwar.rehearsal.sockets import Attention, Line, Poll
from tests.rehearsal.doors import open_door


@pytest.fixture(scope="module")
def door() -> Iterator[Aim]:
    with open_door() as aim:
        yield aim


class Owner:
    """Asks for `path` once it is connected, and keeps what happens."""

    def __init__(self, path: str = "/hello", more: bytes = b"") -> None:
        self.request = f"GET {path} HTTP/1.1\r\n\r\n".encode() + more
        self.was_opened = False
        self.heard = b""
        self.was_lost = False

    def opened(self, line: Line) -> None:
        self.was_opened = True
        line.send(self.request)

    def received(self, line: Line, data: bytes) -> None:
        self.heard += data

    def lost(self, line: Line) -> None:
        self.was_lost = True


def run(poll: Poll, condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end
        poll.step(0.05)


def test_a_line_connects_sends_and_hears(door: Aim) -> None:
    poll, owner = Poll(door, 10), Owner()
    line = poll.dial("127.5.5.5", owner)
    assert line is not None
    run(poll, lambda: owner.heard.endswith(b"hello"))
    assert line.opened_at is not None
    assert len(poll) == 1
    line.close()
    assert len(poll) == 0
    assert line.closed
    assert not owner.was_lost  # this side closed it
    line.close()
    poll.close()


@pytest.mark.parametrize("path", ["/close", "/reset"])
def test_an_owner_is_told_that_the_door_closed(door: Aim, path: str) -> None:
    poll, owner = Poll(door, 10), Owner(path)
    line = poll.dial("127.5.5.5", owner)
    run(poll, lambda: owner.was_lost)
    assert line is not None
    assert line.closed
    assert len(poll) == 0
    poll.close()


def test_what_cannot_be_sent_at_once_is_sent_when_it_can_be(door: Aim) -> None:
    poll, owner = Poll(door, 10), Owner("/count", bytes(1 << 20))
    line = poll.dial("127.5.5.5", owner)
    assert line is not None
    run(poll, lambda: owner.was_opened)
    for _ in range(3):
        run(poll, lambda: not line.unsent)
        line.send(bytes(1 << 20))
    run(poll, lambda: owner.was_lost)
    assert owner.heard == str(4 << 20).encode()
    poll.close()


def test_more_than_may_wait_is_left_out(door: Aim) -> None:
    poll, owner = Poll(door, 10), Owner("/silent", bytes(64 << 20))
    line = poll.dial("127.5.5.5", owner)
    assert line is not None
    run(poll, lambda: owner.was_opened)
    assert line.unsent == sockets.UNSENT_BYTES_MAX
    poll.close()
    assert line.closed


def test_a_line_that_does_not_read_hears_nothing(door: Aim) -> None:
    poll, owner = Poll(door, 10), Owner()
    line = poll.dial("127.5.5.5", owner, receive_buffer=4096)
    assert line is not None
    line.stop_reading()
    run(poll, lambda: owner.was_opened)
    poll.run_until(monotonic() + 0.1)
    assert owner.heard == b""
    poll.close()


def test_a_shut_line_sends_no_more_and_still_hears(door: Aim) -> None:
    poll, owner = Poll(door, 10), Owner()
    line = poll.dial("127.5.5.5", owner)
    assert line is not None
    run(poll, lambda: owner.was_opened)
    line.shut()
    run(poll, lambda: owner.was_lost)
    assert owner.heard.endswith(b"hello")
    poll.close()


def test_beyond_the_bound_nothing_is_begun_and_it_is_counted(door: Aim) -> None:
    poll = Poll(door, 2)
    lines = [poll.dial("127.5.5.5", Owner("/silent")) for _ in range(3)]
    assert [line is not None for line in lines] == [True, True, False]
    assert poll.counts == {"begun": 2, "not_begun": 1}
    poll.close()


def test_timers_are_called_in_their_order_once_and_bounded(
    door: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "TIMERS_MAX", 2)
    poll, called = Poll(door, 10), []
    poll.call_at(poll.now + 0.02, lambda: called.append("second"))
    poll.call_at(poll.now + 0.01, lambda: called.append("first"))
    poll.call_at(poll.now, lambda: called.append("dropped"))
    poll.run_until(monotonic() + 0.05)
    assert called == ["first", "second"]
    assert poll.counts["timers_dropped"] == 1
    poll.close()


def test_tls_is_spoken_where_the_door_does() -> None:
    with open_door("tls") as aim:
        poll, owner = Poll(aim, 10), Owner()
        poll.dial("127.5.5.5", owner)
        run(poll, lambda: owner.heard.endswith(b"hello"))
        poll.context = None  # from now on nothing but TCP
        plain = Owner("/silent")
        poll.dial("127.5.5.6", plain)
        run(poll, lambda: plain.was_lost)  # what it sent is no handshake
        poll.close()


def test_a_poll_stops_once_the_door_is_not_ours_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CHECK_EVERY_S", 0.0)
    with open_door() as aim:
        poll = Poll(aim, 10)
        poll.step(0.0)
    with pytest.raises(NotOurs):
        poll.step(0.0)
    assert poll.dial("127.5.5.5", owner := Owner()) is not None  # nobody is there: it is refused
    poll.close()
    assert not owner.was_opened


def test_a_poll_for_a_door_that_is_not_ours_is_never_made() -> None:
    with pytest.raises(NotOurs):
        Poll(Aim(1, "7e" * 16, 1), 10)


def test_attention_counts_long_turns_and_not_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "run_delay_s", lambda: 0.0)
    attention = Attention(10.0)
    attention.look(10.0, 10.01, 10.10)  # 10 ms of work, then it waited
    attention.look(10.1, 10.60, 10.70)  # half a second of work
    assert attention.since(10.0, 10.7) == pytest.approx(0.5)
    assert attention.since(10.65, 10.7) == pytest.approx(0.05)  # never more than the time itself
    attention.look(10.7, 10.70, 11.70)
    assert attention.since(10.7, 11.7) == pytest.approx(0.0)
    assert attention.lost_s == pytest.approx(0.5)


def test_attention_counts_waiting_for_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    delay = [0.0]
    monkeypatch.setattr(sockets, "run_delay_s", lambda: delay[0])
    attention = Attention(10.0)
    delay[0] = 0.3
    attention.look(10.0, 10.0, 10.5)
    assert attention.since(10.0, 10.5) == pytest.approx(0.3)
    assert attention.since(10.5, 11.0) == pytest.approx(0.0)
    delay[0] = 0.4  # not sampled yet, and known all the same
    assert attention.since(10.5, 11.0) == pytest.approx(0.1)


def test_the_kernel_tells_how_long_this_process_waited() -> None:
    assert sockets.run_delay_s() >= 0.0
