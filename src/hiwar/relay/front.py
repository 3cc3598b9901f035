"""How the front door stands and what the host wishes of it: two files, each with one writer.

    <runtime>/front.json          `FrontState`, by the edge's parent, once a second
    <runtime>/front-wishes.json   `FrontWishes`, by backstage, when a host or co-host changes something

Rules
- Each file is replaced whole. Neither process asks the other anything, so backstage answers also where
  the front door hangs, and the front door stands where backstage is away.
- Reading fails closed: a file that is missing, too long, of another form or out of range is None. Then
  the pages say that the front door does not report, and the front door does as it would by itself.
- A state says when it was written; after `STALE_S` it is no longer news.
- Every number is finite: JSON has no other, and a file with one is damaged.
- Wishes are wishes. The speakers' health sets the bound, never the host.

`more` and `fewer` only ever count up, so that a wish is carried out once however often it is read: the
reader acts on the difference to what it saw before. What it finds at its own start is where it counts
from, and so is a number lower than the last (the file was lost and begun anew).
"""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from hiwar.admission.capacity import Bound
from hiwar.admission.rungs import RUNGS, Rung
from hiwar.relay.directory import Directory, replace_file

WRITE_S = 1.0  # how often the edge's parent writes
STALE_S = 5.0  # several writes missed: the edge's parent is gone or hangs
HISTORY_S = 5.0  # between two rows of the history
HISTORY_MAX = 120  # ten minutes
BACK_TO_NORMAL_S = 60.0  # how long the last notice, that all is as usual again, is shown
NOTICES_MAX = 20  # more moves than the ladder's dwell allows in ten minutes
NOTICE_CHARS_MAX = 1000
SEATS_MAX = 1_000_000  # beyond what any one machine serves; a number above it is a slip of the hand
FRONT_BYTES_MAX = 256 * 1024  # all notices and rows at their longest, and some
STEP_SHARE = 10  # one "let more people in" is a tenth of the seats there are: felt, and no leap
STEP_MIN = 10

_Record = TypeVar("_Record")
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Amount = Annotated[float, msgspec.Meta(ge=0)]
_Text = Annotated[str, msgspec.Meta(max_length=NOTICE_CHARS_MAX)]


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate answered, each a second."""

    admit: _Amount = 0.0
    challenge: _Amount = 0.0
    wait: _Amount = 0.0
    refuse: _Amount = 0.0


class FrontNotice(msgspec.Struct, frozen=True, kw_only=True):
    """The text drafted at one move of the ladder; `at_wallclock` is also its name."""

    at_wallclock: float
    from_: Rung = msgspec.field(name="from")
    to: Rung
    arabic: _Text
    english: _Text


class FrontRow(msgspec.Struct, frozen=True, array_like=True):
    """How it stood at one time: a JSON array in this order. `rung` is its place in `RUNGS`."""

    at_wallclock: float
    rung: Annotated[int, msgspec.Meta(ge=0, le=len(RUNGS) - 1)]
    taken: _Count
    seats: _Count
    waiting: _Count
    arrivals_per_s: _Amount
    interval_ms: _Count
    lateness_ms: _Amount


class FrontState(msgspec.Struct, frozen=True, kw_only=True):
    """How the front door stands. `seats` is the capacity now and `by` what binds it; `taken` of them are
    somebody's, and of these on `away` nobody listens just now (in their grace, or not come yet); `waiting`
    people have none. `lateness_ms` is p99.9
    of the speakers' frames of the last seconds, `busy` the share of the busiest worker's time."""

    at_wallclock: float
    rung: Rung
    since_wallclock: float
    held: Rung | None = None
    seats: _Count
    by: Bound
    taken: _Count
    away: _Count
    waiting: _Count
    arrivals_per_s: _Amount
    joins_per_s: _Amount
    verdicts_per_s: Verdicts
    interval_ms: _Count
    lighter: bool  # newcomers get the lighter renditions
    parts: bool  # playlists name parts
    lateness_ms: _Amount
    recorder_lag_s: _Amount
    speakers_well: bool
    busy: Annotated[float, msgspec.Meta(ge=0, le=1)]
    notices: Annotated[tuple[FrontNotice, ...], msgspec.Meta(max_length=NOTICES_MAX)] = ()  # newest last
    history: Annotated[tuple[FrontRow, ...], msgspec.Meta(max_length=HISTORY_MAX)] = ()  # newest last


class FrontWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the host wishes. Without any, everything is automatic. `hold`: never an easier rung than this
    (`record-only` is not the host's to order: only the speakers' health leads there)."""

    hold: Rung | None = None
    seats: Annotated[int, msgspec.Meta(ge=1, le=SEATS_MAX)] | None = None
    more: _Count = 0  # how often "let more people in" was pressed
    fewer: _Count = 0
    notices: Literal["auto", "ask", "off"] = "auto"
    approved: Annotated[tuple[float, ...], msgspec.Meta(max_length=NOTICES_MAX)] = ()  # by `at_wallclock`
    by: str = ""  # the serial of the link that wished last
    at_wallclock: float = 0.0


def seats_step(seats: int) -> int:
    """By how many seats one `more` raises, or one `fewer` lowers, a capacity of `seats`: a tenth, at least
    `STEP_MIN`, cut to two figures so that a button can name it."""
    tenth = max(STEP_MIN, seats // STEP_SHARE)
    unit: int = 10 ** (len(str(tenth)) - 2)
    return tenth // unit * unit


def shown_notice(state: FrontState | None, wishes: FrontWishes, wallclock: float) -> FrontNotice | None:
    """What the public is to be told now: the text of the last move, while the front door stands where that
    move led. None where it does not report, where the host holds the text back, and where all is as usual;
    that it is so again is told for `BACK_TO_NORMAL_S`."""
    if state is None or wallclock - state.at_wallclock > STALE_S or not state.notices:
        return None
    notice = state.notices[-1]
    if notice.to is not state.rung or wishes.notices == "off":
        return None
    if notice.to is Rung.OPEN and wallclock - notice.at_wallclock > BACK_TO_NORMAL_S:
        return None
    return None if wishes.notices == "ask" and notice.at_wallclock not in wishes.approved else notice


def read_front_state(directory: Directory) -> FrontState | None:
    """The state as last written, however old; None where there is none that can be read."""
    return _read(directory.front_file, FrontState)


def write_front_state(directory: Directory, state: FrontState) -> None:
    _write(directory.front_file, state)


def read_front_wishes(directory: Directory) -> FrontWishes | None:
    """The wishes as last written; None where nobody wished anything, or it cannot be read."""
    return _read(directory.front_wishes_file, FrontWishes)


def write_front_wishes(directory: Directory, wishes: FrontWishes) -> None:
    _write(directory.front_wishes_file, wishes)


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        with path.open("rb") as file:
            content = file.read(FRONT_BYTES_MAX + 1)
    except OSError:
        return None
    if len(content) > FRONT_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _write(path: Path, record: FrontState | FrontWishes) -> None:
    """Not synced: the runtime folder is forgotten at a restart, and a writer must not wait for a disk."""
    replace_file(path, msgspec.json.encode(record), synced=False)
