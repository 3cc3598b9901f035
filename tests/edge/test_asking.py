"""Asking for seats at a real door: what is answered, and what becomes of it."""

import asyncio
import json
from typing import Any

import pytest

from hiwar.admission.again import ASK_LATER_S, LATER_SPREAD
from hiwar.admission.timelock import solve_by_squaring
from hiwar.admission.waiting import WaitingRoom
from hiwar.tokens.token import Kind, Token, parse_token, render_token
from tests.door.sockets import exchange, status_of
from tests.edge.house import KEY, Ear, House, open_house, until
from tests.edge.test_listening import ID, get, start_stage


async def ask(house: House, body: str = "", proof: str = "", source: str = "") -> tuple[int, Any]:
    """POST /seat; the status and the JSON."""
    query = f"?t={proof}" if proof else ""
    forwarded = [f"X-Forwarded-For: {source}"] if source else []
    lines = [f"POST /c/{ID}/seat{query} HTTP/1.1", "Host: a", "Connection: close", *forwarded]
    lines += [f"Content-Length: {len(body.encode())}", "", body]
    answer = await exchange(house.port, "\r\n".join(lines).encode(), most=2.0)
    return status_of(answer), json.loads(answer.partition(b"\r\n\r\n")[2])


async def full_house(house: House, seats: int) -> list[str]:
    """Let strangers of as many networks take all seats; their tickets."""
    tickets = []
    for number in range(seats):
        status, told = await ask(house, source=f"10.0.{number}.1")
        assert (status, told["verdict"]) == (200, "admit"), told
        tickets.append(told["ticket"])
    return tickets


async def test_while_there_is_room_everybody_who_asks_has_a_seat_at_once() -> None:
    async with open_house() as house:
        stage = await start_stage(house)
        status, told = await ask(house)
        assert (status, told["verdict"]) == (200, "admit")
        answer = await get(house, f"/c/{ID}/live.ogg?t={told['ticket']}", most=0.3)
        assert status_of(answer) == 200
        await stage.publisher.close()


async def test_a_full_house_tells_the_truth_and_seats_who_waited_when_somebody_leaves() -> None:
    async with open_house(ticking=True, seats_max="2", trusted_proxies="127.0.0.1/32") as house:
        stage = await start_stage(house)
        await full_house(house, 2)
        status, told = await ask(house, source="10.9.9.9")
        assert status == 202
        assert told["verdict"] in ("wait", "challenge")
        assert told["people"] == 1
        assert told["seats"] == 2
        assert 1 <= told["ask_again_s"] <= 6
        assert told["arabic"]
        assert told["english"]
        claim = parse_token(told["claim"], KEY, kind=Kind.CLAIM, conversation=ID, wallclock=0)
        assert claim.expires == 0
        house.owner.house.table.take_back(next(iter(house.owner.house.table.rows())).serial)
        body = json.dumps({"waiting": told["waiting"]})
        async with asyncio.timeout(5):
            while True:
                status, again = await ask(house, body, source="10.9.9.9")
                if status == 200:
                    break
                assert again["people"] == 1, "asking again is no second place"
                await asyncio.sleep(0.3)
        assert again["verdict"] == "admit"
        await stage.publisher.close()


async def test_who_finds_the_waiting_room_full_is_told_to_ask_later() -> None:
    async with open_house(ticking=True, seats_max="2", trusted_proxies="127.0.0.1/32") as house:
        stage = await start_stage(house)
        await full_house(house, 2)
        house.owner.house.room = WaitingRoom(waiting_max=0)
        status, told = await ask(house, source="10.9.9.9")
        assert (status, told["reason"], "chance" in told) == (202, "no-place", False)
        assert "The waiting room is full now" in told["english"]
        assert "yours among them" not in told["english"]
        assert "غرفة الانتظار ممتلئة" in told["arabic"]
        assert ASK_LATER_S * (1 - LATER_SPREAD) <= told["ask_again_s"] <= ASK_LATER_S * (1 + LATER_SPREAD)
        await stage.publisher.close()


async def test_a_player_that_cannot_wait_is_told_so_in_both_languages_with_a_claim() -> None:
    async with open_house(ticking=True, seats_max="1", trusted_proxies="127.0.0.1/32") as house:
        stage = await start_stage(house)
        await full_house(house, 1)
        await until(lambda: house.usher.gate.posture.quota == 0)
        answer = await get(house, f"/c/{ID}/live.mp3", "X-Forwarded-For: 10.7.7.7")
        assert status_of(answer) == 503
        assert b"Retry-After: " in answer
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert told["reason"] == "full"
        assert told["claim"]
        assert told["arabic"]
        page = await get(house, f"/c/{ID}/live.mp3", "X-Forwarded-For: 10.7.7.7", "Accept: text/html",
                         "Accept-Language: ar")  # fmt: skip
        assert "المقاعد" in page.decode()
        await stage.publisher.close()


async def test_the_newest_connection_of_a_ticket_has_the_seat() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        _, told = await ask(house)
        first, second = Ear(), Ear()
        group.create_task(first.listen(house.port, f"/c/{ID}/live.ogg?t={told['ticket']}"))
        await until(lambda: bool(first.head))
        group.create_task(second.listen(house.port, f"/c/{ID}/live.ogg?t={told['ticket']}"))
        await until(lambda: first.closed)
        assert not second.closed
        await until(lambda: house.owner.house.table.taken == 1)
        stage.publisher.ended(stage.media_time)
        await stage.publisher.close()


async def test_a_personal_voucher_is_one_seat_however_often_it_is_shown() -> None:
    voucher = render_token(Token(Kind.VOUCHER, ID, "press-1", "p"), KEY)
    shared = render_token(Token(Kind.VOUCHER, ID, "invited"), KEY)
    async with open_house() as house:
        stage = await start_stage(house)
        for _ in range(3):
            assert (await ask(house, proof=voucher))[0] == 200
        await until(lambda: house.owner.house.table.taken == 1)
        for _ in range(3):
            assert (await ask(house, proof=shared))[0] == 200
        await until(lambda: house.owner.house.table.taken == 4)
        await stage.publisher.close()


async def test_a_solved_puzzle_brings_into_the_better_class_and_its_answer_counts_once() -> None:
    async with open_house(ticking=True, seats_max="1", trusted_proxies="127.0.0.1/32") as house:
        stage = await start_stage(house)
        await full_house(house, 1)
        told: Any = {}
        async with asyncio.timeout(20):
            while not told.get("puzzle"):
                body = json.dumps({"waiting": told.get("waiting", "")})
                _, told = await ask(house, body, source="10.9.9.9")
                await asyncio.sleep(0.25)
        assert told["verdict"] == "challenge"
        solved = await asyncio.to_thread(solve_by_squaring, told["puzzle"])
        room = house.owner.house.room
        body = json.dumps({"waiting": told["waiting"], "answer": solved})
        _, told = await ask(house, body, source="10.9.9.9")
        assert told["verdict"] == "wait"
        assert room.waiting(2) == 1  # type: ignore[arg-type] - SOLVED
        _, told = await ask(house, json.dumps({"answer": solved}), source="10.9.9.77")
        assert room.waiting(2) == 1  # type: ignore[arg-type]
        assert told["verdict"] in ("wait", "challenge")
        await stage.publisher.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ('{"waiting": 1}', 400),
        ('{"waiting": "x", "seat": 1}', 400),
        ('{"waiting": "' + "x" * 5000 + '"}', 413),
        ('{"waiting": "١٢٣", "answer": "٤٥٦"}', 200),
        ('{"waiting": "forged.forged", "answer": "timelock.1.1"}', 200),
    ],
)
async def test_what_is_no_request_is_refused_and_what_is_forged_is_worth_nothing(
    body: str, status: int
) -> None:
    async with open_house() as house:
        stage = await start_stage(house)
        assert (await ask(house, body))[0] == status
        await stage.publisher.close()


async def test_a_seat_is_only_asked_for_by_post_and_never_after_the_end() -> None:
    async with open_house() as house:
        stage = await start_stage(house)
        answer = await get(house, f"/c/{ID}/seat")
        assert status_of(answer) == 405
        assert b"Allow: POST" in answer
        assert status_of(await get(house, "/c/another12/seat", method="POST")) == 404
        await stage.publisher.close()
