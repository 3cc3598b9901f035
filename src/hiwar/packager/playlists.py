"""HLS playlists (RFC 8216 and draft-pantos-hls-rfc8216bis, here "the draft"): written, and asked for.

Three kinds: the *multivariant* one names the feeds; the *live* one lists an edge's window with parts;
the *recording's* lists the whole conversation as byte ranges of one file, growing (EVENT) while it is on
air and closed (VOD) afterwards.

Rules: a segment's sequence number is its media time over the segment's duration, so the three agree.
All segments last 3.84 s and all parts 0.32 s but the last of a conversation. What a playlist said once
the next one never contradicts. A playlist depends on the window and the suffix of its addresses alone:
everybody with the same suffix gets the same bytes, so it is rendered once a part.

`suffix` goes behind every address in a playlist (the listener's proof); make it with `address_suffix`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from hiwar.media.feed import Codec, Feed
from hiwar.media.timeline import PART_SAMPLES, PARTS_PER_SEGMENT, SAMPLE_RATE, SEGMENT_SAMPLES, seconds
from hiwar.packager.window import LiveWindow, Segment

CONTENT_TYPE = "application/vnd.apple.mpegurl"
TARGET_SECONDS = -(-SEGMENT_SAMPLES // SAMPLE_RATE)  # 4: EXTINF, rounded, must not be above it
PARTS_LISTED_SAMPLES = 3 * TARGET_SECONDS * SAMPLE_RATE  # the draft, section 6.2.2
SKIP_SAMPLES = 6 * TARGET_SECONDS * SAMPLE_RATE  # the skip boundary, section 4.4.3.8: six target durations
HOLD_BACK_SAMPLES = 3 * PART_SAMPLES  # section 4.4.3.8: at least twice, better three times the part target
ADVANCE_PARTS_MAX = -(-3 * SAMPLE_RATE // PART_SAMPLES)  # section 6.2.5.2: the Advance Part Limit
MSN_DIGITS_MAX = 9
GAP_SEGMENTS_MAX = 100_000  # 106 hours: a hole in a recording that no outage explains is damage

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_FRAGMENT_OVERHEAD_BYTES = {Codec.OPUS: 200, Codec.AAC: 164}  # moof and mdat; for Opus its live events too


class BadReload(ValueError):
    """A playlist request that is refused: `status` for HTTP, and one sentence as the text."""

    status = 400


class Position(NamedTuple):
    """A part: segment number and index within it. Positions compare as times do."""

    msn: int
    part: int


@dataclass(frozen=True, slots=True)
class ReloadRequest:
    """What a player asks of a live playlist: to wait for `awaited` (None: not to wait), and whether a
    delta update will do."""

    awaited: Position | None = None
    skip: bool = False

    def is_answerable(self, last_part: tuple[int, int] | None) -> bool:
        """Whether a window whose newest part is `last_part` has what is awaited."""
        return self.awaited is None or (last_part is not None and last_part >= self.awaited)


class SegmentRange(NamedTuple):
    """Where segment `msn` lies in a recording's file: bytes, and its `samples` (at 48 kHz)."""

    msn: int
    offset: int
    length: int
    samples: int


def address_suffix(proof: str) -> str:
    """The query that carries a ticket, voucher or claim on to every address; '' for ''."""
    return f"?t={quote(proof, safe='')}" if proof else ""


def parse_reload_request(query: Mapping[str, str], last_part: tuple[int, int] | None) -> ReloadRequest:
    """The delivery directives (section 6.2.5) of a request for a live playlist whose newest part is
    `last_part` (None: nothing yet, anything may be waited for).

    Raises:
        BadReload: not a number, a part without its segment, or too far in the future.
    """
    msn = _parse_index(query, "_HLS_msn")
    part = _parse_index(query, "_HLS_part")
    skip = query.get("_HLS_skip", "")
    if skip not in ("", "YES", "v2"):
        raise BadReload("_HLS_skip must be YES or v2.")
    if msn is None:
        if part is not None:
            raise BadReload("_HLS_part needs _HLS_msn beside it.")
        return ReloadRequest(None, bool(skip))
    if part is not None and part >= PARTS_PER_SEGMENT:  # section 6.2.5.2: it is the next segment's first
        msn, part = msn + 1, 0
    awaited = Position(msn, PARTS_PER_SEGMENT - 1 if part is None else part)
    if last_part is not None:
        _check_advance(awaited, last_part, whole_segment=part is None)
    return ReloadRequest(awaited, bool(skip))


def _parse_index(query: Mapping[str, str], key: str) -> int | None:
    text = query.get(key)
    if text is None:
        return None
    if not _DIGITS.fullmatch(text):
        raise BadReload(f"{key} must be a number of at most {MSN_DIGITS_MAX} digits 0-9.")
    return int(text)


def _check_advance(awaited: Position, last_part: tuple[int, int], *, whole_segment: bool) -> None:
    """Section 6.2.5.2: at most two segments ahead, and with a part at most the Advance Part Limit."""
    msn, index = last_part
    ahead = (awaited.msn - msn) * PARTS_PER_SEGMENT + awaited.part - index
    if awaited.msn > msn + 2 or (not whole_segment and ahead > ADVANCE_PARTS_MAX):
        raise BadReload("That part is too far in the future.")


def render_multivariant(variants: Iterable[tuple[Feed, str]], suffix: str = "") -> str:
    """The multivariant playlist of `variants` (feed, address of its playlist), best first."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for feed, uri in variants:
        peak, average = bandwidths(feed)
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS={_quoted(_codecs(feed))}"
        )
        lines.append(uri + suffix)
    return _text(lines)


def bandwidths(feed: Feed) -> tuple[int, int]:
    """Peak and average bit/s of an MP4 feed with its framing; the encoders may go a quarter above."""
    overhead = _FRAGMENT_OVERHEAD_BYTES[feed.rendition.codec] * 8 * SAMPLE_RATE // feed.chunk_samples
    return feed.rendition.bitrate * 5 // 4 + overhead, feed.rendition.bitrate + overhead


def render_live(
    window: LiveWindow,
    *,
    origin_wallclock: float,
    suffix: str = "",
    skip: bool = False,
    parts: bool = True,
    reports: Iterable[tuple[str, LiveWindow]] = (),
) -> str:
    """The live playlist of `window`, or its delta update where `skip` asks for one and there is enough.
    Without `parts` it names whole segments only: a tenth of the requests, some seconds more of delay.

    `origin_wallclock` is when media time was 0 (UTC seconds); `reports` are the other playlists of the
    multivariant one (address relative to this one, window) for EXT-X-RENDITION-REPORT. Players reject
    a list without segments as broken, so let them wait until `window.segments()` has one.
    """
    segments = window.segments()
    end = sum(_listed_samples(segment) for segment in segments)
    lines = _live_header(segments, window, parts=parts)
    skipped = _count_skipped(segments, end) if skip else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    lines.append(f'#EXT-X-MAP:URI="init.mp4{suffix}"')
    age = end - sum(_listed_samples(segment) for segment in segments[:skipped])
    for position, segment in enumerate(segments[skipped:]):
        if position == 0:
            lines.append(_program_date_time(segment.msn, origin_wallclock))
        age -= _listed_samples(segment)
        lines.extend(_live_segment(segment, suffix, with_parts=parts and age < PARTS_LISTED_SAMPLES))
    if window.ended:
        lines.append("#EXT-X-ENDLIST")
    elif parts and segments and window.last_part is not None:
        msn, index = following(window.last_part)
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{msn}.{index}.m4s{suffix}"')
    lines.extend(_reports(reports, suffix))
    return _text(lines)


def render_recording(
    ranges: Iterable[SegmentRange],
    *,
    uri: str,
    init_length: int,
    ended: bool,
    origin_wallclock: float,
    suffix: str = "",
) -> str:
    """The playlist of a recording: byte ranges of the file at `uri`, whose first `init_length` bytes are
    the init segment.

    `ranges` come in order. While the conversation is on air (not `ended`) a last segment that is not
    whole is left out, since what is listed must not change. Numbers that are missing in between become
    segments marked as gaps.

    Raises:
        ValueError: the numbers do not grow, or leap by more than `GAP_SEGMENTS_MAX`.
    """
    listed = list(ranges)
    if not ended and listed and listed[-1].samples < SEGMENT_SAMPLES:
        listed.pop()
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{TARGET_SECONDS}"]
    lines.append(f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}")
    lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    lines.append("#EXT-X-START:TIME-OFFSET=0,PRECISE=YES")  # an EVENT list is for hearing it from the start
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{listed[0].msn if listed else 0}")
    lines.append(f'#EXT-X-MAP:URI={_quoted(uri + suffix)},BYTERANGE="{init_length}@0"')
    if listed:
        lines.append(_program_date_time(listed[0].msn, origin_wallclock))
    lines.extend(_recording_segments(listed, uri + suffix))
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return _text(lines)


def _recording_segments(listed: Sequence[SegmentRange], address: str) -> Iterator[str]:
    expected = listed[0].msn if listed else 0
    whole = f"#EXTINF:{_seconds(SEGMENT_SAMPLES)},"
    for msn, offset, length, duration in listed:
        if not expected <= msn <= expected + GAP_SEGMENTS_MAX:
            raise ValueError(f"segment {msn} cannot follow segment {expected - 1}")
        for _ in range(expected, msn):
            yield from ("#EXT-X-GAP", whole, address)
        yield whole if duration == SEGMENT_SAMPLES else f"#EXTINF:{_seconds(duration)},"
        yield f"#EXT-X-BYTERANGE:{length}@{offset}"
        yield address
        expected = msn + 1


def _live_header(segments: Sequence[Segment], window: LiveWindow, *, parts: bool) -> list[str]:
    control = "CAN-BLOCK-RELOAD=YES" + (f",PART-HOLD-BACK={_seconds(HOLD_BACK_SAMPLES)}" if parts else "")
    first = segments[0].msn if segments else (window.last_part or (0, 0))[0]
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        f"#EXT-X-TARGETDURATION:{TARGET_SECONDS}",
        f"#EXT-X-SERVER-CONTROL:{control},CAN-SKIP-UNTIL={_seconds(SKIP_SAMPLES)}",
        *([f"#EXT-X-PART-INF:PART-TARGET={_seconds(PART_SAMPLES)}"] if parts else ()),
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
    ]


def _live_segment(segment: Segment, suffix: str, *, with_parts: bool) -> Iterator[str]:
    if with_parts:
        for index, duration in enumerate(segment.parts):
            gap = ",GAP=YES" if index in segment.gaps else ""
            uri = f"{segment.msn}.{index}.m4s{suffix}"
            yield f'#EXT-X-PART:DURATION={_seconds(duration)},URI="{uri}",INDEPENDENT=YES{gap}'
    if segment.whole:
        if segment.gap:
            yield "#EXT-X-GAP"
        yield f"#EXTINF:{_seconds(segment.samples)},"
        yield f"{segment.msn}.m4s{suffix}"


def _reports(reports: Iterable[tuple[str, LiveWindow]], suffix: str) -> Iterator[str]:
    for uri, other in reports:
        if other.last_part is not None:
            msn, index = other.last_part
            address = _quoted(uri + suffix)
            yield f"#EXT-X-RENDITION-REPORT:URI={address},LAST-MSN={msn},LAST-PART={index}"


def following(part: tuple[int, int]) -> Position:
    """The part after `part`."""
    msn, index = part
    return Position(msn + 1, 0) if index + 1 == PARTS_PER_SEGMENT else Position(msn, index + 1)


def _count_skipped(segments: Sequence[Segment], end: int) -> int:
    """How many segments lie wholly before the skip boundary."""
    age = end
    for count, segment in enumerate(segments):
        age -= _listed_samples(segment)
        if age < SKIP_SAMPLES:
            return count
    return 0


def _listed_samples(segment: Segment) -> int:
    """What a playlist shows of a segment: all of it, or of a growing one the parts that are over."""
    return segment.samples if segment.whole else sum(segment.parts)


def _program_date_time(msn: int, origin_wallclock: float) -> str:
    moment = datetime.fromtimestamp(origin_wallclock + seconds(msn * SEGMENT_SAMPLES), UTC)
    return (
        f"#EXT-X-PROGRAM-DATE-TIME:{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z"
    )


def _codecs(feed: Feed) -> str:
    return feed.mime.partition('codecs="')[2].rstrip('"')


def _seconds(duration: int) -> str:
    """Samples as decimal seconds, to a hundredth of a millisecond, without idle zeros."""
    return f"{duration / SAMPLE_RATE:.5f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    assert not set('"\n') & set(text)  # addresses are made by the program (`address_suffix`)
    return f'"{text}"'


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
