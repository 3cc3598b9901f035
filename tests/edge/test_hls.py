"""Live playlists and parts over real sockets, held against the draft's rules."""

import asyncio

from tests.door.sockets import status_of
from tests.edge.house import open_house, until
from tests.edge.test_listening import ID, get, heard, start_stage
from tests.packager.hls_rules import check_media, check_multivariant, check_succession


def text_of(response: bytes) -> str:
    assert status_of(response) == 200, response[:300]
    return response.partition(b"\r\n\r\n")[2].decode()


async def test_playlists_keep_the_rules_and_follow_each_other() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 500)
        variants = check_multivariant(text_of(await get(house, f"/c/{ID}/hls/live.m3u8?t=")))
        assert [uri for _, uri in variants] == ["aac/live.m3u8", "opus/live.m3u8"]
        for feed in ("aac", "opus"):
            address = f"/c/{ID}/hls/{feed}/live.m3u8"
            before = check_media(text_of(await get(house, address)))
            stage.step(60)
            total = stage.media_time // 3840
            await until(lambda total=total: heard(house) == total)  # type: ignore[misc]
            check_succession(before, check_media(text_of(await get(house, address))))
        await stage.publisher.close()


async def test_a_playlist_and_a_hinted_part_wait_until_they_are_there() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 96)  # two segments of 48 chunks, whole
        waiting = [
            group.create_task(get(house, f"/c/{ID}/hls/opus/live.m3u8?_HLS_msn=2&_HLS_part=0", most=3)),
            group.create_task(get(house, f"/c/{ID}/hls/opus/2.0.m4s", most=3)),
        ]
        await until(lambda: house.stages.waiters.count == 2)
        stage.step(3)
        await until(lambda: heard(house) == 99)
        assert not any(task.done() for task in waiting)
        stage.step(1)
        playlist, part = [await task for task in waiting]
        assert 'URI="2.0.m4s"' in text_of(playlist)
        sent = b"".join(chunk.payload for chunk in stage.sent["opus"][96:100])
        assert part.partition(b"\r\n\r\n")[2] == sent
        assert house.stages.waiters.count == 0
        await stage.publisher.close()


async def test_what_is_far_or_gone_or_nonsense_is_told_apart() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96)
        for rest, status in (
            ("opus/live.m3u8?_HLS_msn=9", 400),
            ("opus/live.m3u8?_HLS_part=1", 400),
            ("opus/live.m3u8?_HLS_msn=%D9%A3", 400),
            ("opus/9.m4s", 400),
            ("opus/2.5.m4s", 400),
            ("opus/0.12.m4s", 404),
            ("opus/99999999999.m4s", 404),
            ("mp3/live.m3u8", 404),
            ("opus/other", 404),
            ("opus/0.m4s", 200),
            ("aac/init.mp4", 200),
        ):
            assert status_of(await get(house, f"/c/{ID}/hls/{rest}")) == status, rest
        await stage.publisher.close()


async def test_the_end_of_a_conversation_ends_its_playlists_and_wakes_who_waits() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 96)
        waiting = group.create_task(get(house, f"/c/{ID}/hls/aac/live.m3u8?_HLS_msn=2&_HLS_part=0", most=3))
        await until(lambda: house.stages.waiters.count == 1)
        stage.publisher.ended(stage.media_time)
        assert "#EXT-X-ENDLIST" in text_of(await waiting)
        await stage.publisher.close()


async def test_a_playlist_that_is_known_is_not_sent_again_and_a_proof_is_never_shared() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96)
        address = f"/c/{ID}/hls/opus/live.m3u8"
        first = await get(house, address)
        assert b"Cache-Control: public, max-age=1\r\n" in first
        mark = first.split(b"ETag: ")[1].split(b"\r\n")[0].decode()
        assert status_of(await get(house, address, f"If-None-Match: {mark}")) == 304
        await stage.publisher.close()
