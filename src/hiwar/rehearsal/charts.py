"""Pictures of the report: inline SVG without text, in the colours of the page's style. Pure.

Labels are the page's own text beside them, so that they wrap, print and are read aloud. Bars are as wide as
their box; what runs in time runs as the page is read, which its style mirrors for Arabic.
"""

from collections.abc import Callable, Sequence
from html import escape

from hiwar.admission.rungs import RUNGS
from hiwar.rehearsal.records import Row

WIDTH, HEIGHT, BAND = 1000, 200, 14
GAP_S = 3.0  # no row for longer: nothing is drawn
POINTS_MAX = 1200  # of a line; a long rehearsal is thinned out to its peaks


def bar(parts: Sequence[tuple[str, float]], whole: float, label: str) -> str:
    """A bar of parts, each of a kind (a class of the style); what is left of `whole` stays empty."""
    pieces, at = [], 0.0
    for kind, amount in parts:
        width = WIDTH * max(0.0, min(amount, whole - at * whole / WIDTH)) / whole if whole > 0 else 0.0
        pieces.append(f'<rect class="{kind}" x="{at:.1f}" width="{width:.1f}" height="10"/>')
        at += width
    return _svg(10, "bar", "".join(pieces), label)


def course(rows: Sequence[Row], borders: Sequence[float], label: str) -> str:
    """Listeners, seats, people waiting, over the rungs of the ladder; `borders` between acts, in seconds."""
    if len(rows) < 2:
        return _svg(HEIGHT, "course", "", label)
    start, end = rows[0].at_s, rows[-1].at_s
    scale = WIDTH / max(1e-9, end - start)
    top = course_top(rows)

    def place(at_s: float) -> float:
        return (at_s - start) * scale

    def height(value: float) -> float:
        return HEIGHT - BAND - (HEIGHT - BAND - 6) * min(1.0, value / top)

    shown = _thinned(rows)
    pieces = [_bands(rows, place)]
    for at_s in borders:
        if start <= at_s <= end:
            pieces.append(
                f'<line class="border" x1="{place(at_s):.1f}" x2="{place(at_s):.1f}" y2="{HEIGHT}"/>'
            )
    for kind, name in (("taken", "taken"), ("waiting", "waiting"), ("seats", "seats")):
        pieces += _curve(
            kind, [[(place(row.at_s), height(getattr(row, name))) for row in run] for run in shown]
        )
    return _svg(HEIGHT, "course", "".join(pieces), label)


def course_top(rows: Sequence[Row]) -> int:
    """What the top of `course` stands for: the most people there were, with some air."""
    most = max((max(row.taken, row.waiting) for row in rows), default=0)
    return max(10, round(most * 1.15))


def _bands(rows: Sequence[Row], place: Callable[[float], float]) -> str:
    """The rungs, as a strip below."""
    strip, began = [], 0
    for number in range(1, len(rows) + 1):
        if number < len(rows) and rows[number].rung == rows[began].rung:
            continue
        x = place(rows[began].at_s)
        end = place(rows[min(number, len(rows) - 1)].at_s)
        rung = RUNGS[rows[began].rung].value
        strip.append(
            f'<rect class="rung {rung}" x="{x:.1f}" width="{end - x:.1f}" y="{HEIGHT - BAND}" '
            f'height="{BAND}"/>'
        )
        began = number
    return "".join(strip)


def _curve(kind: str, runs: Sequence[Sequence[tuple[float, float]]]) -> list[str]:
    pieces = []
    for points in runs:
        path = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if kind == "taken":
            first, last = points[0][0], points[-1][0]
            ground = HEIGHT - BAND
            pieces.append(
                f'<path class="{kind} area" d="M{first:.1f},{ground}L{path}L{last:.1f},{ground}Z"/>'
            )
        pieces.append(f'<path class="{kind}" d="M{path}"/>')
    return pieces


def _thinned(rows: Sequence[Row]) -> list[list[Row]]:
    """Stretches without a gap, each of at most so many points that the whole has POINTS_MAX."""
    runs: list[list[Row]] = [[]]
    for row in rows:
        if runs[-1] and row.at_s - runs[-1][-1].at_s > GAP_S:
            runs.append([])
        runs[-1].append(row)
    step = max(1, -(-len(rows) // POINTS_MAX))
    return [_peaks(run, step) for run in runs if len(run) > 1]


def _peaks(run: list[Row], step: int) -> list[Row]:
    return [
        max(run[at : at + step], key=lambda row: row.taken + row.waiting) for at in range(0, len(run), step)
    ]


def _svg(height: int, kind: str, content: str, label: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{content}</svg>'
    )
