"""The command as people and programs call it, in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hiwar.cli.doctor import _uplink
from hiwar.cli.serve import _has_operator
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import load_settings
from hiwar.rehearsal.certificate import make_certificate
from hiwar.tokens.token import Kind, parse_token
from tests.running import free_port


def hiwar(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HIWAR_DATA_DIR": str(folder / "data"),
        "HIWAR_RUNTIME_DIR": str(folder / "run"),
        **{f"HIWAR_{key}": value for key, value in settings.items()},
    }
    command = [sys.executable, "-m", "hiwar", *arguments]
    return subprocess.run(
        command, check=False, env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_open_prints_links_for_everybody_and_programs_read_them(tmp_path: Path) -> None:
    done = hiwar(tmp_path, "open", "حوار مفتوح", "--guests", "2", "--cohosts", "1", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["title"] == "حوار مفتوح"
    assert [link["serial"] for link in made["links"]] == ["h1", "c1", "g1", "g2"]
    assert all("#" in link["address"] for link in made["links"])
    assert (tmp_path / f"data/conversations/{made['id']}/specification.json").exists()
    assert (tmp_path / "data/secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_link_only_conversation_has_a_voucher_in_its_listeners_link(tmp_path: Path) -> None:
    made = json.loads(hiwar(tmp_path, "open", "closed", "--link-only", "--json").stdout)
    assert "?v=" in made["listen"]


def test_invitations_are_personal_and_of_this_conversation(tmp_path: Path) -> None:
    made = json.loads(hiwar(tmp_path, "open", "x", "--json").stdout)
    addresses = json.loads(hiwar(tmp_path, "invite", made["id"], "--count", "3", "--json").stdout)
    key = load_secrets(tmp_path / "data").token_key
    tokens = [
        parse_token(address.partition("?v=")[2], key, kind=Kind.VOUCHER, conversation=made["id"], wallclock=0)
        for address in addresses
    ]
    assert len({token.subject for token in tokens}) == 3
    assert {token.role for token in tokens} == {"p"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("invite", "nothing123"), "no such conversation"),
        (("invite", "../../etc"), "no such conversation"),
        (("invite", "x", "--count", "٣"), "--count"),
        (("open",), "title"),
        (("open", "   "), "needs a title"),
        (("open", "x", "--guests", "٣"), "--guests"),
        (("open", "x", "--guests", "9999"), "40"),
        (("recordings", "verify", "../../etc"), "no recording"),
        (("recordings", "salvage", "abcdefghij"), "no recording"),
        (("nothing",), "nothing"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = hiwar(tmp_path, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "edge", "status", "doctor"])
def test_a_bad_setting_ends_every_command_with_one_sentence(tmp_path: Path, command: str) -> None:
    done = hiwar(tmp_path, command, EDGE_PORT="٨٠٠٠")
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "hiwar: edge_port = '٨٠٠٠': must be a whole number from 1 to 65535 (digits 0-9)"
    )


def test_status_where_nothing_runs_says_how_to_start(tmp_path: Path) -> None:
    assert "hiwar serve" in hiwar(tmp_path, "status").stdout
    report = json.loads(hiwar(tmp_path, "status", "--json").stdout)
    assert (report["processes"], report["conversations"]) == ([], [])


def test_no_recordings_is_said_so(tmp_path: Path) -> None:
    assert "No recordings yet" in hiwar(tmp_path, "recordings", "list").stdout
    assert json.loads(hiwar(tmp_path, "recordings", "list", "--json").stdout) == []


def test_doctor_finds_nothing_bad_on_a_free_machine(tmp_path: Path) -> None:
    ports = {f"{name}_PORT": str(free_port()) for name in ("EDGE", "BACKSTAGE", "METRICS")}
    done = hiwar(tmp_path, "doctor", "--json", **ports)
    findings = json.loads(done.stdout)
    assert {finding["check"] for finding in findings} >= {"ports", "codecs", "disk", "webrtc", "clock"}
    assert [finding for finding in findings if finding["level"] == "bad"] == []
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "1,000 listeners take 64 Mbit/s, 36 with lighter renditions"),
        ({"EGRESS_MBIT": "100"}, "100 Mbit/s carry some 1,250 listeners, 2,222 with the lighter renditions"),
        ({"EGRESS_MBIT": "100", "LIGHTER_RENDITIONS": "off"}, "100 Mbit/s carry some 1,250 listeners"),
    ],
)
def test_doctor_reckons_with_both_renditions_where_both_are_made(settings: dict[str, str], said: str) -> None:
    loaded = load_settings({f"HIWAR_{key}": value for key, value in settings.items()}, Path(os.devnull))
    found = [finding.found for finding in _uplink(loaded)]
    assert any(text.endswith(said) for text in found), found


def test_doctor_tells_a_taken_port_and_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    import socket

    cert, key = make_certificate(tmp_path, "localhost", days=3)
    (tmp_path / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as died:
        died.bind(str(tmp_path / "run/web.http"))  # a file that a crash left behind
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {
            "EDGE_PORT": str(taken.getsockname()[1]),
            "METRICS_PORT": str(taken.getsockname()[1]),
            "EDGE_TLS_CERT": str(cert),
            "EDGE_TLS_KEY": str(key),
        }
        done = hiwar(tmp_path, "doctor", "--json", **settings)
    told = json.loads(done.stdout)
    findings = {(finding["check"], finding["level"]) for finding in told}
    assert done.returncode == 1
    assert sum(one["check"] == "ports" and one["level"] == "bad" for one in told) >= 2
    assert ("certificates", "warn") in findings


def test_a_second_serve_on_the_same_data_is_refused(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "run").mkdir(mode=0o700)
    with (tmp_path / "run/serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = hiwar(tmp_path, "serve")
    assert done.returncode == 2
    assert "already runs" in done.stderr


def test_serve_makes_the_operator_also_where_open_came_first(tmp_path: Path) -> None:
    database = tmp_path / "data" / "hiwar.sqlite3"
    assert not _has_operator(database)
    assert hiwar(tmp_path, "open", "first").returncode == 0
    assert not _has_operator(database)
    assert json.loads(hiwar(tmp_path, "prepare").stdout)["password"]
    assert _has_operator(database)
