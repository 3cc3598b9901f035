"""What `hiwar doctor` says of seats, cores, the kernel's help, proxies and known networks."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hiwar.admission.capacity import Bound
from hiwar.cli import doctor_front
from hiwar.cli.doctor_front import cores_found, reckon_seats, rules_of, standing
from hiwar.cli.findings import Finding
from hiwar.edge import kernel
from hiwar.ops.cores import Machine, Rights
from hiwar.ops.placement import decide_plan, own_rights, place_clock
from hiwar.ops.settings import Settings, load_settings
from tests.cli.test_commands import hiwar


def settings(**given: str) -> Settings:
    return load_settings({f"HIWAR_{key}": value for key, value in given.items()}, Path(os.devnull))


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.found) for finding in findings]


def test_the_seats_are_reckoned_with_all_bounds_and_the_least_is_named() -> None:
    capacity = reckon_seats(settings(EGRESS_MBIT="10"))
    assert (capacity.seats, capacity.by) == (222, Bound.EGRESS)
    (finding,) = doctor_front._seats(settings(EGRESS_MBIT="10"))
    assert finding.found.startswith("about 222 listeners at once, bound by egress (")
    assert all(name in finding.found for name in ("processor", "descriptors", "memory", "table 65,536"))


def test_few_seats_are_a_warning_and_the_setting_is_named_as_such() -> None:
    (finding,) = doctor_front._seats(settings(SEATS_MAX="50"))
    assert finding.level == "warn"
    assert "about 50 listeners at once, bound by setting" in finding.found


def test_descriptors_without_a_bound_are_bounded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (-1, -1))
    assert reckon_seats(settings()).bounds[Bound.DESCRIPTORS] == int(1_048_576 * 0.8)


@pytest.mark.parametrize(
    ("wish", "hindrance", "level", "found"),
    [
        ("off", "", "ok", "off; it could be on"),
        ("on", "", "ok", "on"),
        ("off", "no right", "ok", "off, and not possible for this user: no right"),
        ("on", "no right", "warn", "on, and not possible for this user: no right"),
    ],
)
def test_whether_the_kernel_can_help_is_said_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, wish: str, hindrance: str, level: str, found: str
) -> None:
    monkeypatch.setattr(kernel, "check_nft", lambda settings: hindrance)
    assert said(list(doctor_front._kernel_help(settings(KERNEL_HELP=wish)))) == [(level, found)]


def test_behind_a_proxy_the_kernels_help_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "check_nft", lambda settings: "")
    findings = list(doctor_front._kernel_help(settings(KERNEL_HELP="on", TRUSTED_PROXIES="10.0.0.1/32")))
    assert [finding.level for finding in findings] == ["ok", "warn"]


@pytest.mark.parametrize(
    ("machine", "workers", "expected"),
    [
        (Machine((0, 1)), 1, [("ok", "core 1 for the speakers, 0 for the front door")]),
        (Machine((0,)), 1, [("warn", "1 core(s): speakers and front door share them, by rank only")]),
        (
            Machine((0, 1), quota=1.5),
            1,
            [
                ("warn", "2 core(s): speakers and front door share them, by rank only"),
                ("warn", "the control group gives 1.5 cores' time: used up, all of it stops, speakers too"),
            ],
        ),
        (
            Machine((0, 1), receiving=frozenset({0, 1})),
            1,
            [
                ("ok", "core 1 for the speakers, 0 for the front door"),
                ("warn", "the network's interrupts come to the speakers' core 1 too"),
            ],
        ),
        (
            Machine((0, 1, 2, 3)),
            4,
            [
                ("ok", "core 3 for the speakers, 0,1,2 for the front door"),
                ("warn", "4 workers share 3 core(s), and each reckons with a whole one"),
            ],
        ),
    ],
)
def test_what_the_cores_allow_is_said(
    machine: Machine, workers: int, expected: list[tuple[str, str]]
) -> None:
    findings = list(cores_found(machine, decide_plan(machine), workers))
    assert said(findings) == expected
    assert all(finding.mend for finding in findings if finding.level == "warn")


@pytest.mark.parametrize(
    ("rights", "autogroups", "level", "told"),
    [
        (Rights(come_first=True, real_time=True), True, "ok", "can be real-time threads"),
        (Rights(come_first=True, real_time=False), True, "warn", "cannot be real-time threads"),
        (Rights(come_first=False, real_time=True), False, "warn", "the others step back"),
        (Rights(come_first=False, real_time=False), True, "warn", "cannot be real-time threads, and stages"),
    ],
)
def test_rights_that_are_missing_are_said_with_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, rights: Rights, autogroups: bool, level: str, told: str
) -> None:
    monkeypatch.setattr(doctor_front, "own_rights", lambda: rights)
    monkeypatch.setattr(doctor_front, "_autogroups", lambda: autogroups)
    (finding,) = doctor_front._rights()
    assert finding.level == level
    assert told in finding.found
    assert ("LimitRTPRIO=1" in finding.mend) is (level == "warn")
    assert ("sched_autogroup_enabled" in finding.mend) is (autogroups and not rights.come_first)


def test_autogroups_are_looked_up_where_the_system_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_front.Path, "read_text", lambda path, **kind: "1\n")
    assert doctor_front._autogroups()

    def missing(path: Path, **kind: str) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(doctor_front.Path, "read_text", missing)
    assert not doctor_front._autogroups()


def test_placement_that_is_off_is_a_warning_and_what_runs_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(PLACEMENT="off", DATA_DIR=str(tmp_path / "data"), RUNTIME_DIR=str(tmp_path / "run"))
    running = [{"role": "web", "pid": os.getpid()}, {"role": "archive", "pid": 2**22 + 1}]
    monkeypatch.setattr(doctor_front, "processes", lambda runtime: running)
    findings = list(doctor_front._placement(given))
    assert [finding.level for finding in findings] == ["warn", "ok"]
    assert findings[1].found == f"web {os.getpid()}: {standing(os.getpid())}"


def test_placement_that_is_on_says_what_cores_and_rights_allow(tmp_path: Path) -> None:
    given = settings(DATA_DIR=str(tmp_path / "data"), RUNTIME_DIR=str(tmp_path / "run"))
    assert len(list(doctor_front._placement(given))) >= 2


def test_a_process_is_shown_with_its_cores_its_rank_and_its_real_time_threads() -> None:
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    assert standing(os.getpid()) == f"core {cores}, niceness {os.getpriority(os.PRIO_PROCESS, 0)}"
    with pytest.raises(OSError, match="No such process"):
        standing(2**22 + 1)
    if not own_rights().real_time:
        pytest.skip("real-time threads are not allowed here")
    lines = (
        f"from {place_clock.__module__} import place_clock; place_clock('auto'); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert ", a real-time thread on core " in standing(process.pid)
        process.communicate(b"\n")


@pytest.mark.parametrize(
    ("given", "level", "told"),
    [
        ({}, None, ""),
        ({"PUBLIC_URL": "http://talk.example.org", "EDGE_HOST": "0.0.0.0"}, None, ""),
        ({"PUBLIC_URL": "https://talk.example.org"}, "warn", "all who come are one address"),
        ({"PUBLIC_URL": "https://talk.example.org", "EDGE_HOST": "0.0.0.0"}, "warn", "no proxy is trusted"),
        ({"TRUSTED_PROXIES": "10.0.0.1/32"}, "ok", "by X-Forwarded-For"),
        ({"TRUSTED_PROXIES": "10.0.0.1/32", "PROXY_PROTOCOL": "true"}, "ok", "by a PROXY v2 header"),
        ({"PROXY_PROTOCOL": "true"}, "bad", "nobody is trusted"),
        ({"TRUSTED_PROXIES": "10.0.0.1/32, ::/0"}, "bad", "everybody may say whose address they have"),
    ],
)
def test_proxies_that_do_not_fit_together_are_found(
    given: dict[str, str], level: str | None, told: str
) -> None:
    findings = list(doctor_front._proxies(settings(**given)))
    assert [finding.level for finding in findings][:1] == ([level] if level else [])
    assert not findings or told in findings[0].found


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ("", None),
        ("192.0.2.0/24, 2001:db8::/32", "ok"),
        ("192.0.2.0/24, 96.0.0.0/4", "warn"),
        ("2000::/3", "warn"),
    ],
)
def test_known_networks_that_are_half_the_world_are_a_warning(known: str, level: str | None) -> None:
    findings = list(doctor_front._known(settings(KNOWN_NETWORKS=known)))
    assert [finding.level for finding in findings] == ([level] if level else [])


def test_the_rules_are_printed_and_nothing_else(tmp_path: Path) -> None:
    done = hiwar(tmp_path, "doctor", "--rules", EDGE_HOST="0.0.0.0", EDGE_PORT="443")
    assert done.returncode == 0
    assert done.stdout == rules_of(settings(EDGE_HOST="0.0.0.0", EDGE_PORT="443"))
    assert "tcp dport != 443 accept" in done.stdout
