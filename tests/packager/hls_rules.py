"""Holds any HLS playlist against the rules of RFC 8216 and draft-pantos-hls-rfc8216bis.

`check_media` and `check_multivariant` read a text strictly and raise `BrokenRule` with the section;
`check_succession` compares two readings of one live playlist. Written from the rules, not from the
renderer, and knows nothing of it: end-to-end tests use it on what really came over HTTP.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal

_TAG = re.compile(r"#(EXT[A-Z0-9-]*)(?::(.*))?")
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_RANGE = re.compile(r"(\d+)@(\d+)", re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)

_ONCE = {
    "EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE", "EXT-X-PLAYLIST-TYPE",
    "EXT-X-ENDLIST", "EXT-X-SERVER-CONTROL", "EXT-X-PART-INF", "EXT-X-SKIP", "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-START",
}  # fmt: skip
_KNOWN = _ONCE | {
    "EXTINF", "EXT-X-BYTERANGE", "EXT-X-MAP", "EXT-X-PROGRAM-DATE-TIME", "EXT-X-GAP", "EXT-X-PART",
    "EXT-X-PRELOAD-HINT", "EXT-X-RENDITION-REPORT",
}  # fmt: skip


class BrokenRule(AssertionError):
    """A rule that the playlist breaks."""


@dataclass
class Part:
    uri: str
    duration: Decimal
    independent: bool
    gap: bool


@dataclass
class Segment:
    msn: int
    uri: str = ""
    duration: Decimal = Decimal(0)
    parts: list[Part] = field(default_factory=list)
    gap: bool = False
    byterange: tuple[int, int] | None = None
    map: dict[str, str] | None = None
    date: str | None = None

    @property
    def listed_duration(self) -> Decimal:
        return self.duration or sum((part.duration for part in self.parts), Decimal(0))


@dataclass
class Media:
    """A media playlist as read. `growing` holds the parts of the segment that is not over."""

    text: str
    tags: dict[str, str]
    segments: list[Segment]
    growing: Segment
    skipped: int
    hint: str | None
    reports: list[dict[str, str]]

    @property
    def first_msn(self) -> int:
        return int(self.tags.get("EXT-X-MEDIA-SEQUENCE", "0"))

    @property
    def target(self) -> int:
        return int(self.tags["EXT-X-TARGETDURATION"])

    @property
    def ended(self) -> bool:
        return "EXT-X-ENDLIST" in self.tags

    @property
    def control(self) -> dict[str, str]:
        return attributes(self.tags.get("EXT-X-SERVER-CONTROL", ""))


def check_media(text: str) -> Media:
    """The playlist, if it keeps every rule."""
    playlist = _read(text)
    _check_header(playlist)
    _check_version(playlist)
    _check_segments(playlist)
    _check_parts(playlist)
    _check_skip(playlist)
    return playlist


def check_multivariant(text: str) -> list[tuple[dict[str, str], str]]:
    """(attributes, uri) of each variant, if the playlist keeps the rules (section 4.4.6)."""
    lines = _lines(text)
    variants = []
    pending: dict[str, str] | None = None
    for line in lines[1:]:
        if line.startswith("#EXT-X-STREAM-INF:"):
            _rule(pending is None, "4.4.6.2: EXT-X-STREAM-INF must be followed by its URI")
            pending = attributes(line.partition(":")[2])
            _rule(pending.get("BANDWIDTH", "").isdigit(), "4.4.6.2: BANDWIDTH is required")
            _rule("CODECS" in pending, "4.4.6.2: CODECS should be there")
            average, peak = int(pending.get("AVERAGE-BANDWIDTH", "0")), int(pending["BANDWIDTH"])
            _rule(average <= peak, "4.4.6.2: the average cannot be above the peak")
        elif not line.startswith("#"):
            _rule(pending is not None, "4.4.6.2: a URI without EXT-X-STREAM-INF")
            variants.append((pending or {}, line))
            pending = None
        else:
            known = re.fullmatch(r"#EXT-X-(VERSION:\d+|INDEPENDENT-SEGMENTS)", line)
            _rule(known is not None, f"a media playlist's tag in a multivariant one: {line}")
    _rule(pending is None, "4.4.6.2: EXT-X-STREAM-INF must be followed by its URI")
    _rule(bool(variants), "a multivariant playlist needs a variant")
    return variants


def check_succession(old: Media, new: Media) -> None:
    """Two full (not delta) readings of one live playlist: `new` must not contradict `old` (6.2.1, 6.2.2)."""
    _rule(not old.skipped and not new.skipped, "succession is checked on full playlists")
    _rule(new.first_msn >= old.first_msn, "6.2.2: the media sequence number must not fall")
    _rule(new.target == old.target, "4.4.3.1: the target duration must not change")
    last_old = old.segments[-1].msn if old.segments else old.first_msn - 1
    last_new = new.segments[-1].msn if new.segments else new.first_msn - 1
    _rule(last_new >= last_old, "6.2.1: segments must not vanish from the end")
    after = {segment.msn: segment for segment in [*new.segments, new.growing]}
    for segment in old.segments:
        if segment.msn in after:
            same = after[segment.msn]
            _rule(
                (same.uri, same.duration, same.gap) == (segment.uri, segment.duration, segment.gap),
                f"6.2.1: segment {segment.msn} changed",
            )
    numbers = {segment.uri: segment.msn for segment in new.segments if not segment.gap}
    numbers = {} if any(segment.byterange for segment in new.segments) else numbers
    moved = [segment.uri for segment in old.segments if numbers.get(segment.uri, segment.msn) != segment.msn]
    _rule(not moved, f"6.2.1: segments got other numbers: {moved}")
    for before in [*old.segments, old.growing]:
        now = after.get(before.msn)
        if now is not None and now.parts:
            _rule(now.parts[: len(before.parts)] == before.parts, f"6.2.1: parts of {before.msn} changed")
    if old.ended:
        _rule(new.text == old.text, "6.2.1: nothing may change after EXT-X-ENDLIST")
    if old.hint is not None and not new.ended:
        parts = [part.uri for segment in after.values() for part in segment.parts]
        told = old.hint == new.hint or old.hint in parts or after.keys().isdisjoint({old.growing.msn})
        _rule(told or last_new > old.growing.msn, "4.4.5.3: a hinted part must come")


def attributes(text: str) -> dict[str, str]:
    """An attribute list (section 4.2) with quotes taken off; no name may come twice."""
    found: dict[str, str] = {}
    offset = 0
    while offset < len(text):
        match = _ATTRIBUTE.match(text, offset)
        _rule(match is not None, f"4.2: not an attribute list: {text}")
        assert match is not None
        _rule(match[1] not in found, f"4.2: {match[1]} comes twice")
        found[match[1]] = match[2].strip('"')
        offset = match.end()
    return found


def _rule(kept: bool, rule: str) -> None:
    if not kept:
        raise BrokenRule(rule)


def _lines(text: str) -> list[str]:
    _rule(text.endswith("\n"), "4.1: the last line must end too")
    _rule(re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]", text) is None, "4.1: control characters")
    lines = text.splitlines()
    _rule(lines[:1] == ["#EXTM3U"], "4.4.1.1: EXTM3U must be the first line")
    return lines


def _read(text: str) -> Media:
    playlist = Media(text, {}, [], Segment(0), 0, None, [])
    msn: int | None = None
    current = Segment(-1)
    for line in _lines(text):
        if not line or (line.startswith("#") and not line.startswith("#EXT")):
            continue
        match = _TAG.fullmatch(line)
        if match is None:
            _rule(not line.startswith("#"), f"4.1: not a tag: {line}")
            _rule(current.duration > 0 or current.gap, "4.4.4.1: a segment needs EXTINF")
            _rule(re.search(r'[\s"]', line) is None, f"4.1: not a URI: {line}")
            msn = playlist.first_msn + playlist.skipped if msn is None else msn + 1
            current.uri, current.msn = line, msn
            playlist.segments.append(current)
            current = Segment(msn + 1, map=current.map)
            continue
        _take_tag(playlist, current, match[1], match[2] or "")
    current.msn = playlist.first_msn + playlist.skipped if msn is None else msn + 1
    playlist.growing = current
    return playlist


def _take_tag(playlist: Media, current: Segment, tag: str, value: str) -> None:
    _rule(tag in _KNOWN, f"6.2: an unknown tag: {tag}")
    _rule(tag not in _ONCE or tag not in playlist.tags, f"4.4: {tag} must not come twice")
    if tag in _ONCE:
        playlist.tags[tag] = value
    if tag == "EXTINF":
        duration, comma, _title = value.partition(",")
        _rule(bool(comma) and _NUMBER.fullmatch(duration) is not None, f"4.4.4.1: EXTINF:{value}")
        current.duration = Decimal(duration)
    elif tag == "EXT-X-BYTERANGE":
        current.byterange = _byterange(value)
    elif tag == "EXT-X-MAP":
        current.map = attributes(value)
        _rule("URI" in current.map, "4.4.4.5: EXT-X-MAP needs a URI")
        if "BYTERANGE" in current.map:
            _byterange(current.map["BYTERANGE"])
    elif tag == "EXT-X-PROGRAM-DATE-TIME":
        _rule(_DATE.fullmatch(value) is not None, f"4.4.4.6: not a date: {value}")
        current.date = value
    elif tag == "EXT-X-GAP":
        current.gap = True
    elif tag == "EXT-X-PART":
        current.parts.append(_part(attributes(value)))
    elif tag == "EXT-X-PRELOAD-HINT":
        hint = attributes(value)
        _rule(hint.get("TYPE") in ("PART", "MAP") and "URI" in hint, "4.4.5.3: TYPE and URI are required")
        _rule(playlist.hint is None, "4.4.5.3: one hint of a type")
        playlist.hint = hint["URI"]
    elif tag == "EXT-X-RENDITION-REPORT":
        report = attributes(value)
        _rule({"URI", "LAST-MSN"} <= report.keys(), "4.4.5.4: URI and LAST-MSN are required")
        _rule(not re.match(r"[a-z]+:", report["URI"]), "4.4.5.4: the URI must be relative")
        playlist.reports.append(report)
    elif tag == "EXT-X-SKIP":
        _rule(not playlist.segments, "4.4.5.2: EXT-X-SKIP comes before all segments")
        playlist.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
        _rule(playlist.skipped > 0, "4.4.5.2: skips nothing")


def _byterange(value: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(value)
    _rule(match is not None, f"4.4.4.2: not <n>@<o>: {value}")
    assert match is not None
    return int(match[1]), int(match[2])


def _part(found: dict[str, str]) -> Part:
    _rule({"URI", "DURATION"} <= found.keys(), "4.4.4.9: URI and DURATION are required")
    for key in ("INDEPENDENT", "GAP"):
        _rule(found.get(key, "YES") == "YES", f"4.4.4.9: {key} can only be YES")
    return Part(found["URI"], Decimal(found["DURATION"]), "INDEPENDENT" in found, "GAP" in found)


def _check_header(playlist: Media) -> None:
    _rule("EXT-X-TARGETDURATION" in playlist.tags, "4.4.3.1: EXT-X-TARGETDURATION is required")
    _rule(playlist.tags["EXT-X-TARGETDURATION"].isdigit(), "4.4.3.1: a decimal integer")
    kind = playlist.tags.get("EXT-X-PLAYLIST-TYPE")
    _rule(kind in (None, "EVENT", "VOD"), "4.4.3.5: EVENT or VOD")
    _rule(kind != "VOD" or playlist.ended, "4.4.3.5: a VOD playlist does not change, so it has an end")
    if playlist.hint is not None:
        _rule(not playlist.ended, "4.4.5.3: no hint after the end")


def _check_version(playlist: Media) -> None:
    needed = 1
    if any("." in line for line in re.findall(r"#EXTINF:([^,]*)", playlist.text)):
        needed = 3
    if "EXT-X-BYTERANGE" in playlist.text:
        needed = max(needed, 4)
    if "EXT-X-MAP" in playlist.text:
        needed = max(needed, 6)
    if playlist.skipped:
        needed = max(needed, 9)
    _rule(int(playlist.tags.get("EXT-X-VERSION", "1")) >= needed, f"8: the version must be at least {needed}")


def _check_segments(playlist: Media) -> None:
    dated = False
    end_of: dict[str, int] = {}
    for segment in playlist.segments:
        _rule(round(segment.duration) <= playlist.target, f"4.4.3.1: {segment.uri} is over the target")
        _rule(segment.map is not None, "3.3: fragmented MP4 needs EXT-X-MAP")
        dated = dated or segment.date is not None
        if segment.byterange is not None:
            length, offset = segment.byterange
            _rule(length > 0, f"4.4.4.2: {segment.msn} is empty")
            _rule(offset >= end_of.get(segment.uri, 0), f"segment {segment.msn} overlaps the one before")
            end_of[segment.uri] = offset + length
    ranged = [segment.byterange is not None for segment in playlist.segments if not segment.gap]
    _rule(all(ranged) or not any(ranged), "byte ranges or whole files, not both")
    if playlist.segments:
        _rule(dated, "6.2.1, B.1: a date is needed")
    if not any(ranged):
        uris = [segment.uri for segment in playlist.segments]
        _rule(len(set(uris)) == len(uris), "each segment has its own address")


def _check_parts(playlist: Media) -> None:
    everything = [*playlist.segments, playlist.growing]
    parts = [part for segment in everything for part in segment.parts]
    if "EXT-X-PART-INF" not in playlist.tags:
        _rule(not parts and playlist.hint is None, "4.4.3.7: parts need EXT-X-PART-INF")
        return
    part_target = Decimal(attributes(playlist.tags["EXT-X-PART-INF"])["PART-TARGET"])
    hold_back = Decimal(playlist.control.get("PART-HOLD-BACK", "0"))
    _rule(hold_back >= 3 * part_target, "4.4.3.8: PART-HOLD-BACK should be at least three part targets")
    _rule(playlist.control.get("CAN-BLOCK-RELOAD") == "YES", "B.1: blocking reload is needed")
    _rule(len({part.uri for part in parts}) == len(parts), "each part has its own address")
    for segment in everything:
        _check_parts_of(segment, part_target, last=segment is everything[-1] or playlist.ended)
    age = sum((segment.listed_duration for segment in everything), Decimal(0))
    for segment in playlist.segments:
        age -= segment.duration
        near = age < 3 * playlist.target
        _rule(not segment.parts or near, f"6.2.2: parts of {segment.msn} are older than three targets")
        _rule(bool(segment.parts) or not near, f"B.1: segment {segment.msn} near the end has no parts")
    if not playlist.ended and parts:
        _rule(playlist.hint is not None, "B.1: a preload hint is needed")
        _rule(playlist.hint not in {part.uri for part in parts}, "4.4.5.3: the hinted part is here already")


def _check_parts_of(segment: Segment, part_target: Decimal, *, last: bool) -> None:
    for index, part in enumerate(segment.parts):
        _rule(part.duration <= part_target, f"4.4.4.9: {part.uri} is longer than the part target")
        final = index == len(segment.parts) - 1
        _rule(part.duration >= part_target * 85 / 100 or final, f"4.4.4.9: {part.uri} is too short")
    if segment.uri and segment.parts:
        total = sum((part.duration for part in segment.parts), Decimal(0))
        _rule(total == segment.duration, f"the parts of {segment.msn} do not add up to it")
        gap = any(part.gap for part in segment.parts)
        _rule(not gap or segment.gap, f"4.4.4.9: {segment.msn} has a part that is a gap and is none")
    _rule(bool(segment.uri) or last, "only the last segment can be growing")


def _check_skip(playlist: Media) -> None:
    if "CAN-SKIP-UNTIL" in playlist.control:
        boundary = Decimal(playlist.control["CAN-SKIP-UNTIL"])
        _rule(boundary >= 6 * playlist.target, "4.4.3.8: the skip boundary is at least six targets")
        if playlist.skipped:
            everything = [*playlist.segments, playlist.growing]
            left = sum((segment.listed_duration for segment in everything), Decimal(0))
            _rule(left >= boundary, "6.2.5.1: segments within the skip boundary were skipped")
    else:
        _rule(not playlist.skipped, "4.4.5.2: skipping was not offered")
