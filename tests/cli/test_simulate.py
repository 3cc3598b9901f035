"""`hiwar simulate`, in processes of its own."""

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import hiwar


def test_it_writes_the_report_and_the_picture_and_tells_what_came_of_it(tmp_path: Path) -> None:
    done = hiwar(tmp_path, "simulate", "botnet", "--scale", "0.05", "--json", "b.json", "--svg", "b.svg")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "b.json").read_text())
    assert report["populations"][0]["seated"] > 0.8
    assert report["machine"]["cpu_s"] > 0
    assert report["machine"]["memory_mb"] > 10
    assert (tmp_path / "b.svg").read_text().startswith("<svg")
    for word in ("people", "botnet", "limited at", "processor time"):
        assert word in done.stdout


def test_a_seed_decides_what_comes_of_it(tmp_path: Path) -> None:
    found = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        options = ("--scale", "0.02", "--seats", "500", "--seed", seed, "--json", f"{name}.json")
        assert hiwar(tmp_path, "simulate", "big-botnet", *options).returncode == 0
        found.append(json.loads((tmp_path / f"{name}.json").read_text()))
    one, same, other = ({key: each[key] for key in ("populations", "series", "moves")} for each in found)
    assert one == same != other


def test_without_a_name_it_lists_the_scenarios(tmp_path: Path) -> None:
    done = hiwar(tmp_path, "simulate")
    assert done.returncode == 0
    for name in ("storm", "botnet", "gpu-farm", "hoarders", "table-flood"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("strom",), "no scenario 'strom'; there are storm, botnet"),
        (("botnet", "--scale", "0"), "scale: 0 is not above 0"),
        (("botnet", "--edges", "900"), "edges: 900 is not within 1 and 64"),
        (("botnet", "--seats", "0"), "seats: 0 is not within 1"),
        (("botnet", "--json", "nowhere/b.json"), "cannot write nowhere/b.json"),
        (("botnet", "--seed", "x"), "--seed"),
    ],
)
def test_a_wrong_call_ends_with_2_and_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = hiwar(tmp_path, "simulate", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
