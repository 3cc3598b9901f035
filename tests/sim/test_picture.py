"""A report as records and as a picture."""

import json
from dataclasses import replace
from xml.etree import ElementTree

from hiwar.sim.picture import render_picture
from hiwar.sim.report import Report
from hiwar.sim.scenarios import scenario_named
from tests.sim.worlds import report_of

SVG = "{http://www.w3.org/2000/svg}"


def tenth() -> Report:
    return report_of(replace(scenario_named("botnet").resized(scale=0.05), seconds=100))


def test_a_report_is_plain_records() -> None:
    report = tenth()
    records = json.loads(json.dumps(report.records(), allow_nan=False))
    assert records["populations"][0]["name"] == "people"
    assert {len(column) for column in records["series"].values()} == {100}
    assert records["totals"]["moves"] == len(records["moves"])
    assert len(records["newcomers"]["seconds"]) == len(records["newcomers"]["told"]) > 10


def test_the_picture_names_what_it_shows() -> None:
    report = tenth()
    root = ElementTree.fromstring(render_picture(report))
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert report.title in texts
    for text in (
        "Seats",
        "bots",
        "honest listeners",
        "waiting in the room",
        "limited",
        "seconds of simulated time",
    ):
        assert text in texts
    assert len(list(root.iter(f"{SVG}polygon"))) == 3
    assert len(list(root.iter(f"{SVG}polyline"))) == 1 + 6 + 3


def test_nothing_is_drawn_outside() -> None:
    root = ElementTree.fromstring(render_picture(tenth()))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for each in root.iter(f"{SVG}polyline"):
        for point in each.attrib["points"].split():
            across, down = map(float, point.split(","))
            assert 0 <= across <= width
            assert 0 <= down <= height


def test_where_nobody_was_told_a_chance_there_is_no_line_of_it() -> None:
    report = tenth()
    untold = replace(report.newcomers, told=[None for _ in report.newcomers.told])
    assert render_picture(replace(report, newcomers=untold)).count("<polyline") == 9


def test_many_edges_and_minutes_are_said_so() -> None:
    picture = render_picture(replace(tenth(), edges=3, seconds=900.0, title="a < b"))
    assert "3 edges, 2,500 seats each" in picture
    assert "minutes of simulated time" in picture
    assert "a &lt; b" in picture


def test_all_honest_people_are_one_and_all_bots() -> None:
    report = report_of(replace(scenario_named("one-address").resized(scale=0.05), seconds=190))
    assert report.honest.people == sum(each.people for each in report.populations if each.honest)
    assert report.bots.name == "bots"
    nobody = replace(report, populations=[])
    assert nobody.honest.people == nobody.bots.sitting == 0
    assert nobody.records()["populations"] == []
