"""What counts as held, and what does not."""

from typing import Any

import pytest

from hiwar.rehearsal import words
from hiwar.rehearsal.acts import NAMES
from hiwar.rehearsal.judging import judge_act, judge_packets, judge_recording, late_beyond
from hiwar.rehearsal.orders import Kept
from hiwar.rehearsal.records import Finding, RecordingReport, Spoken
from tests.rehearsal.reports import act, group, report


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


@pytest.mark.parametrize("name", NAMES)
def test_an_act_in_which_nothing_went_wrong_has_nothing_missed(name: str) -> None:
    played = act(name, back_s=1.0)
    assert [finding for finding in judge_act(played) if finding.met is False] == []


@pytest.mark.parametrize(
    ("name", "changed", "missed"),
    [
        ("pages", {"late_p999_ms": 3.0}, "late beyond control"),
        ("pages", {"late_p999_ms": None}, "late beyond control"),
        ("pages", {"skipped": 1}, "frames skipped"),
        ("pages", {"recorder_dropped": 1}, "recorder dropped"),
        ("pages", {"rungs": {"record-only": 0.5}}, "record-only"),
        ("pages", {"groups": {"seated": group(thrown_out=1)}}, "thrown out"),
        ("pages", {"groups": {"seated": group(gap_s=2.6, gap_intervals=1.4)}}, "longest gap"),
        ("pages", {"groups": {"seated": group(gap_intervals=2.1)}}, "gap in intervals"),
        ("worker", {"back_s": 3.1}, "back after the kill"),
        ("pages", {"groups": {"newcomers": group(first_answer_p95_s=1.1)}}, "first answer"),
        ("pages", {"groups": {"newcomers": group(answered=94)}}, "first answer"),
        ("pages", {"groups": {"newcomers": group(seated=94)}}, "newcomers seated"),
        ("bots", {"groups": {"invited": group(seated=94)}}, "invited seated"),
        (
            "full",
            {"groups": {"newcomers": group(waited=100, soon=Kept(told=200, wins=40, expected=50.0))}},
            "odds kept",
        ),
        (
            "full",
            {
                "groups": {
                    "newcomers": group(
                        waited=100,
                        soon=Kept(told=80, wins=30, expected=30.0),
                        minute=Kept(told=80, wins=30, expected=40.0),
                    )
                },
                "seconds": 60.5,
            },
            "odds of a minute kept",
        ),
    ],
)
def test_what_went_wrong_is_missed(name: str, changed: dict[str, Any], missed: str) -> None:
    found = by_name(judge_act(act(name, **changed)))
    assert [each for each, finding in found.items() if finding.met is False] == [missed]


def test_a_stage_no_later_than_the_control_is_not_late() -> None:
    assert late_beyond(act(late_p999_ms=9.0, control_p999_ms=8.0)) == pytest.approx(1.0)
    assert late_beyond(act(late_p999_ms=9.0, control_p999_ms=80.0)) == 0.0


@pytest.mark.parametrize(
    "changed",
    [{"frames": 0}, {"control_p999_ms": None}, {"late_p999_ms": None, "control_p999_ms": 25.0}],
)
def test_nothing_measured_is_nothing_said(changed: dict[str, Any]) -> None:
    played = act(**changed)
    assert late_beyond(played) is None
    assert by_name(judge_act(played))["late beyond control"].met is None


def test_a_crowd_that_did_not_look_says_nothing_of_gaps_and_of_newcomers() -> None:
    groups = {"seated": group(gap_s=9.0), "newcomers": group(answered=0, seated=0)}
    found = by_name(judge_act(act(inattention=0.6, groups=groups)))
    assert found["longest gap"].met is None
    assert found["first answer"].met is None
    assert {"gap in intervals", "newcomers seated"}.isdisjoint(found)


def test_where_seats_are_few_nobody_is_promised_one_but_the_odds_that_were_told() -> None:
    fair = group(seated=40, waited=100, soon=Kept(told=200, wins=40, expected=42.0, spread=20.0))
    found = by_name(judge_act(act("full", groups={"newcomers": fair})))
    assert "newcomers seated" not in found
    assert found["odds kept"].value == pytest.approx(0.02)
    assert "odds of a minute kept" not in found  # the act was too short to say


def test_chance_alone_misses_no_goal() -> None:
    noisy = group(seated=30, waited=100, soon=Kept(told=200, wins=30, expected=38.0, spread=25.0))
    assert by_name(judge_act(act("full", groups={"newcomers": noisy})))["odds kept"].met is True


def test_too_few_draws_say_nothing_about_odds() -> None:
    few = group(waited=10, soon=Kept(told=12, wins=9, expected=2.0))
    assert by_name(judge_act(act("full", groups={"newcomers": few})))["odds kept"].met is None


def test_a_group_of_a_few_is_not_judged() -> None:
    found = by_name(judge_act(act(groups={"newcomers": group(came=5, seated=0)})))
    assert "newcomers seated" not in found


def test_a_recording_is_whole_or_it_is_missed() -> None:
    whole = RecordingReport(seconds=60.0, findings=(), gaps=0, packets=6000)
    assert all(finding.met for finding in judge_recording(whole))
    torn = RecordingReport(seconds=60.0, findings=("opus: torn",), gaps=1, packets=6000)
    assert [finding.met for finding in judge_recording(torn)] == [False, False]


@pytest.mark.parametrize(("missing", "met"), [(0, True), (1, False), (None, None)])
def test_every_packet_is_in_its_track(missing: int | None, met: bool | None) -> None:
    spoken = Spoken(sent=1, received=1, heard=1, lost=0, missing=missing)
    assert judge_packets(act(spoken=spoken)).met is met


def test_a_report_counts_what_was_missed_in_acts_and_as_a_whole() -> None:
    played = act(skipped=1)
    played.findings = judge_act(played)
    made = report(
        played, findings=judge_recording(RecordingReport(seconds=1, findings=("x",), gaps=0, packets=1))
    )
    assert made.missed == 2


def test_everything_that_is_judged_has_words() -> None:
    everything = [*judge_act(act("full", groups={"newcomers": group(), "invited": group()}, back_s=1.0)),
                  *judge_act(act("worker", back_s=1.0)), *judge_act(act("bots")), judge_packets(act()),
                  *judge_recording(RecordingReport(seconds=1, findings=(), gaps=0, packets=1))]  # fmt: skip
    assert {finding.name for finding in everything} <= set(words.FINDINGS)
    assert {finding.unit for finding in everything} <= set(words.UNITS)
