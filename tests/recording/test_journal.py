"""The journal: lines in, where the conversation stands out."""

from hypothesis import given
from hypothesis import strategies as st

from hiwar.recording.journal import (
    Anchor,
    Entry,
    JournalKind,
    Presence,
    parse_entry,
    parse_journal,
    render_entry,
    summarise,
    whole_length,
)

K = JournalKind
names = st.text(max_size=20)
entries = st.builds(
    Entry,
    st.sampled_from(JournalKind),
    st.integers(0, 2**48),
    st.floats(0, 1e10),
    st.dictionaries(st.sampled_from(["person", "name", "reason", "until"]), names | st.integers(0, 9)),
)


def line(kind: JournalKind, media_time: int, **fields: object) -> Entry:
    return Entry(kind, media_time, 1000.0 + media_time / 48_000, fields)


@given(entries)
def test_a_line_reads_as_it_was_written(entry: Entry) -> None:
    text = render_entry(entry)
    assert text.count(b"\n") == 1
    assert parse_entry(text) == entry


@given(st.lists(entries, max_size=8), st.integers(0, 2000))
def test_a_torn_journal_gives_all_whole_lines(written: list[Entry], cut: int) -> None:
    lines = [render_entry(entry) for entry in written]
    content = b"".join(lines)[:cut]
    found, damaged = parse_journal(content)
    assert damaged == 0
    assert found == written[: len(found)]
    assert whole_length(content) == sum(map(len, lines[: len(found)]))
    assert len(found) == len(written) or len(content) < whole_length(content) + len(lines[len(found)])


@given(st.lists(entries, min_size=1, max_size=8), st.data())
def test_flipped_bytes_never_raise_and_cost_at_most_two_lines(
    written: list[Entry], data: st.DataObject
) -> None:
    content = bytearray(b"".join(map(render_entry, written)))
    at = data.draw(st.integers(0, len(content) - 2))
    content[at] ^= data.draw(st.integers(1, 255))
    found, _ = parse_journal(bytes(content))
    assert sum(entry in found for entry in written) >= len(written) - 2
    summarise(found)


@given(st.binary(max_size=300))
def test_what_is_no_journal_is_passed_over(content: bytes) -> None:
    found, _ = parse_journal(content)
    summarise(found)


def test_a_conversation_is_followed_from_opening_to_end() -> None:
    summary = summarise(
        [
            line(K.OPENED, 0, boot_id="b", monotonic=50.0),
            line(K.JOINED, 0, person="h1", name="Host", role="host"),
            line(K.JOINED, 480, person="g1", name="Guest", role="guest"),
            line(K.MUTED, 900, person="g1"),
            line(K.LEFT, 1000, person="g1"),
            line(K.WAITING, 2000),
            line(K.ON_AIR, 3000),
            line(K.GAP, 3000, until=3840, feed="opus", count=1, reason="x"),
            line(K.JOINED, 4000, person="g1"),
            line(K.RENAMED, 4000, person="g1", name="Somebody"),
            line(K.ENDED, 5000),
        ]
    )
    assert (summary.phase, summary.ended, summary.incarnation) == ("ended", 5000, 1)
    assert summary.anchor == Anchor("b", 50.0, 1000.0)
    host, guest = summary.people
    assert host.present == (Presence(0, 5000),)
    assert (guest.name, guest.role, guest.muted) == ("Somebody", "guest", True)
    assert guest.present == (Presence(480, 1000), Presence(4000, 5000))
    assert [(gap.feed, gap.start, gap.end) for gap in summary.gaps] == [("opus", 3000, 3840)]


def test_the_monotonic_clock_decides_within_a_boot_and_the_wallclock_after_another() -> None:
    anchor = Anchor("boot-1", 100.0, 5000.0)
    assert anchor.elapsed_seconds("boot-1", 130.0, 9999.0) == 30.0
    assert anchor.elapsed_seconds("boot-2", 7.0, 5060.0) == 60.0
    assert anchor.elapsed_seconds("boot-2", 7.0, 4000.0) == 0.0


def test_a_lost_opening_line_is_made_up_for_by_the_next_stage() -> None:
    summary = summarise([line(K.RESUMED, 48_000, incarnation=3, boot_id="b", monotonic=80.0)])
    assert summary.anchor == Anchor("b", 79.0, 1000.0)
    assert (summary.incarnation, summary.phase) == (3, "live")
