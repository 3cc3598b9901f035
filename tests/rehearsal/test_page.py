"""The report as a page."""

import re
from html.parser import HTMLParser

import pytest

from hiwar.rehearsal import charts, words
from hiwar.rehearsal.acts import NAMES
from hiwar.rehearsal.judging import judge_act, judge_packets
from hiwar.rehearsal.page import figure, render_page
from hiwar.rehearsal.records import Report, Row
from tests.rehearsal.reports import act, group, report

VOID = {"meta", "input", "br", "rect", "line", "path", "link"}


def full() -> Report:
    acts = [act(name, began_s=10.0 * number) for number, name in enumerate(NAMES)]
    acts[3].skipped = 2
    acts[4].late_p999_ms = None
    acts[5].groups["hall"] = group(came=200)
    acts[6].kept_p50_s, acts[6].kept_max_s = 3.0, 5.1
    for each in acts:
        each.findings = [*judge_act(each), judge_packets(each)]
    return report(*acts)


class Checker(HTMLParser):
    """Every tag is closed where it has to be; texts by language."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_page_is_whole_without_scripts_and_asks_nobody_for_anything(language: str) -> None:
    page = render_page(full(), language)
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert "script" not in checker.tags
    outside = re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!data:)[^)]*\)|@import', page)
    assert outside == []
    assert f'<html lang="{language}"' in page
    assert f'id="show-{language}" checked' in page


def test_both_languages_are_there_with_their_direction() -> None:
    page = render_page(full(), "ar")
    assert '<article lang="ar" dir="rtl">' in page
    assert '<article lang="en" dir="ltr">' in page
    for table in (words.ACTS, words.ABOUT):
        for said in table.values():
            assert said.arabic in page
            assert said.english.replace("'", "&#x27;") in page


def test_what_was_missed_is_said_first() -> None:
    page = render_page(full(), "en").split('<article lang="en"')[1]
    assert 'class="outcome" data-kind="missed"' in page
    assert page.index("<li>Huge requests: ") < page.index("<h2>")
    held = report(act())
    held.acts[0].findings = judge_act(held.acts[0])
    assert "Everything that has to hold, held" in render_page(held, "en")


def test_what_comes_from_the_machine_is_escaped() -> None:
    page = render_page(full(), "en")
    assert "A <processor>" not in page
    assert "A &lt;processor&gt;" in page


def test_a_rehearsal_without_acts_is_a_page_too() -> None:
    page = render_page(report(seats=[], rows=[]), "ar")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []


def test_a_quick_one_says_that_it_promises_nothing() -> None:
    assert "no promise" in render_page(report(act(), quick=True), "en")
    assert "no promise" not in render_page(report(act()), "en")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "s", "not measured"), (0.955, "share", "95.5 %"), (1.0, "share", "100 %"), (0.0, "ms", "0 ms"),
        (1234567.0, "", "1,234,567"), (0.0123, "s", "0.0123 s"), (2.349, "s", "2.35 s"),
        (150.4, "ms", "150 ms"),
    ],
)  # fmt: skip
def test_figures_read_as_people_write_them(value: float | None, unit: str, shown: str) -> None:
    assert figure(value, unit, "en") == shown


def row(at_s: float, **changed: int) -> Row:
    plain = {"rung": 0, "taken": 10, "seats": 100, "waiting": 0, **changed}
    return Row(at_s, plain["rung"], plain["taken"], plain["seats"], plain["waiting"], 1.0, 160, 0.5, 10)


def test_a_bar_is_never_longer_than_its_box() -> None:
    drawn = charts.bar([("is-good", 60.0), ("is-wait", 90.0)], 100.0, "x")
    assert sum(float(width) for width in re.findall(r'width="([0-9.]+)" height', drawn)) == pytest.approx(
        1000.0
    )
    assert 'aria-label="x &amp; y"' in charts.bar([], 0.0, "x & y")


def test_rungs_are_drawn_one_beside_the_other() -> None:
    rows = [row(float(at), rung=at // 10) for at in range(31)]
    drawn = charts.course(rows, [5.0, 99.0], "x")
    found = re.findall(r'class="rung ([a-z-]+)" x="([0-9.]+)" width="([0-9.]+)"', drawn)
    assert [rung for rung, _, _ in found][:3] == ["open", "busy", "limited"]
    assert float(found[1][1]) == pytest.approx(float(found[0][1]) + float(found[0][2]), abs=0.2)
    assert drawn.count('class="border"') == 1  # one border lies outside


def test_where_nothing_was_seen_nothing_is_drawn() -> None:
    rows = [row(0.0), row(0.5), row(30.0), row(30.5)]
    assert charts.course(rows, [], "x").count('class="waiting"') == 2
    assert "path" not in charts.course([row(0.0)], [], "x")


def test_a_long_course_is_thinned_to_its_peaks() -> None:
    rows = [row(at / 4, taken=500 if at == 5003 else 10) for at in range(10_000)]
    drawn = charts.course(rows, [], "x")
    assert drawn.count("L") < 4 * charts.POINTS_MAX
    assert ",6.0" in drawn or charts.course_top(rows) == 575
