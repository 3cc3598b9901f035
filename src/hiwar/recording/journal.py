"""The journal: what happened, one JSON object a line, appended as it happens.

Every line has `kind`, `media_time` (samples at 48 kHz) and `wallclock` (UTC seconds), and what its kind
needs beside. The last line may be torn by a power cut: reading stops before it. A damaged line in
between is passed over and counted. From the lines follows where a conversation stands (`summarise`).
Pure: lines in, values out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

LINE_BYTES_MAX = 64 * 1024  # the longest is PREPARED with a few init segments of under 1 KiB
GAPS_MAX = 100_000  # a bound for hostile files; three hours lost chunk by chunk are 135,000 / 2


class JournalKind(StrEnum):
    """What a line says. The fields beside the common three are named here."""

    PREPARED = "prepared"  # the files were made; inits: {feed: base64 of its init bytes}
    OPENED = "opened"  # media time 0; boot_id, monotonic: the anchor
    RESUMED = "resumed"  # a new stage took over; incarnation, boot_id, monotonic (at its media_time)
    JOINED = "joined"  # person, name, role
    LEFT = "left"  # person
    REMOVED = "removed"  # person, actor
    RENAMED = "renamed"  # person, name
    MUTED = "muted"  # person
    UNMUTED = "unmuted"  # person
    WAITING = "waiting"  # everybody dropped
    ON_AIR = "on_air"  # somebody is back after WAITING
    GAP = "gap"  # [media_time, until) is missing: feed or person, count, reason
    FULL = "full"  # the disk refuses; what follows is kept in memory
    ROOM = "room"  # the disk takes again; refused_seconds
    DAMAGED = "damaged"  # a salvage replaced damaged chunks: feed, until, count
    ENDED = "ended"  # media_time is the length


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `fields` are what the kind has beside."""

    kind: JournalKind
    media_time: int
    wallclock: float
    fields: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field as text; '' where it is missing or no text."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float:
        """A field as a number; 0 where it is missing or no number."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Media time 0 on the clocks: `monotonic` counts only within the boot `boot_id`."""

    boot_id: str
    monotonic: float
    wallclock: float

    def elapsed_seconds(self, boot_id: str, monotonic: float, wallclock: float) -> float:
        """Seconds since media time 0, never negative. The wallclock decides only after another boot."""
        same_boot = bool(self.boot_id) and boot_id == self.boot_id
        return max(0.0, monotonic - self.monotonic if same_boot else wallclock - self.wallclock)


@dataclass(frozen=True, slots=True)
class Gap:
    """[start, end) in media time is missing from `feed`, or from the track of `person`."""

    start: int
    end: int
    feed: str = ""
    person: str = ""
    count: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """One stay of a speaker: [start, end) in media time; `end` is None while they are in."""

    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """Somebody who was there, by the journal."""

    id: str
    name: str
    role: str
    muted: bool = False
    present: tuple[Presence, ...] = ()

    @property
    def here(self) -> bool:
        return bool(self.present) and self.present[-1].end is None


@dataclass(frozen=True, slots=True)
class Summary:
    """Where the conversation stands after the last line."""

    phase: str = ""  # "" before OPENED, then "live", "waiting", "ended"
    anchor: Anchor | None = None
    incarnation: int = 0  # of the last stage that wrote; 0 if none did
    people: tuple[PersonSeen, ...] = ()
    gaps: tuple[Gap, ...] = ()
    ended: int | None = None  # media time


_PHASE_AFTER = {
    JournalKind.OPENED: "live",
    JournalKind.WAITING: "waiting",
    JournalKind.ON_AIR: "live",
    JournalKind.ENDED: "ended",
}
_COMMON = ("kind", "media_time", "wallclock")


def render_entry(entry: Entry) -> bytes:
    """The line, with its newline."""
    line = {"kind": entry.kind, "media_time": entry.media_time, "wallclock": entry.wallclock, **entry.fields}
    return msgspec.json.encode(line) + b"\n"


def parse_entry(line: bytes) -> Entry | None:
    """The entry of a line, or None if it is damaged or of a kind that this version does not know."""
    if len(line) > LINE_BYTES_MAX:
        return None
    try:
        value = msgspec.json.decode(line)
        kind = JournalKind(value["kind"])
        media_time, wallclock = value["media_time"], value["wallclock"]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        return None
    if type(media_time) is not int or media_time < 0 or not isinstance(wallclock, (int, float)):
        return None
    rest = {name: value[name] for name in value if name not in _COMMON}
    return Entry(kind, media_time, float(wallclock), rest)


def whole_length(content: bytes) -> int:
    """How many bytes of a journal are whole lines; what follows was torn."""
    return content.rfind(b"\n") + 1


def parse_journal(content: bytes) -> tuple[list[Entry], int]:
    """The entries of all whole lines, and how many lines were passed over as damaged."""
    lines = [line for line in content[: whole_length(content)].split(b"\n") if line]
    parsed = [parse_entry(line) for line in lines]
    entries = [entry for entry in parsed if entry is not None]
    return entries, len(parsed) - len(entries)


def summarise(entries: Iterable[Entry]) -> Summary:
    """Follow the lines in order."""
    summary, people = Summary(), dict[str, PersonSeen]()
    gaps: list[Gap] = []
    for entry in entries:
        if entry.kind is JournalKind.GAP and len(gaps) < GAPS_MAX:
            gaps.append(_gap(entry))
        _note_person(people, entry)
        summary = _note_course(summary, entry)
    return replace(summary, people=tuple(people.values()), gaps=tuple(gaps))


def _note_course(summary: Summary, entry: Entry) -> Summary:
    summary = replace(summary, phase=_PHASE_AFTER.get(entry.kind, summary.phase))
    if entry.kind in (JournalKind.OPENED, JournalKind.RESUMED):
        incarnation = int(entry.number("incarnation")) or summary.incarnation + 1
        anchor = summary.anchor or _anchor(entry)
        return replace(summary, incarnation=incarnation, anchor=anchor, phase=summary.phase or "live")
    if entry.kind is JournalKind.ENDED:
        return replace(summary, ended=entry.media_time)
    return summary


def _anchor(entry: Entry) -> Anchor:
    """From OPENED; or from RESUMED, if the line of OPENED was damaged."""
    elapsed = entry.media_time / 48_000
    return Anchor(entry.text("boot_id"), entry.number("monotonic") - elapsed, entry.wallclock - elapsed)


def _gap(entry: Entry) -> Gap:
    return Gap(
        entry.media_time,
        int(entry.number("until")),
        entry.text("feed"),
        entry.text("person"),
        int(entry.number("count")),
        entry.text("reason"),
    )


def _note_person(people: dict[str, PersonSeen], entry: Entry) -> None:
    person = entry.text("person")
    if entry.kind is JournalKind.ENDED:
        people.update({seen.id: _gone(seen, entry.media_time) for seen in people.values()})
    if not person or entry.kind is JournalKind.GAP:
        return
    seen = people.get(person, PersonSeen(person, entry.text("name") or person, entry.text("role")))
    match entry.kind:
        case JournalKind.JOINED:
            seen = replace(seen, name=entry.text("name") or seen.name, role=entry.text("role") or seen.role)
            seen = _come(seen, entry.media_time)
        case JournalKind.LEFT | JournalKind.REMOVED:
            seen = _gone(seen, entry.media_time)
        case JournalKind.RENAMED:
            seen = replace(seen, name=entry.text("name") or seen.name)
        case JournalKind.MUTED | JournalKind.UNMUTED:
            seen = replace(seen, muted=entry.kind is JournalKind.MUTED)
    people[person] = seen


def _come(seen: PersonSeen, media_time: int) -> PersonSeen:
    return seen if seen.here else replace(seen, present=(*seen.present, Presence(media_time)))


def _gone(seen: PersonSeen, media_time: int) -> PersonSeen:
    if not seen.here:
        return seen
    return replace(seen, present=(*seen.present[:-1], Presence(seen.present[-1].start, media_time)))
