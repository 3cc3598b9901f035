"""A report as one SVG: seats, the door and the newcomers over time, with the rung behind them. Pure.

Panels lie under each other on one axis of time. Behind each is a band in the colour of the worst rung of all
edges, so that it is seen what the door did when. Colours are told apart in grey as well, and each line has
its name in the legend of its panel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from hiwar.admission.rungs import RUNGS
from hiwar.sim.report import Report

WIDTH, LEFT, RIGHT, TOP = 1000, 76, 230, 108
PANEL, GAP, FOOT = 190, 36, 26
RUNG_COLOURS = ("#ffffff", "#f6f0da", "#f9ddb8", "#f3b9a8", "#c9a3c4")
SMOOTHED = 9  # rows: with fifty joins in each, parts to 2 %
INK, FAINT = "#1c1b19", "#d8d4ca"
GREEN, RED, GREY, BLUE, ORANGE, VIOLET = "#2c7a4b", "#b3261e", "#8a8578", "#1f5fa8", "#c26a00", "#6b3fa0"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """Named points; `filled` down to the line before it in a stack, else a stroke, `dashed` or not."""

    name: str
    colour: str
    points: Points
    filled: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`lines` over time; `most` is the top of the scale, which is logarithmic from 1 on if `by_tens`."""

    title: str
    lines: tuple[Line, ...]
    most: float
    by_tens: bool = False
    percent: bool = False


def render_picture(report: Report) -> str:
    """The SVG of a report that has at least one row."""
    panels = (_seats(report), _door(report), _newcomers(report))
    height = TOP + len(panels) * (PANEL + GAP) + FOOT
    across = _across(report.seconds)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f'<title>{escape(report.title)}</title><rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_head(report),
    ]
    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + GAP)
        parts += _bands(report, across, top)
        parts += _frame(panel, top)
        parts += _lines(panel, across, top)
    bottom = TOP + len(panels) * (PANEL + GAP) - GAP
    return "\n".join([*parts, *_time_axis(report.seconds, across, bottom), "</svg>", ""])


def _seats(report: Report) -> Panel:
    series = report.series
    honest = series["honest"]
    both = [one + other for one, other in zip(honest, series["bots"], strict=True)]
    lines = (
        Line("won, or kept for a while", GREY, _over(report, series["taken"]), filled=True),
        Line("bots", RED, _over(report, both), filled=True),
        Line("honest listeners", GREEN, _over(report, honest), filled=True),
        Line("seats there are", INK, _over(report, series["seats"]), dashed=True),
    )
    return Panel("Seats", lines, max(*series["seats"], 1.0) * 1.05)


def _door(report: Report) -> Panel:
    series = report.series
    named = (
        ("waiting in the room", "waiting", ORANGE),
        ("questions for a seat", "asks", GREY),
        ("refused", "refused", RED),
        ("no answer", "unanswered", VIOLET),
        ("newcomers", "arrivals", BLUE),
        ("joined", "joins", GREEN),
    )
    lines = tuple(Line(name, colour, _over(report, series[key])) for name, key, colour in named)
    most = max(max(series[key], default=0.0) for _, key, _ in named)
    return Panel("At the door: people, and a second", lines, max(10.0, most), by_tens=True)


def _newcomers(report: Report) -> Panel:
    came = report.newcomers
    seated = [(at, 100 * share) for at, share in zip(came.seconds, came.seated, strict=True)]
    told = [(at, 100 * share) for at, share in zip(came.seconds, came.told, strict=True) if share is not None]
    bots = tuple((at, 100 * part) for at, part in _over(report, _smooth(report.series["bots_part"])))
    lines = (
        Line("honest: seated in their patience", GREEN, seated),
        Line("honest: the chance they were told", BLUE, told, dashed=True),
        Line("bots: their part of seats taken", RED, bots),
    )
    return Panel("Honest newcomers, by when they came; and what bots got", lines, 100.0, percent=True)


def _smooth(values: Sequence[float]) -> list[float]:
    """The mean of each with the up to `SMOOTHED` before it."""
    spans = [values[max(0, number - SMOOTHED) : number + 1] for number in range(len(values))]
    return [sum(span) / len(span) for span in spans]


def _over(report: Report, values: Sequence[float]) -> Points:
    return tuple(zip(report.series["seconds"], values, strict=True))


def _across(seconds: float) -> Callable[[float], float]:
    width = WIDTH - LEFT - RIGHT
    return lambda at: LEFT + width * min(at, seconds) / max(seconds, 1e-9)


def _up(panel: Panel, top: float) -> Callable[[float], float]:
    if panel.by_tens:
        tens = ceil(log10(panel.most))
        return lambda value: top + PANEL * (1 - log10(max(value, 1.0)) / tens)
    return lambda value: top + PANEL * (1 - min(value, panel.most) / panel.most)


def _head(report: Report) -> list[str]:
    edges = (
        f"{report.edges} edges, {report.seats:,} seats each"
        if report.edges > 1
        else f"{report.seats:,} seats"
    )
    parts = [
        f'<text x="16" y="30" font-size="18" font-weight="600">{escape(report.title)}</text>',
        f'<text x="16" y="50" fill="#4a473f">{edges}; simulated. Behind: the worst rung of all edges</text>',
    ]
    for number, rung in enumerate(RUNGS):
        x = 16 + 110 * number
        parts.append(
            f'<rect x="{x}" y="60" width="16" height="14" fill="{RUNG_COLOURS[number]}" stroke="{GREY}"/>'
            f'<text x="{x + 22}" y="71">{rung.value}</text>'
        )
    return parts


def _bands(report: Report, across: Callable[[float], float], top: float) -> list[str]:
    """One for each time that the rung stays the same."""
    seconds, rungs = report.series["seconds"], report.series["rung"]
    parts, start = [], 0.0
    for number, rung in enumerate(rungs):
        last = number + 1 == len(rungs)
        if last or rungs[number + 1] != rung:
            x, end = across(start), across(seconds[number])
            colour = RUNG_COLOURS[int(rung)]
            parts.append(
                f'<rect x="{x:.1f}" y="{top}" width="{end - x:.1f}" height="{PANEL}" fill="{colour}"/>'
            )
            start = seconds[number]
    return parts


def _frame(panel: Panel, top: float) -> list[str]:
    up, right = _up(panel, top), WIDTH - RIGHT
    parts = [f'<text x="{LEFT}" y="{top - 7}" font-weight="600">{escape(panel.title)}</text>']
    for value in _marks(panel):
        y, text = up(value), f"{value:,.0f}{' %' if panel.percent else ''}"
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#4a473f">{text}</text>'
        )
    return parts


def _marks(panel: Panel) -> list[float]:
    """The values with a line: tens, or four to eight round numbers."""
    if panel.by_tens:
        return [10.0**power for power in range(ceil(log10(panel.most)) + 1)]
    step = _round_step(panel.most / 5)
    return [step * number for number in range(floor(panel.most / step) + 1)]


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, the first that is not less."""
    power: float = 10.0 ** floor(log10(least))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= least * (1 - 1e-9))


def _lines(panel: Panel, across: Callable[[float], float], top: float) -> list[str]:
    up, parts = _up(panel, top), []
    for number, line in enumerate(panel.lines):
        path = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in line.points)
        if line.points and line.filled:
            first, last = across(line.points[0][0]), across(line.points[-1][0])
            base = f"{last:.1f},{top + PANEL} {first:.1f},{top + PANEL}"
            parts.append(f'<polygon points="{path} {base}" fill="{line.colour}" fill-opacity="0.85"/>')
        elif line.points:
            dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.6"{dashes}/>'
            )
        parts += _legend(line, WIDTH - RIGHT + 14, top + 16 + 20 * number)
    return parts


def _legend(line: Line, x: float, y: float) -> list[str]:
    dashes = ' stroke-dasharray="6 4"' if line.dashed else ""
    width = 10 if line.filled else 3
    return [
        f'<line x1="{x}" x2="{x + 18}" y1="{y - 4}" y2="{y - 4}" stroke="{line.colour}" '
        f'stroke-width="{width}"{dashes}/><text x="{x + 24}" y="{y}">{escape(line.name)}</text>'
    ]


def _time_axis(seconds: float, across: Callable[[float], float], y: float) -> list[str]:
    """In seconds, or in minutes where it is longer than five of them."""
    unit, name = (60.0, "minutes") if seconds > 300 else (1.0, "seconds")
    step = _round_step(seconds / unit / 10)
    parts = [
        f'<text x="{across(step * unit * number):.1f}" y="{y + 18}" text-anchor="middle" fill="#4a473f">'
        f"{step * number:g}</text>"
        for number in range(floor(seconds / unit / step) + 1)
    ]
    middle = (across(0) + across(seconds)) / 2
    return [
        *parts,
        f'<text x="{middle:.1f}" y="{y + 40}" text-anchor="middle">{name} of simulated time</text>',
    ]
