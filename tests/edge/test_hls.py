"""Live playlists and parts over real sockets, held against the draft's rules."""

import asyncio
import json

from tests.door.sockets import status_of
from tests.edge.house import House, open_house, until
from tests.edge.test_listening import ID, get, heard, start_stage
from tests.packager.hls_rules import check_media, check_multivariant, check_succession


def media(house: House, rest: str) -> str:
    """The address of a file, as a playlist gives it."""
    return f"/c/{ID}/hls/{rest}{house.access.media_suffix(ID)}"


async def playlist(house: House, rest: str) -> str:
    """The address of a playlist for one who has just got a seat."""
    answer = await get(house, f"/c/{ID}/seat", method="POST")
    ticket = json.loads(answer.partition(b"\r\n\r\n")[2])["ticket"]
    return f"/c/{ID}/hls/{rest}{'&' if '?' in rest else '?'}t={ticket}"


def text_of(response: bytes) -> str:
    assert status_of(response) == 200, response[:300]
    return response.partition(b"\r\n\r\n")[2].decode()


async def test_playlists_keep_the_rules_and_follow_each_other() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 500)
        variants = check_multivariant(text_of(await get(house, f"/c/{ID}/hls/live.m3u8?t=")))
        assert [uri.partition("?")[0] for _, uri in variants] == ["aac/live.m3u8", "opus/live.m3u8"]
        for feed in ("aac", "opus"):
            address = await playlist(house, f"{feed}/live.m3u8")
            before = check_media(text_of(await get(house, address)))
            stage.step(60)
            total = stage.media_time // 3840
            await until(lambda total=total: heard(house) == total)  # type: ignore[misc]
            check_succession(before, check_media(text_of(await get(house, address))))
        await stage.publisher.close()


async def test_lighter_variants_are_to_choose_from_and_while_they_are_wished_for_the_only_ones() -> None:
    full, light = ["aac/live.m3u8", "opus/live.m3u8"], ["aac_light/live.m3u8", "opus_light/live.m3u8"]
    async with open_house() as house:
        stage = await start_stage(house, 500, lighter=True)
        for lighter, named in ((False, full + light), (True, light)):
            house.stages.broadcasts[ID].use_lighter(lighter)
            variants = check_multivariant(text_of(await get(house, f"/c/{ID}/hls/live.m3u8")))
            assert [uri.partition("?")[0] for _, uri in variants] == named
            rates = {uri.partition("?")[0]: int(found["BANDWIDTH"]) for found, uri in variants}
            for uri in named:
                address = await playlist(house, uri)
                before = check_media(text_of(await get(house, address)))
                assert await heaviest_segment(house, uri, len(before.segments)) <= rates[uri]
                stage.step(60)
                await until(lambda: heard(house) == stage.media_time // 3840)
                check_succession(before, check_media(text_of(await get(house, address))))
        await stage.publisher.close()


async def heaviest_segment(house: House, uri: str, count: int) -> float:
    """Bit/s of the heaviest segment behind a playlist's address."""
    folder = uri.partition("/")[0]
    sizes = []
    for number in range(count - 1):
        answer = await get(house, media(house, f"{folder}/{number}.m4s"))
        assert status_of(answer) == 200
        sizes.append(len(answer.partition(b"\r\n\r\n")[2]))
    return max(sizes) * 8 / 3.84


async def test_who_stays_with_a_full_variant_is_given_lighter_parts_and_each_only_as_one_thing() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96, lighter=True)
        house.stages.broadcasts[ID].use_lighter(True)
        stage.step(48)
        await until(lambda: heard(house) == 144)
        house.stages.broadcasts[ID].use_lighter(False)
        for feed, per_part in (("opus", 4), ("aac", 1)):
            for msn, sent in ((1, stage.sent[feed]), (2, stage.sent[f"{feed}_light"])):
                first = msn * 12 * per_part
                whole = b"".join(chunk.payload for chunk in sent[first : first + 12 * per_part])
                part = b"".join(chunk.payload for chunk in sent[first : first + per_part])
                for name, expected in ((f"{msn}.m4s", whole), (f"{msn}.0.m4s", part)):
                    answer = await get(house, media(house, f"{feed}/{name}"))
                    assert answer.partition(b"\r\n\r\n")[2] == expected
        inits = [await get(house, media(house, f"{name}/init.mp4")) for name in ("aac", "aac_light")]
        assert inits[0] == inits[1]
        await stage.publisher.close()


async def test_lighter_variants_that_nobody_makes_are_not_there() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96)
        house.stages.broadcasts[ID].use_lighter(True)
        variants = check_multivariant(text_of(await get(house, f"/c/{ID}/hls/live.m3u8")))
        assert [uri.partition("?")[0] for _, uri in variants] == ["aac/live.m3u8", "opus/live.m3u8"]
        assert status_of(await get(house, await playlist(house, "aac_light/live.m3u8"))) == 404
        await stage.publisher.close()


async def test_a_playlist_and_a_hinted_part_wait_until_they_are_there() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 96)  # two segments of 48 chunks, whole
        blocking = await playlist(house, "opus/live.m3u8?_HLS_msn=2&_HLS_part=0")
        waiting = [
            group.create_task(get(house, blocking, most=3)),
            group.create_task(get(house, media(house, "opus/2.0.m4s"), most=3)),
        ]
        await until(lambda: house.stages.waiters.count == 2)
        stage.step(3)
        await until(lambda: heard(house) == 99)
        assert not any(task.done() for task in waiting)
        stage.step(1)
        listed, part = [await task for task in waiting]
        assert 'URI="2.0.m4s?k=' in text_of(listed)
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
            address = await playlist(house, rest) if ".m3u8" in rest else media(house, rest)
            assert status_of(await get(house, address)) == status, rest
        await stage.publisher.close()


async def test_the_end_of_a_conversation_ends_its_playlists_and_wakes_who_waits() -> None:
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house, 96)
        blocking = await playlist(house, "aac/live.m3u8?_HLS_msn=2&_HLS_part=0")
        waiting = group.create_task(get(house, blocking, most=3))
        await until(lambda: house.stages.waiters.count == 1)
        stage.publisher.ended(stage.media_time)
        assert "#EXT-X-ENDLIST" in text_of(await waiting)
        await stage.publisher.close()


async def test_a_playlist_that_is_known_is_not_sent_again_and_a_proof_is_never_shared() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96)
        address = await playlist(house, "opus/live.m3u8")
        first = await get(house, address)
        assert b"Cache-Control: private, max-age=1\r\n" in first
        mark = first.split(b"ETag: ")[1].split(b"\r\n")[0].decode()
        assert status_of(await get(house, address, f"If-None-Match: {mark}")) == 304
        await stage.publisher.close()


async def test_files_are_shared_by_a_key_that_only_playlists_give_and_playlists_by_nobody() -> None:
    async with open_house() as house:
        stage = await start_stage(house, 96)
        first = await get(house, media(house, "opus/0.m4s"))
        assert status_of(first) == 200
        assert b"Cache-Control: public" in first
        master = await get(house, f"/c/{ID}/hls/live.m3u8")
        assert b"Cache-Control: no-store" in master
        listed = [await get(house, await playlist(house, "aac/live.m3u8")) for _ in range(2)]
        assert len({each.partition(b"\r\n\r\n")[2] for each in listed}) == 1
        for rest in ("opus/0.m4s", "opus/0.m4s?k=" + "0" * 18, "aac/init.mp4", "aac/live.m3u8"):
            assert status_of(await get(house, f"/c/{ID}/hls/{rest}")) == 403, rest
        await stage.publisher.close()
