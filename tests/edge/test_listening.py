"""Listeners of every kind over real sockets, against a stage that is stepped by hand."""

import asyncio
import json

import pytest

from hiwar.edge.fanout import BURST_BYTES_MIN
from hiwar.media.feed import FEED_OPUS, FEEDS, Feed
from hiwar.packager.feeds import init_bytes
from hiwar.packager.fmp4 import parse_fragment
from hiwar.relay.messages import Event
from hiwar.relay.records import Phase, Standing, Visibility
from hiwar.tokens.token import Kind, Token, render_token
from tests.door.sockets import exchange, status_of
from tests.edge.fake_stage import STATE, FakeStage, specification
from tests.edge.house import KEY, Ear, House, open_house, until

ID = "abcdef1"


async def start_stage(
    house: House, steps: int = 100, visibility: Visibility = Visibility.PUBLIC, *, lighter: bool = False
) -> FakeStage:
    stage = FakeStage(house.directory, ID, visibility, lighter=lighter)
    await stage.start()
    stage.step(steps)
    await until(lambda: heard(house) == steps)
    return stage


def heard(house: House) -> int:
    """How many chunks of the Opus feed have arrived."""
    broadcast = house.stages.broadcasts.get(ID)
    return broadcast.channel.windows["opus"].next_number if broadcast else 0


async def get(house: House, path: str, *headers: str, method: str = "GET", most: float = 1.0) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", *headers, "", ""]
    return await exchange(house.port, "\r\n".join(lines).encode(), most=most)


@pytest.mark.parametrize("name", FEEDS)
async def test_every_listener_gets_exactly_the_bytes_that_were_sent(name: str) -> None:
    feed = FEEDS[name]
    async with open_house(interval_ms=240) as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 480)
        ears = [Ear() for _ in range(5)]
        for ear in ears:
            group.create_task(ear.listen(house.port, f"/c/{ID}/live.{feed.extension}"))
        fanout = house.stages.broadcasts[ID].fanouts[name]
        await until(lambda: len(fanout.listeners) == 5)
        for _ in range(48):
            stage.step()
            await asyncio.sleep(0)
        await until(lambda: heard(house) == 528)
        stage.publisher.ended(stage.media_time)
        await until(lambda: all(ear.closed for ear in ears))
        sent = b"".join(chunk.payload for chunk in stage.sent[name])
        for ear in ears:
            assert ear.body.startswith(init_bytes(name))
            first = stage.sent[name][480 * 3840 // feed.chunk_samples :][0].payload
            assert sent.endswith(ear.body[ear.body.index(first) :])
            if feed is FEED_OPUS:
                assert b'"interval_ms":240' in ear.body
                assert STATE in ear.body
            else:
                assert sent.endswith(ear.body[len(init_bytes(name)) :])
                assert len(ear.body) > BURST_BYTES_MIN
        await stage.publisher.close()


@pytest.mark.parametrize("name", FEEDS)
async def test_lighter_and_back_in_a_running_response_is_a_chunk_like_any_other(name: str) -> None:
    """Also for who joins meanwhile: their opening is of what everybody was sent."""
    feed = FEEDS[name]
    per_chunk = feed.chunk_samples // 3840
    async with open_house(interval_ms=240) as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 480, lighter=True)
        broadcast, ears = house.stages.broadcasts[ID], [Ear(), Ear(), Ear()]
        for ear, lighter in zip(ears, (True, False, False), strict=True):
            group.create_task(ear.listen(house.port, f"/c/{ID}/live.{feed.extension}"))
            await until(lambda ear=ear: len(ear.body) > 0)  # type: ignore[misc]
            stage.step(24 * per_chunk)
            await until(lambda: heard(house) == stage.media_time // 3840)
            broadcast.use_lighter(lighter)
        stage.publisher.ended(stage.media_time)
        await until(lambda: all(ear.closed for ear in ears))
        line = [chunk.payload for chunk in stage.sent[name]]
        cut = slice(480 // per_chunk + 24, 480 // per_chunk + 48)
        line[cut] = [chunk.payload for chunk in stage.sent[feed.lighter][cut]]
        whole = b"".join(line)
        for ear in ears:
            assert whole.endswith(sound_of(ear.body, feed, line))
        assert len(line[cut][0]) < 0.75 * len(line[0])
        await stage.publisher.close()


def sound_of(body: bytes, feed: Feed, line: list[bytes]) -> bytes:
    """What a listener got behind the header bytes and the first events."""
    assert body.startswith(init_bytes(feed.name))
    starts = [body.find(payload) for payload in line]
    return body[min(start for start in starts if start >= 0) :]


async def test_a_dead_stage_keeps_its_listeners_and_the_next_one_continues_without_a_double() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(ear.head) > 0)
        await stage.publisher.close()
        await until(lambda: not house.stages.broadcasts[ID].channel.attached)
        joiner = Ear()
        group.create_task(joiner.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(joiner.body) > 0)
        second = FakeStage(house.directory, ID)
        await second.start(media_time=90 * 3840)
        second.step(30)
        await until(lambda: heard(house) == 120)
        second.publisher.ended(second.media_time)
        await until(lambda: ear.closed and joiner.closed)
        for each in (ear, joiner):
            numbers = fragment_numbers(each.body)
            assert numbers == list(range(numbers[0], 120))
        await second.publisher.close()


def fragment_numbers(body: bytes) -> list[int]:
    position, numbers = len(init_bytes("opus")), []
    while position < len(body):
        fragment = parse_fragment(body, position)
        numbers.append(fragment.media_time // 3840)
        position = fragment.end
    return numbers


async def test_a_slow_listener_skips_to_the_live_edge_and_the_others_miss_nothing() -> None:
    async with open_house(buffer_bytes=16384) as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        slow, quick, reading = Ear(), Ear(), asyncio.Event()
        group.create_task(slow.listen(house.port, f"/c/{ID}/live.mp4", reading=reading))
        group.create_task(quick.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(house.stages.broadcasts[ID].fanouts["opus"].listeners) == 2)
        total = 100
        while not house.stages.broadcasts[ID].fanouts["opus"]._paused:
            stage.step(10)
            total += 10
            await until(lambda: heard(house) == stage.media_time // 3840)
            assert total < 50_000
        stage.step(100)
        await until(lambda: heard(house) == total + 100)
        reading.set()
        await until(lambda: house.stages.counts["skips"] == 1)
        stage.step(20)
        await until(lambda: heard(house) == total + 120)
        stage.publisher.ended(stage.media_time)
        await until(lambda: slow.closed and quick.closed)
        numbers = fragment_numbers(quick.body)
        assert numbers == list(range(numbers[0], total + 120))
        skipped = fragment_numbers(slow.body)
        assert skipped == sorted(set(skipped))
        assert len(skipped) <= len(numbers) - 100
        assert skipped[-1] == total + 119
        assert house.stages.counts["skipped"] >= 100
        await stage.publisher.close()


async def test_a_change_of_interval_is_told_in_the_stream_before_it_comes() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(ear.body) > 0)
        house.stages.broadcasts[ID].change_interval(1280)
        stage.step(3)
        told = b'{"interval_ms":1280,"in_ms":3000}'
        await until(lambda: told in ear.body)
        stage.step(3)
        await until(lambda: heard(house) == 106)
        stage.publisher.ended(stage.media_time)
        await until(lambda: ear.closed)
        assert ear.body.count(told) == 1
        assert fragment_numbers(ear.body)[-1] == 105
        await stage.publisher.close()


async def test_before_the_air_after_the_end_and_between_stages_are_told_apart() -> None:
    async with open_house() as house:
        stage = FakeStage(house.directory, ID)
        assert status_of(await get(house, f"/c/{ID}/live.mp4")) == 404
        await stage.start()
        await asyncio.sleep(1.1)  # what was looked up is believed for a second
        early = await get(house, f"/c/{ID}/live.mp3")
        assert status_of(early) == 409
        assert b"Retry-After: 2" in early
        assert status_of(await get(house, f"/c/{ID}/hls/live.m3u8")) == 409
        assert json.loads((await get(house, f"/c/{ID}/now")).partition(b"\r\n\r\n")[2])["phase"] == "live"
        await stage.publisher.close()
        house.stages.broadcasts.clear()
        house.access._known.clear()
        house.directory.write_standing(ID, Standing(phase=Phase.LIVE))
        assert status_of(await get(house, f"/c/{ID}/live.mp3")) == 503
        house.access._known.clear()
        house.directory.write_standing(ID, Standing(phase=Phase.ENDED))
        assert status_of(await get(house, f"/c/{ID}/live.mp3")) == 410
        assert b'"ended"' in await get(house, f"/c/{ID}/now")


ADDRESSES = (
    "live.mp4", "live.m4a", "live.ogg", "live.mp3", "events", "now", "hls/live.m3u8", "archive/opus.mp4",
)  # fmt: skip
BEHIND = ("hls/opus/live.m3u8", "hls/aac/init.mp4", "hls/opus/1.m4s", "hls/opus/1.0.m4s")  # behind a playlist


async def test_every_address_of_a_link_only_conversation_asks_for_a_proof() -> None:
    voucher = render_token(Token(Kind.VOUCHER, ID, "v1"), KEY)
    other = render_token(Token(Kind.VOUCHER, "another1", "v1"), KEY)
    async with open_house() as house:
        stage = await start_stage(house, 200, Visibility.LINK)
        for address in BEHIND:
            assert status_of(await get(house, f"/c/{ID}/{address}?t={voucher}")) == 403, address
        for address in ADDRESSES:
            assert status_of(await get(house, f"/c/{ID}/{address}")) == 403, address
            assert status_of(await get(house, f"/c/{ID}/{address}?t={other}")) == 403, address
            expected = 502 if address.startswith("archive") else 200
            assert status_of(await get(house, f"/c/{ID}/{address}?t={voucher}", most=0.2)) == expected, (
                address
            )
            assert status_of(await get(house, f"/c/{ID}/{address}", method="POST")) == 405, address
        await stage.publisher.close()


async def test_who_listens_to_what_is_hidden_is_let_go_within_two_seconds() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(ear.head) > 0)
        hidden = type(stage.specification)(id=ID, title="A conversation", hidden=True)
        house.directory.write_specification(hidden)
        await until(lambda: ear.closed, 3.0)
        assert status_of(await get(house, f"/c/{ID}/live.mp4")) == 404
        await stage.publisher.close()


async def test_who_follows_a_conversation_that_is_closed_to_strangers_needs_a_proof_to_stay() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        voucher = render_token(Token(Kind.VOUCHER, ID, "invited"), KEY)
        stranger, invited = Ear(), Ear()
        group.create_task(stranger.listen(house.port, f"/c/{ID}/events"))
        group.create_task(invited.listen(house.port, f"/c/{ID}/events?t={voucher}"))
        await until(lambda: bool(stranger.body and invited.body))
        house.directory.write_specification(specification(ID, visibility=Visibility.LINK))
        await until(lambda: stranger.closed, 3.0)
        assert not invited.closed
        stage.publisher.ended(stage.media_time)
        await until(lambda: invited.closed)
        await stage.publisher.close()


async def test_the_end_that_a_worker_did_not_hear_from_the_stage_is_found_in_its_file() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/live.mp4"))
        await until(lambda: len(ear.head) > 0)
        await stage.publisher.close()
        house.directory.write_standing(ID, Standing(phase=Phase.ENDED, duration=stage.media_time))
        await until(lambda: ear.closed)
        assert status_of(await get(house, f"/c/{ID}/live.mp4")) == 410


async def test_a_conversation_that_never_went_on_air_takes_no_place_for_ever() -> None:
    async with open_house() as house:
        stage = FakeStage(house.directory, ID)
        await stage.start()
        await until(lambda: ID in house.stages.broadcasts)
        await stage.publisher.close()
        await until(lambda: ID not in house.stages.broadcasts)


async def test_the_stage_is_told_how_many_listen() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ears = [Ear() for _ in range(3)]
        for ear in ears:
            group.create_task(ear.listen(house.port, f"/c/{ID}/live.ogg"))
        await until(lambda: stage.publisher.listeners == 3, 3.0)
        assert status_of(await get(house, f"/c/{ID}/hls/live.m3u8")) == 200
        await until(lambda: stage.publisher.listeners == 4, 3.0)
        for ear in ears:
            ear.leave()
        await until(lambda: stage.publisher.listeners == 1, 3.0)
        await stage.publisher.close()


async def test_a_seat_can_be_had_before_the_air_and_sound_flows_into_the_same_response() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = FakeStage(house.directory, ID)
        await stage.start()
        await until(lambda: ID in house.stages.broadcasts)
        house.access._known.clear()
        answer = await get(house, f"/c/{ID}/seat", method="POST")
        ticket = json.loads(answer.partition(b"\r\n\r\n")[2])["ticket"]
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/live.mp4?t={ticket}"))
        await until(lambda: len(ear.head) > 0)
        stage.publisher.event(Event(0, "state", b'{"phase":"green_room"}'))
        await until(lambda: b'{"phase":"green_room"}' in ear.body)
        house.stages.broadcasts[ID].tell_front(b'{"rung":"limited"}')
        await until(lambda: b'{"rung":"limited"}' in ear.body)
        before = len(ear.body)
        stage.step(20)
        await until(lambda: heard(house) == 20)
        stage.publisher.ended(stage.media_time)
        await until(lambda: ear.closed)
        assert ear.body[before:] == b"".join(chunk.payload for chunk in stage.sent["opus"])
        await stage.publisher.close()


async def test_the_front_doors_notice_comes_to_who_follows_now_and_to_who_comes_later() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        early, late, listener = Ear(), Ear(), Ear()
        group.create_task(early.listen(house.port, f"/c/{ID}/events"))
        await until(lambda: STATE in early.body)
        house.stages.broadcasts[ID].tell_front(b'{"rung":"limited"}')
        group.create_task(late.listen(house.port, f"/c/{ID}/events"))
        group.create_task(listener.listen(house.port, f"/c/{ID}/live.mp4"))
        for ear in (early, late):
            await until(lambda ear=ear: b'event: front\ndata: {"rung":"limited"}' in ear.body)  # type: ignore[misc]
        await until(lambda: b'{"rung":"limited"}' in listener.body)
        assert b'"front":{"rung":"limited"}' in await get(house, f"/c/{ID}/now")
        stage.publisher.ended(stage.media_time)
        await stage.publisher.close()


async def test_events_come_to_who_follows_and_levels_at_most_four_a_second() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        ear = Ear()
        group.create_task(ear.listen(house.port, f"/c/{ID}/events"))
        await until(lambda: STATE in ear.body)
        assert b"text/event-stream" in ear.head
        for number in range(100):
            stage.publisher.event(Event(number * 960, "levels", b'{"levels":{}}'))
        stage.publisher.event(Event(96_000, "state", b'{"phase":"waiting"}'))
        await until(lambda: b'data: {"phase":"waiting"}\n\n' in ear.body)
        assert 6 <= ear.body.count(b"event: levels") <= 9
        stage.publisher.ended(stage.media_time)
        await until(lambda: ear.closed)
        await stage.publisher.close()


async def test_event_streams_hold_a_part_of_the_places_and_whoever_listens_has_the_others() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        house.front._followers_max = 2
        stage = await start_stage(house)
        ears = [Ear() for _ in range(2)]
        for ear in ears:
            group.create_task(ear.listen(house.port, f"/c/{ID}/events"))
        await until(lambda: all(STATE in ear.body for ear in ears))
        refused = await get(house, f"/c/{ID}/events")
        assert status_of(refused) == 503
        assert b"Retry-After: 5" in refused
        listener = Ear()
        group.create_task(listener.listen(house.port, f"/c/{ID}/live.mp3"))
        await until(lambda: len(listener.body) > 1000)
        ears[0].leave()
        again = Ear()
        await until(lambda: sum(len(each.board.followers) for each in house.stages.broadcasts.values()) < 2)
        group.create_task(again.listen(house.port, f"/c/{ID}/events"))
        await until(lambda: STATE in again.body)
        stage.publisher.ended(stage.media_time)
        await until(lambda: again.closed and listener.closed)
        await stage.publisher.close()


async def test_the_head_of_a_long_response_can_be_asked_for() -> None:
    async with open_house() as house:
        stage = await start_stage(house)
        head = await get(house, f"/c/{ID}/live.mp3", "Range: bytes=0-1", method="HEAD")
        assert status_of(head) == 200
        assert b"audio/mpeg" in head
        assert b"no-store" in head
        assert b"content-length" not in head.lower()  # it has no end; 0 would say that there is nothing
        assert head.endswith(b"\r\n\r\n")
        await stage.publisher.close()
