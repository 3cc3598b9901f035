"""Playlists: by table, and any that a window can bring about obeys the draft's rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiwar.media.feed import FEED_AAC, FEED_OPUS, Chunk, Feed
from hiwar.media.timeline import SEGMENT_SAMPLES
from hiwar.packager.playlists import (
    BadReload,
    Position,
    ReloadRequest,
    SegmentRange,
    address_suffix,
    following,
    parse_reload_request,
    render_live,
    render_multivariant,
    render_recording,
)
from hiwar.packager.window import LiveWindow
from tests.packager.hls_rules import Media, check_media, check_multivariant, check_succession

ORIGIN = 1_700_000_000.25


def filled(numbers: range, feed: Feed = FEED_OPUS, without: tuple[int, ...] = ()) -> LiveWindow:
    window = LiveWindow(feed)
    for number in numbers:
        if number not in without:
            window.add(Chunk(feed.name, number, b"x"))
    return window


def live(window: LiveWindow, *, skip: bool = False) -> Media:
    return check_media(render_live(window, origin_wallclock=ORIGIN, skip=skip))


SMALL_LIVE = """\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.96,CAN-SKIP-UNTIL=24
#EXT-X-PART-INF:PART-TARGET=0.32
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-MAP:URI="init.mp4?t=a.b"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.090Z
#EXT-X-PART:DURATION=0.32,URI="1.0.m4s?t=a.b",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.32,URI="1.1.m4s?t=a.b",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1.2.m4s?t=a.b"
#EXT-X-RENDITION-REPORT:URI="../opus/live.m3u8?t=a.b",LAST-MSN=1,LAST-PART=0
"""


def test_a_small_live_playlist_is_this_text() -> None:
    reports = [("../opus/live.m3u8", filled(range(52))), ("../none/live.m3u8", LiveWindow(FEED_OPUS))]
    text = render_live(
        filled(range(5, 14), FEED_AAC), origin_wallclock=ORIGIN, suffix=address_suffix("a.b"), reports=reports
    )
    assert text == SMALL_LIVE
    check_media(text)


def test_a_long_live_playlist_lists_a_minute_and_parts_of_the_last_three_targets() -> None:
    playlist = live(filled(range(48 * 40 + 9)))
    assert [playlist.segments[0].msn, playlist.segments[-1].msn] == [24, 39]
    assert [segment.msn for segment in playlist.segments if segment.parts] == [37, 38, 39]
    assert playlist.hint == "40.2.m4s"
    assert playlist.segments[0].date == "2023-11-14T22:14:52.410Z"


def test_a_delta_update_skips_what_lies_before_the_boundary_and_nothing_else() -> None:
    window = filled(range(48 * 40 + 9))
    full, delta = live(window), live(window, skip=True)
    assert delta.skipped == 9
    assert [segment.uri for segment in delta.segments] == [segment.uri for segment in full.segments[9:]]
    assert len(delta.text) < len(full.text)


def test_a_short_playlist_is_not_skipped_in() -> None:
    window = filled(range(48 * 5))
    assert render_live(window, origin_wallclock=ORIGIN, skip=True) == render_live(
        window, origin_wallclock=ORIGIN
    )


def test_holes_are_gaps() -> None:
    playlist = live(filled(range(48 * 4 + 8), without=(50, 48 * 4 + 1)))
    assert [segment.gap for segment in playlist.segments] == [False, True, False, False]
    assert [part.gap for part in playlist.segments[1].parts] == [True] + [False] * 11
    assert [part.gap for part in playlist.growing.parts] == [True, False]


def test_the_end_lists_the_rest_and_hints_at_nothing() -> None:
    window = filled(range(48 * 2 + 6))
    window.end()
    playlist = live(window)
    assert playlist.ended
    assert [str(segment.duration) for segment in playlist.segments] == ["3.84", "3.84", "0.48"]
    assert [str(part.duration) for part in playlist.segments[-1].parts] == ["0.32", "0.16"]


def test_a_window_without_a_segment_still_makes_a_lawful_playlist() -> None:
    assert live(LiveWindow(FEED_OPUS)).segments == []
    joined_late = live(filled(range(20, 40)))
    assert (joined_late.segments, joined_late.hint) == ([], None)


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=40),
    st.integers(0, 10**7),
    st.booleans(),
    st.sampled_from([FEED_OPUS, FEED_AAC]),
)
def test_playlists_of_any_chunks_obey_the_rules_and_never_contradict_each_other(
    steps: list[int], number: int, ends: bool, feed: Feed
) -> None:
    window = LiveWindow(feed, seconds=30)
    before: Media | None = None
    for step in steps:
        for _ in range(step // 8):
            number += 1
            window.add(Chunk(feed.name, number, b"x"))
        number += 1 + (step if step % 8 == 7 else 0)
        window.add(Chunk(feed.name, number, b"x"))
        now = live(window)
        live(window, skip=True)
        if before is not None:
            check_succession(before, now)
        before = now
    if ends:
        window.end()
        assert before is not None
        check_succession(before, live(window))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ReloadRequest()),
        ({"t": "x", "_HLS_skip": "YES"}, ReloadRequest(None, True)),
        ({"_HLS_msn": "7"}, ReloadRequest(Position(7, 11))),
        ({"_HLS_msn": "12"}, ReloadRequest(Position(12, 11))),
        ({"_HLS_msn": "10", "_HLS_part": "4"}, ReloadRequest(Position(10, 4))),
        ({"_HLS_msn": "11", "_HLS_part": "1", "_HLS_skip": "v2"}, ReloadRequest(Position(11, 1), True)),
        ({"_HLS_msn": "10", "_HLS_part": "12"}, ReloadRequest(Position(11, 0))),
        ({"_HLS_msn": "0", "_HLS_part": "999999999"}, ReloadRequest(Position(1, 0))),
    ],
)
def test_a_reload_request_is_read(query: dict[str, str], expected: ReloadRequest) -> None:
    assert parse_reload_request(query, (10, 3)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"_HLS_part": "1"},
        {"_HLS_msn": ""},
        {"_HLS_msn": "-1"},
        {"_HLS_msn": "١٢"},
        {"_HLS_msn": "1 "},
        {"_HLS_msn": "1e3"},
        {"_HLS_msn": "1234567890"},
        {"_HLS_msn": "10", "_HLS_part": "x"},
        {"_HLS_msn": "13"},
        {"_HLS_msn": "13", "_HLS_part": "0"},
        {"_HLS_msn": "11", "_HLS_part": "2"},
        {"_HLS_msn": "12", "_HLS_part": "99"},
        {"_HLS_skip": "no"},
    ],
)
def test_a_wrong_or_far_reload_request_is_refused_with_400(query: dict[str, str]) -> None:
    with pytest.raises(BadReload) as refusal:
        parse_reload_request(query, (10, 3))
    assert refusal.value.status == 400
    assert str(refusal.value).endswith(".")


@given(st.dictionaries(st.sampled_from(["_HLS_msn", "_HLS_part", "_HLS_skip"]), st.text(max_size=12)))
def test_no_query_raises_anything_but_the_typed_error(query: dict[str, str]) -> None:
    try:
        request = parse_reload_request(query, (3, 0))
    except BadReload:
        return
    assert request.awaited is None or request.awaited <= Position(5, 11)


def test_anything_may_be_waited_for_where_nothing_came_yet() -> None:
    request = parse_reload_request({"_HLS_msn": "500", "_HLS_part": "3"}, None)
    assert not request.is_answerable(None)
    assert not request.is_answerable((500, 2))
    assert request.is_answerable((500, 3))
    assert ReloadRequest().is_answerable(None)


def test_after_the_last_part_comes_the_next_segment() -> None:
    assert (following((4, 10)), following((4, 11))) == ((4, 11), (5, 0))


def test_the_multivariant_playlist_names_every_feed() -> None:
    text = render_multivariant([(FEED_AAC, "aac/live.m3u8"), (FEED_OPUS, "opus/live.m3u8")], "?t=x")
    variants = check_multivariant(text)
    assert [(found["CODECS"], uri) for found, uri in variants] == [
        ("mp4a.40.2", "aac/live.m3u8?t=x"),
        ("opus", "opus/live.m3u8?t=x"),
    ]


def test_a_suffix_can_carry_no_quote_or_line_into_a_playlist() -> None:
    assert address_suffix("") == ""
    assert address_suffix('a"b\n&c') == "?t=a%22b%0A%26c"


WHOLE = [SegmentRange(msn, 700 + msn * 1000, 1000, SEGMENT_SAMPLES) for msn in range(3)]
RECORDING = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=0,PRECISE=YES
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="opus.mp4?t=x",BYTERANGE="700@0"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.250Z
#EXTINF:3.84,
#EXT-X-BYTERANGE:1000@700
opus.mp4?t=x
#EXTINF:0.08,
#EXT-X-BYTERANGE:20@1700
opus.mp4?t=x
#EXT-X-ENDLIST
"""


def recording(ranges: list[SegmentRange], *, ended: bool) -> Media:
    text = render_recording(ranges, uri="aac.m4a", init_length=700, ended=ended, origin_wallclock=ORIGIN)
    return check_media(text)


def test_a_recordings_playlist_is_this_text() -> None:
    text = render_recording(
        [WHOLE[0], SegmentRange(1, 1700, 20, 3840)],
        uri="opus.mp4",
        init_length=700,
        ended=True,
        origin_wallclock=ORIGIN,
        suffix="?t=x",
    )
    assert text == RECORDING
    check_media(text)


def test_while_on_air_only_whole_segments_are_listed() -> None:
    growing = SegmentRange(3, 3700, 500, 76_800)
    on_air, over = recording([*WHOLE, growing], ended=False), recording([*WHOLE, growing], ended=True)
    assert (len(on_air.segments), on_air.ended, on_air.tags["EXT-X-PLAYLIST-TYPE"]) == (3, False, "EVENT")
    assert (len(over.segments), over.ended, over.tags["EXT-X-PLAYLIST-TYPE"]) == (4, True, "VOD")


def test_missing_segments_of_a_recording_are_gaps() -> None:
    playlist = recording([WHOLE[0], SegmentRange(3, 1700, 1000, SEGMENT_SAMPLES)], ended=True)
    assert [segment.gap for segment in playlist.segments] == [False, True, True, False]
    assert [segment.msn for segment in playlist.segments] == [0, 1, 2, 3]


@pytest.mark.parametrize("second", [0, 200_000])
def test_a_recordings_numbers_must_grow_and_not_leap_absurdly(second: int) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        recording([WHOLE[0], SegmentRange(second, 1700, 1000, SEGMENT_SAMPLES)], ended=True)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 10**6)), max_size=20),
    st.integers(0, 48),
    st.booleans(),
)
def test_playlists_of_any_recording_obey_the_rules(
    steps: list[tuple[int, int]], last_chunks: int, ended: bool
) -> None:
    msn, offset, ranges = 0, 700, []
    for step, length in steps:
        ranges.append(SegmentRange(msn, offset, length, SEGMENT_SAMPLES))
        msn, offset = msn + step, offset + length
    if last_chunks:
        ranges.append(SegmentRange(msn, offset, 5, last_chunks * 3840))
    playlist = recording(ranges, ended=ended)
    assert playlist.ended == ended
    if len(steps) > 1 and not last_chunks:
        check_succession(recording(ranges[:-1], ended=False), recording(ranges, ended=False))
