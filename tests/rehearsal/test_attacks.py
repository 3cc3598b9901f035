"""Every attack: bounded, self-ending, and doing what its name says. Against a poll that tests play."""

from random import Random
from typing import Any

import msgspec
import pytest

from hiwar.admission.puzzle import PuzzleText, render_puzzle
from hiwar.rehearsal.acts import ACTS
from hiwar.rehearsal.attack import Scene
from hiwar.rehearsal.attackers import KINDS, LINES_MAX, PER_S_MAX, SECONDS_MAX, bounded
from hiwar.rehearsal.orders import Attack
from hiwar.rehearsal.sites import PROXY
from hiwar.tokens.token import InvalidToken, Kind, claimed_kind, parse_token
from tests.rehearsal.scripted_poll import ScriptedPoll

PUZZLE = render_puzzle(PuzzleText("timelock", 7, 1000, "ab" * 12, "cd" * 16, "f1"))
WAIT = {"verdict": "challenge", "waiting": "W.m", "ask_again_s": 4.0, "puzzle": PUZZLE}


class Quick:
    """Solves everything at once."""

    def __init__(self) -> None:
        self.solved = 0

    def solve(self, challenge: str, done: Any) -> bool:
        self.solved += 1
        done(f"answer{self.solved}")
        return True


def scene(poll: ScriptedPoll, solver: Any = None) -> Scene:
    shared: Any = poll
    return Scene(shared, "abcdef", Random(1), solver or Quick())


def order(kind: str, **changed: Any) -> Attack:
    plain = Attack(kind=kind, seconds=2.0, per_s=100.0, at_once=20, machines=30, prefixes=5)
    return msgspec.structs.replace(plain, **changed)


def begun(kind: str, solver: Any = None, **changed: Any) -> tuple[ScriptedPoll, Any]:
    poll = ScriptedPoll()
    assault: Any = KINDS[kind](scene(poll, solver), order(kind, **changed))
    assault.begin()
    return poll, assault


def open_all(poll: ScriptedPoll) -> None:
    for line in tuple(poll.open):
        if line.opened_at is None:
            line.open()


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_never_has_more_connections_than_it_may_and_ends_in_time(kind: str) -> None:
    poll, assault = begun(kind)
    most = []

    def play() -> None:
        most.append(len(poll))
        open_all(poll)

    poll.pass_time(2.0, play)
    assert max(most) <= 20 + 1  # the form, or the ticket, that some fetch first
    assert most
    assert assault.over
    begun_by_then = len(poll.lines)
    poll.close()
    poll.pass_time(60.0)
    assert len(poll.lines) == begun_by_then


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_is_not_quicker_than_it_may_be(kind: str) -> None:
    poll, _ = begun(kind, at_once=10_000, per_s=50.0)
    poll.pass_time(1.0)
    sent = sum(line.sent.count(b"HTTP/1.1\r\n") for line in poll.lines)
    assert len(poll.lines) <= 50 + 3
    assert sent <= 50 + 3


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"tables"}))
def test_an_attack_comes_from_its_own_networks(kind: str) -> None:
    poll, _ = begun(kind, at_once=1000)
    poll.pass_time(1.0, lambda: open_all(poll))
    sources = {line.source for line in poll.lines}
    assert len({source.rpartition(".")[0] for source in sources}) <= 5
    assert all(128 <= int(source.split(".")[1]) < 224 for source in sources)


def test_what_could_not_be_done_in_its_turn_is_left_out_and_counted() -> None:
    poll, assault = begun("connections", per_s=1e6, at_once=10)
    poll.now += 1.0
    poll.pass_time(0.05)
    assert assault.counts["not in time"] > 900_000


@pytest.mark.parametrize("given", [{"per_s": 1e9}, {"seconds": 1e9}, {"at_once": 10**9}, {"machines": 10**9}])
def test_no_order_goes_beyond_the_bounds_of_the_attackers(given: dict[str, Any]) -> None:
    most = bounded(order("bots", **given))
    assert most.per_s <= PER_S_MAX
    assert most.seconds <= SECONDS_MAX
    assert most.at_once <= LINES_MAX
    assert most.prefixes <= most.machines


@pytest.mark.parametrize(
    "given", [{"per_s": -1}, {"seconds": -1}, {"at_once": 0}, {"machines": 0}, {"prefixes": 0}]
)
def test_nothing_asked_for_is_nothing_done(given: dict[str, Any]) -> None:
    least = bounded(order("bots", **given))
    assert least.per_s >= 0
    assert least.seconds >= 0
    assert min(least.at_once, least.machines, least.prefixes) >= 1


def test_every_act_of_the_table_is_within_the_bounds() -> None:
    for act in ACTS:
        if act.attack is not None:
            assert act.attack.kind in KINDS
            assert act.attack.at_once <= LINES_MAX
            assert act.attack.per_s <= PER_S_MAX


def test_a_connection_flood_resets_what_it_opened() -> None:
    poll, assault = begun("connections")
    poll.last.open()
    assert poll.last.reset is True
    poll.pass_time(0.05)
    poll.last.lose()
    assert (assault.counts["opened"], assault.counts["refused"]) == (1, 1)


def test_every_fourth_handshake_speaks_no_tls_and_stays() -> None:
    poll = ScriptedPoll()
    poll.context = spoken = object()
    seen = []
    dial = poll.dial
    poll.dial = lambda *a, **k: (seen.append(poll.context), dial(*a, **k))[1]  # type: ignore[method-assign]
    assault: Any = KINDS["handshakes"](scene(poll), order("handshakes"))
    for number in range(4):
        assault.strike(number)
    assert seen == [spoken, spoken, spoken, None]
    assert poll.context is spoken
    for line in tuple(poll.open):
        line.open()
    assert [line.closed for line in poll.lines] == [True, True, True, False]


def test_slow_connections_are_of_six_kinds() -> None:
    poll, assault = begun("slow", per_s=1000.0)
    for number in range(6):
        assault.strike(number)
    del poll.lines[:-6]
    open_all(poll)
    silent, head, body, unread, shut, idle = poll.lines
    poll.pass_time(1.2)
    assert silent.sent == b""
    assert head.sent.endswith(b"\r\nX-Slow:   ")
    assert b"Content-Length: 2000\r\n\r\n{" in body.sent
    assert body.sent.endswith(b"{   ")
    assert not unread.reading
    assert unread.sent.count(b"GET /static") == 8
    assert shut.was_shut
    assert idle.sent.endswith(b"\r\n\r\n")


def test_how_long_the_door_keeps_a_slow_connection_is_noted() -> None:
    poll, assault = begun("slow")
    line = poll.last
    line.open()
    poll.pass_time(3.0)
    line.lose()
    assert list(assault.kept_s) == [pytest.approx(3.0)]


def test_huge_requests_pour_until_they_are_through() -> None:
    poll, assault = begun("huge", per_s=1.0, seconds=10.0)
    head = poll.last
    head.open()
    poll.pass_time(0.5)
    assert len(head.sent) > 256 * 1024
    assert head.reset is True
    assault.strike(1)
    body = poll.last
    body.open()
    body.unsent = 1  # the door takes nothing
    poured = len(body.sent)
    poll.pass_time(0.5)
    assert len(body.sent) == poured
    assert b"Content-Length: 8388608\r\n\r\n" in body.sent


def test_a_kept_connection_is_asked_again_and_counted_by_status() -> None:
    poll, assault = begun("pages", per_s=10.0)
    poll.last.answer(200)
    poll.pass_time(0.11)
    assert len(poll.lines) == 1
    assert poll.last.sent.count(b"GET ") == 2
    poll.last.answer(503)
    assert assault.counts == {"200": 1, "503": 1}
    poll.last.lose()
    poll.pass_time(0.11)
    assert len(poll.lines) == 2


def test_no_two_pages_are_the_same_to_a_cache() -> None:
    _, assault = begun("pages")
    requests = [assault.request(number) for number in range(60)]
    assert len(set(requests)) == 60
    assert all(b"Cookie: sessionid=" in request for request in requests)


def test_sign_ins_carry_the_token_of_one_form_and_ever_new_names() -> None:
    poll, _ = begun("logins", per_s=10.0)
    poll.last.open()
    assert poll.last.sent.startswith(b"GET /login")
    form = b'<input type="hidden" name="csrfmiddlewaretoken" value="' + b"k" * 64 + b'">'
    cookie = b"Set-Cookie: csrftoken=" + b"c" * 32 + b"; Path=/"
    head = b"HTTP/1.1 200 OK\r\n" + cookie + b"\r\nContent-Length: " + str(len(form)).encode() + b"\r\n\r\n"
    poll.last.say(head + form)
    poll.pass_time(0.35)
    open_all(poll)
    posts = [bytes(line.sent) for line in poll.lines[1:]]
    assert len(posts) == 3
    assert all(b"csrfmiddlewaretoken=" + b"k" * 64 in post for post in posts)
    assert all(b"Cookie: csrftoken=" + b"c" * 32 in post for post in posts)
    assert len({post.split(b"username=")[1] for post in posts}) == 3


def test_a_form_without_a_token_is_fetched_again() -> None:
    poll, _ = begun("logins", per_s=10.0)
    poll.last.answer(503)
    poll.pass_time(0.15)
    poll.last.open()
    assert sum(line.sent.startswith(b"GET /login") for line in poll.lines) == 2


def test_event_streams_are_held() -> None:
    poll, assault = begun("events", per_s=10.0, at_once=5)

    def play() -> None:
        open_all(poll)
        for line in tuple(poll.open):
            if b"/now" in line.sent:
                line.answer(200)

    poll.pass_time(1.9, play)
    held = [line for line in poll.open if b"/events" in line.sent]
    assert len(held) == 4  # four fifths of what it may have
    held[0].say(b"data: x\n\n")
    assert assault.counts["bytes"] == 9
    assert any(b"/now" in line.sent for line in poll.lines)


def test_playlists_are_followed_into_the_future() -> None:
    poll, assault = begun("playlists", per_s=1.0)
    poll.last.open()
    poll.last.say(
        b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n"
        + b"#EXTM3U\naac/live.m3u8?t=T.m\nopus/live.m3u8\n".ljust(60)
    )
    ahead, now, media = (assault.request(number) for number in (1, 2, 3))
    assert b"opus/live.m3u8?_HLS_msn=1&_HLS_part=0" in ahead
    assert b"aac/live.m3u8?t=T.m " in now
    assert b".m4s?k=" in media
    assert b"live.m3u8 " in assault.request(4)


def test_a_bot_asks_each_second_whatever_it_is_told_and_takes_a_seat_for_good() -> None:
    poll, assault = begun("bots", per_s=0.1, seconds=30.0)
    poll.last.answer(202, WAIT | {"ask_again_s": 60.0})
    poll.pass_time(1.1)
    assert len(poll.lines) == 2
    poll.last.answer(200, {"ticket": "T.m"})
    poll.last.open()
    assert b"live.ogg?t=T.m" in poll.last.sent
    assert (assault.counts["seats"], assault.counts["bots"]) == (1, 1)
    poll.pass_time(5.0)
    assert poll.last.closed is False


def test_inflation_solves_and_never_sits() -> None:
    quick = Quick()
    poll, assault = begun("inflation", quick, per_s=0.1, seconds=30.0)
    poll.last.answer(202, WAIT)
    assert quick.solved == 1
    open_all(poll)
    assert poll.last.sent.endswith(b'{"waiting":"W.m","answer":"answer1"}')
    poll.last.answer(200, {"ticket": "T.m"})
    assert len(poll.lines) == 2
    assert (assault.counts["seats"], assault.counts["solved"]) == (1, 1)


def test_forged_tokens_have_the_form_of_tokens_and_no_signature_of_ours() -> None:
    _, assault = begun("forgery")
    for kind in (Kind.TICKET, Kind.WAITING, Kind.VOUCHER):
        forged = assault._forged(kind.value)
        assert claimed_kind(forged) is kind
        with pytest.raises(InvalidToken, match="not valid"):
            parse_token(forged, b"k" * 32, kind=kind, conversation="abcdef", wallclock=0.0)


def test_one_good_ticket_is_shown_from_everywhere() -> None:
    poll, assault = begun("forgery", at_once=1000)
    poll.lines[0].answer(200, {"ticket": "T.m"})
    poll.pass_time(1.0, lambda: open_all(poll))
    replayed = [line for line in poll.lines if b"live.ogg?t=T.m" in line.sent]
    assert len(replayed) == assault.counts["replayed"] > 5
    assert len({line.source for line in replayed}) > 5


def test_one_answer_is_brought_by_everybody_of_one_network() -> None:
    poll, assault = begun("answers", per_s=20.0, prefixes=5)
    poll.last.answer(202, WAIT)
    assert assault.counts["solved"] == 1
    poll.pass_time(1.0, lambda: open_all(poll))
    brought = [line for line in poll.lines if b'"answer":"answer1"' in line.sent]
    assert len(brought) > 10
    assert any(b'"waiting":"W.m"' in line.sent for line in brought)
    assert len({line.source.rpartition(".")[0] for line in poll.lines}) == 1


def test_ever_new_networks_are_said_by_the_trusted_proxy_alone() -> None:
    poll, assault = begun("tables")
    requests = [assault.request(number).decode() for number in range(100)]
    named = [request.split("X-Forwarded-For: ")[1].split("\r\n")[0] for request in requests]
    assert len({":".join(name.split(":")[:3]) for name in named}) == 100
    assert {line.source for line in poll.lines} == {PROXY}
