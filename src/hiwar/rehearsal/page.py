"""The report as a page: one file with its fonts and pictures in it, in Arabic and English, without a script.

It says first whether everything held, then what the machine carries, then what happened. The style is the
house's (`design.css`: tokens, base, layout) and `report.css`.
"""

import base64
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from hiwar.assets import STATIC
from hiwar.ops.clock import utc
from hiwar.rehearsal import charts, words
from hiwar.rehearsal.judging import late_beyond, share
from hiwar.rehearsal.records import ActReport, Finding, Report
from hiwar.rehearsal.words import TEXT, of, text

LATE_MS_MIN, LATE_MS_MAX = 5.0, 20.0  # what the bars of lateness are drawn against, at least and at most
FACES = (
    ("Hiwar Sans", "plex-sans", "latin", 400),
    ("Hiwar Sans", "plex-sans", "latin", 600),
    ("Hiwar Sans", "plex-sans", "arabic", 400),
    ("Hiwar Sans", "plex-sans", "arabic", 600),
    ("Hiwar Headline", "markazi", "latin", 600),
    ("Hiwar Headline", "markazi", "arabic", 600),
)
_ARABIC_RANGE = "U+0600-06FF, U+0750-077F, U+08A0-08FF, U+200C-200E, U+2010-2011, U+FB50-FDFF, U+FE70-FEFC"
_EXCERPT = re.compile(r"/\* ---- Tokens ---- \*/.*?(?=/\* ---- Header and footer ---- \*/)", re.DOTALL)


def render_page(report: Report, language: str) -> str:
    """The whole page; `language` is shown first."""
    title = escape(text(language, TEXT["title"]))
    checked = {each: " checked" if each == language else "" for each in words.LANGUAGES}
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{_direction(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title} · Hiwar</title>'
        f'<style>{_style()}</style></head><body><div class="page">'
        f'<input class="languages" type="radio" name="language" id="show-ar"{checked["ar"]}>'
        f'<input class="languages" type="radio" name="language" id="show-en"{checked["en"]}>'
        '<div class="switch"><label for="show-ar" lang="ar">العربية</label>'
        '<label for="show-en" lang="en">English</label></div>'
        + "".join(_article(report, each) for each in words.LANGUAGES)
        + "</div></body></html>\n"
    )


def figure(value: float | None, unit: str, language: str) -> str:
    """A measured number as people read it."""
    if value is None:
        return text(language, TEXT["not told"])
    if unit == "share":
        return f"{100 * value:.1f}".rstrip("0").rstrip(".") + " %"
    shown = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{shown} {of(words.UNITS, unit, language)}".strip()


def _direction(language: str) -> str:
    return "rtl" if language == "ar" else "ltr"


def _article(report: Report, language: str) -> str:
    parts = [
        _lead(report, language),
        _seats(report, language),
        _course(report, language),
        _lateness(report, language),
        _fate(report, language),
        _acts(report, language),
        _whole(report, language),
        _end(report, language),
    ]
    return f'<article lang="{language}" dir="{_direction(language)}">{"".join(parts)}</article>'


def _lead(report: Report, language: str) -> str:
    at = utc(report.at_wallclock).strftime("%Y-%m-%d %H:%M UTC")
    machine = report.machine
    shown = {
        "when": at,
        "lasted": figure(report.seconds / 60, "", language) + {"ar": " د", "en": " min"}[language],
        "machine": f"{machine['processor']} · {machine['cores']} × · {machine['memory_gib']} GiB",
        "listeners": f"{report.listeners:,}",
    }
    facts = "".join(
        f"<dt>{escape(text(language, TEXT[name]))}</dt><dd><bdi>{escape(value)}</bdi></dd>"
        for name, value in shown.items()
    )
    quick = f"<p>{escape(text(language, TEXT['quick']))}</p>" if report.quick else ""
    return (
        f'<header class="lead">{_mark()}<h1>{escape(text(language, TEXT["title"]))}</h1>'
        f"{_outcome(report, language)}{quick}"
        f'<p class="soft prose">{escape(text(language, TEXT["same machine"]))}</p>'
        f'<dl class="facts">{facts}</dl></header>'
    )


def _outcome(report: Report, language: str) -> str:
    everything = report.all_findings
    untold = sum(finding.met is None for finding in everything)
    beside = f" · {text(language, TEXT['unknown']).format(n=untold)}" if untold else ""
    if not report.missed:
        return f'<div class="outcome">{escape(text(language, TEXT["all met"]) + beside)}</div>'
    said = text(language, TEXT["missed"]).format(n=report.missed, all=len(everything))
    rows = [
        f"<li>{escape(of(words.ACTS, act.name, language))}: {_sentence(finding, language)}</li>"
        for act in report.acts
        for finding in act.findings
        if finding.met is False
    ]
    rows += [
        f"<li>{_sentence(finding, language)}</li>" for finding in report.findings if finding.met is False
    ]
    return f'<div class="outcome" data-kind="missed">{escape(said + beside)}<ul>{"".join(rows)}</ul></div>'


def _sentence(finding: Finding, language: str) -> str:
    name = of(words.FINDINGS, finding.name, language)
    measured = figure(finding.value, finding.unit, language)
    return f"{escape(name)} <bdi>{measured}</bdi> ({_goal(finding, language)})"


def _goal(finding: Finding, language: str) -> str:
    said = text(language, TEXT["at least" if finding.at_least else "at most"])
    return f"<bdi>{said.format(x=figure(finding.limit, finding.unit, language))}</bdi>"


def _section(name: str, content: str, language: str) -> str:
    about = f"{name} about"
    told = f'<p class="about">{escape(text(language, TEXT[about]))}</p>' if about in TEXT else ""
    return f"<section><h2>{escape(text(language, TEXT[name]))}</h2>{told}{content}</section>"


def _seats(report: Report, language: str) -> str:
    if not report.seats:
        return ""
    most = max(each.seats for each in report.seats)
    rows = []
    for each in report.seats:
        label = f"{each.seats:,} · {of(words.BOUNDS, each.by, language)}"
        micros = f"{each.micros:.1f} µs"
        rows.append(
            f'<span class="name"><bdi>{each.interval_ms} {of(words.UNITS, "ms", language)}</bdi></span>'
            f"{charts.bar([('is-main', each.seats)], most, label)}"
            f'<span class="value">{escape(label)} <span class="soft">({escape(micros)})</span></span>'
        )
    return _section("seats", f'<div class="bars">{"".join(rows)}</div>', language)


def _course(report: Report, language: str) -> str:
    rows = report.rows
    if len(rows) < 2:
        return ""
    top, label = charts.course_top(rows), text(language, TEXT["course about"])
    start, lasted = rows[0].at_s, max(1e-9, rows[-1].at_s - rows[0].at_s)
    ticks = "".join(
        f'<span style="--at: {100 * (act.began_s + act.seconds / 2 - start) / lasted:.1f}">{number}</span>'
        for number, act in enumerate(report.acts, 1)
    )
    curves = (
        ("taken", "seated", ""),
        ("waiting", "waiting", " data-line"),
        ("seats", "capacity", " data-line"),
    )
    legend = "".join(
        f'<li class="{kind}"{line}>{escape(text(language, TEXT[name]))}</li>' for kind, name, line in curves
    )
    there = {row.rung for row in rows}
    legend += "".join(
        f'<li class="{rung}">{escape(text(language, said))}</li>'
        for number, (rung, said) in enumerate(words.RUNGS.items())
        if number in there
    )
    borders = [act.began_s for act in report.acts]
    return _section(
        "course",
        f'<div class="course-head"><span>{top:,}</span></div>{charts.course(rows, borders, label)}'
        f'<div class="ticks">{ticks}</div><ul class="legend">{legend}</ul>',
        language,
    )


def _lateness(report: Report, language: str) -> str:
    known = [act.late_p999_ms or LATE_MS_MAX for act in report.acts]
    whole = min(LATE_MS_MAX, max([LATE_MS_MIN, *known]))
    rows = []
    for act in report.acts:
        late = LATE_MS_MAX if act.late_p999_ms is None else act.late_p999_ms
        beyond = late_beyond(act)
        kind = "is-bad" if beyond is not None and beyond > 2 else "is-main"
        stage = (
            text(language, TEXT["over 20 ms"]) if act.late_p999_ms is None else figure(late, "ms", language)
        )
        alone = figure(act.control_p999_ms, "ms", language)
        rows.append(
            f'<span class="name">{escape(of(words.ACTS, act.name, language))}</span><span class="pair">'
            f"{charts.bar([(kind, late)], whole, stage)}"
            f"{charts.bar([('is-beside', act.control_p999_ms or 0.0)], whole, alone)}</span>"
            f'<span class="value"><bdi>{stage}</bdi> <span class="soft"><bdi>{alone}</bdi></span></span>'
        )
    legend = "".join(
        f'<li class="{kind}">{escape(text(language, TEXT[name]))}</li>'
        for kind, name in (("is-main", "stage"), ("is-beside", "control"))
    )
    content = f'<ul class="legend">{legend}</ul><div class="bars">{"".join(rows)}</div>'
    return _section("lateness", content, language) if report.acts else ""


def _fate(report: Report, language: str) -> str:
    rows = []
    for act in report.acts:
        new = act.groups.get("newcomers")
        if new is None or not new.came:
            continue
        unanswered = new.came - new.answered
        parts = [
            ("is-good", float(new.seated)),
            ("is-wait", float(new.came - new.seated - unanswered)),
            ("is-bad", float(unanswered)),
        ]
        label = f"{new.seated:,} / {new.came:,} · {figure(share(new.seated, new.came), 'share', language)}"
        rows.append(
            f'<span class="name">{escape(of(words.ACTS, act.name, language))}</span>'
            f'{charts.bar(parts, new.came, label)}<span class="value"><bdi>{label}</bdi></span>'
        )
    legend = "".join(
        f'<li class="{kind}">{escape(text(language, TEXT[name]))}</li>'
        for kind, name in (("is-good", "got seat"), ("is-wait", "still waiting"), ("is-bad", "no answer"))
    )
    content = f'<ul class="legend">{legend}</ul><div class="bars">{"".join(rows)}</div>'
    return _section("fate", content, language) if rows else ""


def _acts(report: Report, language: str) -> str:
    cards = "".join(_act(number, act, language) for number, act in enumerate(report.acts, 1))
    return _section("acts", f'<div class="acts">{cards}</div>', language) if cards else ""


def _act(number: int, act: ActReport, language: str) -> str:
    missed = " data-missed" if any(finding.met is False for finding in act.findings) else ""
    name, about = of(words.ACTS, act.name, language), of(words.ABOUT, act.name, language)
    return (
        f'<div class="act"{missed}><h3><span>{escape(name)}</span><span class="number">{number}</span></h3>'
        f"<p>{escape(about)}</p>{_findings(act.findings, language)}"
        f'<p class="more">{"<br>".join(_more(act, language))}</p></div>'
    )


def _findings(findings: Iterable[Finding], language: str) -> str:
    rows = []
    for finding in findings:
        key, met = {True: ("met", "true"), False: ("not met", "false"), None: ("not told", "none")}[
            finding.met
        ]
        measured = figure(finding.value, finding.unit, language) if finding.value is not None else "–"
        rows.append(
            f"<tr><td>{escape(of(words.FINDINGS, finding.name, language))}</td>"
            f'<td class="figure"><bdi>{measured}</bdi></td><td class="figure">{_goal(finding, language)}</td>'
            f'<td class="verdict" data-met="{met}">{escape(text(language, TEXT[key]))}</td></tr>'
        )
    head = "".join(f"<th>{escape(text(language, TEXT[name]))}</th>" for name in ("measured", "goal"))
    return f"<table><thead><tr><th></th>{head}<th></th></tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _more(act: ActReport, language: str) -> list[str]:
    """Figures without a goal, a line each."""

    def named(name: str, value: str) -> str:
        return f"{escape(text(language, TEXT[name]))}: <bdi>{escape(value)}</bdi>"

    lines = []
    if act.attack:
        lines.append(named("attack", _counts(act.attack)))
    if act.verdicts:
        lines.append(named("verdicts", _counts(act.verdicts)))
    spoken, missing = act.spoken, "–" if act.spoken.missing is None else str(act.spoken.missing)
    said = text(language, TEXT["spoken text"])
    lines.append(
        named(
            "spoken",
            said.format(sent=spoken.sent, received=spoken.received, lost=spoken.lost, missing=missing),
        )
    )
    hall = act.groups.get("hall")
    if hall is not None and hall.came:
        people = text(language, TEXT["people"])
        lines.append(named("hall", people.format(came=hall.came, seated=hall.seated, answered=hall.answered)))
    if act.kept_max_s is not None:
        lines.append(named("kept", f"p50 {act.kept_p50_s:.1f} s, max {act.kept_max_s:.1f} s"))
    rungs = ", ".join(
        f"{of(words.RUNGS, rung, language)} {seconds:.0f} {of(words.UNITS, 's', language)}"
        for rung, seconds in act.rungs.items()
        if seconds >= 0.5
    )
    lines.append(named("rungs", rungs or "–"))
    lines.append(named("processes", _processes(act, language)))
    percent = figure(act.inattention, "share", language)
    lines.append(escape(text(language, TEXT["inattention"]).format(percent=percent)))
    return lines


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)


def _processes(act: ActReport, language: str) -> str:
    return ", ".join(
        f"{role} {each.cpu_percent:.0f} %, {each.descriptors}, {each.own_mib:.0f} MiB ({each.grown_mib:+.0f})"
        for role, each in act.processes.items()
        if each.descriptors
    )


def _whole(report: Report, language: str) -> str:
    said = text(language, TEXT["recording text"])
    lines = [
        f"{escape(text(language, TEXT['recording']))}: <bdi>"
        + said.format(seconds=each.seconds, packets=f"{each.packets:,}", findings=len(each.findings))
        + "</bdi>"
        for each in report.recordings
    ]
    lines += [escape(found) for each in report.recordings for found in each.findings[:20]]
    told = f'<p class="more">{"<br>".join(lines)}</p>'
    return _section("whole", f'<div class="act">{_findings(report.findings, language)}{told}</div>', language)


def _end(report: Report, language: str) -> str:
    given = " · ".join(f"{key} = {value}" for key, value in report.settings.items() if value)
    return (
        f'<footer class="end"><p>{escape(text(language, TEXT["made by"]))} Hiwar {escape(report.version)} · '
        f"<bdi>{escape(given)}</bdi></p></footer>"
    )


def _style() -> str:
    design = (STATIC / "design.css").read_text(encoding="utf-8")
    found = _EXCERPT.search(design)
    own = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    return "".join([*(_face(*face) for face in FACES), found.group() if found else "", own])


def _face(family: str, file: str, script: str, weight: int) -> str:
    font = base64.b64encode((STATIC / f"fonts/{file}-{script}-{weight}.woff2").read_bytes()).decode()
    covered = f" unicode-range: {_ARABIC_RANGE};" if script == "arabic" else ""
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight};{covered} '
        f'src: url(data:font/woff2;base64,{font}) format("woff2"); }}\n'
    )


def _mark() -> str:
    mark = (STATIC / "brand/mark.svg").read_text(encoding="utf-8")
    return mark.replace("<svg ", '<svg class="mark" ', 1)
