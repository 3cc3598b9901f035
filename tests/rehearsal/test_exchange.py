"""One request, one answer, once."""

from typing import Any

from hiwar.rehearsal.exchange import Answered, Exchange, render_request
from tests.rehearsal.scripted_poll import ScriptedPoll

GET = render_request("GET", "/")


def asked(keep: bool = False) -> tuple[ScriptedPoll, Exchange, list[Answered]]:
    poll, answers = ScriptedPoll(), []
    shared: Any = poll
    exchange = Exchange(shared, "127.1.1.1", GET, answers.append, patience_s=5.0, keep=keep)
    return poll, exchange, answers


def test_an_answer_comes_once_with_its_headers_and_closes_the_line() -> None:
    poll, exchange, answers = asked()
    poll.last.answer(200, {"a": 1}, Retry_After="7")
    (answer,) = answers
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (200, b'{"a":1}', "7")
    assert poll.last.reset is False
    assert not exchange.open
    poll.pass_time(10)
    assert len(answers) == 1


def test_an_answer_in_pieces_is_one() -> None:
    poll, _, answers = asked()
    poll.last.open()
    for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        poll.last.say(bytes([byte]))
    assert [answer.body for answer in answers] == [b"abc"]


def test_nothing_in_time_is_an_answer_too() -> None:
    poll, _, answers = asked()
    poll.last.open()
    poll.pass_time(4.9)
    assert answers == []
    poll.pass_time(0.2)
    assert [answer.status for answer in answers] == [0]
    assert poll.last.reset is True


def test_what_is_no_http_is_no_answer() -> None:
    poll, _, answers = asked()
    poll.last.open()
    poll.last.say(b"SSH-2.0\r\n")
    assert [answer.status for answer in answers] == [0]


def test_a_kept_line_is_asked_again() -> None:
    poll, exchange, answers = asked(keep=True)
    poll.last.answer(200)
    assert exchange.open
    exchange.again(render_request("GET", "/next"), answers.append, 5.0)
    assert b"GET /next" in poll.last.sent
    poll.last.answer(404)
    assert [answer.status for answer in answers] == [200, 404]


def test_the_deadline_of_an_answered_question_does_not_end_the_next() -> None:
    poll, exchange, answers = asked(keep=True)
    poll.pass_time(4.0)
    poll.last.answer(200)
    exchange.again(GET, answers.append, 5.0)
    poll.pass_time(2.0)
    assert len(answers) == 1
    poll.last.answer(204)
    assert answers[-1].status == 204


def test_a_line_that_the_door_closes_is_not_kept() -> None:
    poll, exchange, _ = asked(keep=True)
    poll.last.answer(200, Connection="close")
    assert not exchange.open


def test_who_drops_it_hears_nothing() -> None:
    poll, exchange, answers = asked()
    poll.last.open()
    exchange.drop()
    poll.pass_time(10)
    assert answers == []
    assert poll.open == []


def test_a_body_is_announced_with_its_length_or_with_another() -> None:
    assert b"Content-Length: 2\r\n" in render_request("POST", "/", b"{}")
    assert b"Content-Length: 0\r\n" in render_request("POST", "/")
    assert b"Content-Length: 9\r\n" in render_request("POST", "/", b"{}", length=9)
    assert b"Content-Length" not in render_request("GET", "/")
