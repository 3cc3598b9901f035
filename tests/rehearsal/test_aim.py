"""A rehearsal reaches nothing but what it started."""

import ast
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.main import get_command

import hiwar.rehearsal
from hiwar.rehearsal.aim import (
    LOOPBACK,
    MARK_VARIABLE,
    Aim,
    NotOurs,
    ask,
    begin_connection,
    descendants,
    is_loopback,
)

MARK = "5f" * 16
LISTEN = """
import socket, sys
bound = socket.create_server((sys.argv[1], 0))
print(bound.getsockname()[1], flush=True)
sys.stdin.read()
"""
CONNECTING = ("connect", "connect_ex", "create_connection", "HTTPConnection", "sendto", "urlopen")


@contextlib.contextmanager
def listener(mark: str = MARK, address: str = LOOPBACK) -> Iterator[tuple[int, int]]:
    """A child that listens: its port and its pid."""
    environment = {**os.environ, MARK_VARIABLE: mark}
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN, address],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.communicate("")


def test_a_marked_child_of_ours_is_ours() -> None:
    with listener() as (port, pid):
        Aim(port, MARK, os.getpid()).check()
        assert pid in descendants(os.getpid())


@pytest.mark.parametrize("mark", ["", "short", "6f" * 16, "*" * 32])
def test_who_does_not_carry_the_mark_is_refused(mark: str) -> None:
    with listener() as (port, _), pytest.raises(NotOurs):
        Aim(port, mark, os.getpid()).check()


def test_an_instance_of_somebody_else_is_refused_whatever_mark_it_carries() -> None:
    with listener() as (port, pid), pytest.raises(NotOurs):
        Aim(port, MARK, pid).check()


def test_who_listens_without_a_mark_is_refused_though_it_is_our_child() -> None:
    with listener(mark="") as (port, _), pytest.raises(NotOurs):
        Aim(port, MARK, os.getpid()).check()


def test_a_port_of_this_process_itself_is_refused() -> None:
    with socket.create_server((LOOPBACK, 0)) as bound, pytest.raises(NotOurs):
        Aim(bound.getsockname()[1], MARK, os.getpid()).check()


def test_who_listens_on_every_address_is_not_an_instance_of_ours() -> None:
    with listener(address="0.0.0.0") as (port, _), pytest.raises(NotOurs):
        Aim(port, MARK, os.getpid()).check()


def test_a_port_on_which_nobody_listens_any_more_is_refused() -> None:
    with listener() as (port, _):
        aim = Aim(port, MARK, os.getpid())
        aim.check()
    with pytest.raises(NotOurs):
        aim.check()


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "8.8.8.8",
        "0.0.0.0",
        "128.0.0.1",
        "::1",
        "localhost",
        "127.1",
        "",
        "example.org",
    ],
)
def test_nothing_outside_loopback_is_ever_a_source(address: str) -> None:
    assert not is_loopback(address)
    with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
        begin_connection(Aim(1, MARK, os.getpid()), address)


def test_a_connection_goes_to_loopback_from_the_source_that_was_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as bound:
        aim = Aim(bound.getsockname()[1], MARK, os.getpid())
        with begin_connection(aim, "127.42.1.9") as connection:
            accepted, peer = bound.accept()
            accepted.close()
            assert peer[0] == "127.42.1.9"
            assert connection.getpeername()[0] == LOOPBACK


def test_a_question_is_asked_of_ours_alone() -> None:
    class Quiet(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            Quiet.asked += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer((LOOPBACK, 0), Quiet)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with pytest.raises(NotOurs):
        ask(Aim(server.server_port, MARK, os.getpid()), "GET", "/")
    server.shutdown()
    server.server_close()
    assert Quiet.asked == 0


# What the code does not have.

SOURCES = sorted(Path(hiwar.rehearsal.__file__).parent.glob("*.py"))


def test_only_the_aim_connects() -> None:
    """Beside it, Unix sockets of the instance are asked for metrics."""
    found = [
        (path.name, node.func.attr)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in CONNECTING
    ]  # fmt: skip
    assert sorted(found) == [
        ("aim.py", "HTTPConnection"),
        ("aim.py", "connect_ex"),
        ("measures.py", "connect"),
    ]


def test_the_aim_knows_one_host_and_no_argument_names_another() -> None:
    tree = ast.parse((Path(hiwar.rehearsal.__file__).parent / "aim.py").read_text(encoding="utf-8"))
    calls = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("connect_ex", "HTTPConnection")
    ]  # fmt: skip
    firsts = [call.elts[0] if isinstance(call, ast.Tuple) else call for call in calls]
    assert [first.id for first in firsts if isinstance(first, ast.Name)] == ["LOOPBACK", "LOOPBACK"]
    assert LOOPBACK == "127.0.0.1"


def test_the_command_has_no_option_for_a_target() -> None:
    from hiwar.cli import app

    command = get_command(app).commands["rehearse"]  # type: ignore[attr-defined]
    assert {each.name for each in command.params} == {"minutes", "acts", "listeners", "json", "html", "quick"}


@pytest.mark.parametrize("module", ["crowd", "attackers", "speakers"])
def test_no_child_takes_an_argument(module: str) -> None:
    text = (Path(hiwar.rehearsal.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    assert "argv" not in text
    assert "argparse" not in text


@pytest.mark.parametrize("module", ["crowd", "attackers"])
def test_a_child_that_is_pointed_elsewhere_ends_and_connects_nowhere(module: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as bound:
        bound.setblocking(False)
        order = (
            f'{{"type":"Begin","port":{bound.getsockname()[1]},"mark":"{MARK}",'
            '"secure":false,"conversation":"abcdef"}\n'
        )
        more = '{"type":"Come","group":"seated","count":5,"per_s":5.0}\n' if module == "crowd" else ""
        done = subprocess.run(
            [sys.executable, "-m", f"hiwar.rehearsal.{module}"],
            input=order + more, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "does not belong to the instance" in done.stderr
        assert "Traceback" not in done.stderr
        with pytest.raises(BlockingIOError):
            bound.accept()
