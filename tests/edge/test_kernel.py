"""The kernel's help: against a stand-in for `nft`, and with the real one in network namespaces."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from hiwar.admission.bans import Ban
from hiwar.admission.nft import render_bans
from hiwar.admission.prefix import origin_of
from hiwar.admission.refused import Refusals, RefusedSources
from hiwar.door.http import Request, Response
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer
from hiwar.edge import kernel as module
from hiwar.edge.herald import Herald
from hiwar.edge.kernel import KernelHelp, check_nft, find_nft, table_script
from hiwar.edge.orders import FromWorker, Talkers
from hiwar.edge.owner import Owner, WorkerEnd
from hiwar.ops.clock import monotonic
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.directory import Directory
from tests.edge.house import until
from tests.edge.namespaces import PORT, SERVER4, SERVER6, Wire, nft, socket_in, spoof, wire
from tests.needs import need_network_namespaces, need_program

BOT = origin_of("203.0.113.5")
FLOOD = Refusals(5000.0, ((BOT.finest, 400.0),))


def settings(**given: str) -> Settings:
    everywhere = {"EDGE_HOST": "0.0.0.0", "EDGE_PORT": str(PORT), "KERNEL_HELP": "on"} | given
    return load_settings({f"HIWAR_{key}": value for key, value in everywhere.items()}, Path(os.devnull))


class StandIn:
    """A program in place of `nft` that writes down each script it gets; `lines` of Python come first."""

    def __init__(self, folder: Path, lines: str = "") -> None:
        self._heard = folder / "heard"
        self._program = folder / "stand_in.py"
        self.answer(lines)

    def answer(self, lines: str) -> None:
        write = f"open({str(self._heard)!r}, 'a').write(sys.stdin.read() + '\\f')"
        scratch = self._program.with_suffix(".new")
        scratch.write_text(f"import sys, time\n{lines}\n{write}\n")
        scratch.replace(self._program)

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-S", str(self._program))

    @property
    def scripts(self) -> list[str]:
        return self._heard.read_text().split("\f")[:-1] if self._heard.exists() else []


@contextlib.asynccontextmanager
async def running(kernel: KernelHelp) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(kernel.run())
        try:
            yield
        finally:
            task.cancel()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_EVERY_S", 0.02)
    monkeypatch.setattr(module, "RETRY_EVERY_S", 0.02)


async def test_the_table_is_made_bans_are_added_and_the_end_removes_it(tmp_path: Path) -> None:
    stand_in = StandIn(tmp_path)
    kernel = KernelHelp(settings(), tmp_path, stand_in.command)
    async with running(kernel):
        await until(lambda: kernel.stands)
        kernel.hear(0, FLOOD)
        await until(lambda: len(stand_in.scripts) == 2)
        assert (tmp_path / "kernel-table").read_text() == "hiwar_8000"
    table, bans, removal = stand_in.scripts
    assert table == table_script(settings())
    assert bans == "add element inet hiwar_8000 addresses { 203.0.113.5 timeout 15s }\n"
    assert removal == "add table inet hiwar_8000\ndelete table inet hiwar_8000\n"
    assert not (tmp_path / "kernel-table").exists()


async def test_where_it_is_off_nothing_is_asked_of_the_kernel(tmp_path: Path) -> None:
    stand_in = StandIn(tmp_path)
    kernel = KernelHelp(settings(KERNEL_HELP="off"), tmp_path, stand_in.command)
    kernel.hear(0, FLOOD)
    await kernel.run()
    assert stand_in.scripts == []
    assert kernel.bans.decide(monotonic()) == []


@pytest.mark.parametrize(("left", "removed"), [("hiwar_443", True), ("filter", False), ("a b;", False)])
async def test_what_a_crash_left_is_removed_also_where_the_help_is_off_by_now(
    tmp_path: Path, left: str, removed: bool
) -> None:
    (tmp_path / "kernel-table").write_text(left)
    stand_in = StandIn(tmp_path)
    await KernelHelp(settings(KERNEL_HELP="off"), tmp_path, stand_in.command).run()
    assert stand_in.scripts == ([f"add table inet {left}\ndelete table inet {left}\n"] if removed else [])
    assert not (tmp_path / "kernel-table").exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("sys.exit('Operation not permitted (you must be root)')", "Operation not permitted"),
        ("sys.exit(1)", "did not say why"),
        ("time.sleep(60)", "in time"),
    ],
)
async def test_a_kernel_that_does_not_help_is_told_of_once_and_asked_again(
    tmp_path: Path, lines: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "NFT_S_MAX", 0.2)
    stand_in = StandIn(tmp_path, f"open({str(tmp_path / 'asked')!r}, 'a').write('.')\n{lines}")
    kernel = KernelHelp(settings(), tmp_path, stand_in.command)
    async with running(kernel):
        kernel.hear(0, FLOOD)
        await until(
            lambda: len((tmp_path / "asked").read_text()) > 2 if (tmp_path / "asked").exists() else False
        )
        assert not kernel.stands
        monkeypatch.setattr(module, "NFT_S_MAX", 2.0)
        stand_in.answer("")
        await until(lambda: kernel.stands)
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("the kernel does not help") == 1
    assert said in printed.out + printed.err
    assert "203.0.113.5 timeout" in stand_in.scripts[0]


async def test_a_program_that_is_gone_before_it_is_asked_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        returncode = 1

        async def communicate(self, _: bytes) -> None:
            raise RuntimeError("the handler is closed")

    async def start(*_: object, **__: object) -> Gone:
        started.append(True)
        return Gone()

    started: list[bool] = []
    kernel = KernelHelp(settings(), tmp_path, ("nft",))
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", start)
        async with running(kernel):
            await until(lambda: len(started) > 2)
    assert not kernel.stands


@pytest.mark.parametrize("command", [(), ("/nowhere/nft",)])
async def test_without_the_program_the_door_goes_on_by_itself(
    tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_nft", lambda: "")
    kernel = KernelHelp(settings(), tmp_path, command)
    async with running(kernel):
        kernel.hear(0, FLOOD)
        await until(lambda: kernel.bans.counts["banned"] == 1)
        assert not kernel.stands


async def test_after_all_rules_were_flushed_the_table_is_made_again_with_the_bans_that_last(
    tmp_path: Path,
) -> None:
    stand_in = StandIn(tmp_path)
    kernel = KernelHelp(settings(), tmp_path, stand_in.command)
    async with running(kernel):
        await until(lambda: kernel.stands)
        stand_in.answer("sys.exit('No such file or directory')")
        kernel.hear(0, FLOOD)
        await until(lambda: not kernel.stands)
        stand_in.answer("")
        await until(lambda: kernel.stands)
    again = next(text for text in stand_in.scripts[1:] if "203.0.113.5" in text)
    assert again.startswith(table_script(settings()))


async def test_an_error_of_its_own_does_not_end_the_door(tmp_path: Path) -> None:
    (tmp_path / "kernel-table").mkdir()
    await KernelHelp(settings(), tmp_path, StandIn(tmp_path).command).run()


async def test_the_owner_hands_on_what_workers_tell_and_without_help_drops_it(tmp_path: Path) -> None:
    told = Talkers.of(Refusals(5000.0, ((BOT.finest, 400.0), (origin_of("2001:db8::1").finest, 90.0))))
    message = msgspec.msgpack.Decoder(FromWorker).decode(msgspec.msgpack.encode(told))
    kernel = KernelHelp(settings(), tmp_path, StandIn(tmp_path).command)
    for helping in (kernel, None):
        owner = Owner(settings(), tmp_path, Herald(Directory(tmp_path, tmp_path)), helping)
        owner.hear(WorkerEnd(3, owner), message)
    assert [ban.text for ban in kernel.bans.decide(monotonic())] == ["203.0.113.5/32", "2001:db8::/64"]


# With a real kernel.

COUNTING = (
    "add table inet seen; add chain inet seen forged { type filter hook prerouting priority -400; }; "
    "add rule inet seen forged tcp flags syn ip saddr { 10.66.1.2, 172.16.5.5 } counter"
)


@pytest.fixture
def two_ends() -> Iterator[Wire]:
    need_network_namespaces()
    need_program("nft")
    with wire() as made:
        yield made


class Refusing:
    """A door that refuses whoever is in `refused`, by their address, and counts them as a worker does."""

    def __init__(self) -> None:
        self.sources = RefusedSources(monotonic())
        self.refused: set[str] = set()
        self.seen: list[str] = []

    def opened(self, peer: str) -> bool:
        self.seen.append(peer)
        if peer not in self.refused:
            return True
        self.sources.add(origin_of(peer))
        return False

    def closed(self, peer: str) -> None:
        pass


async def answer(request: Request) -> Response:
    return Response(200, {}, b"here")


def bind(namespace: str, family: int, address: str) -> socket.socket:
    bound = socket_in(namespace, family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((address, PORT))
    bound.listen(512)
    bound.setblocking(False)
    return bound


@contextlib.asynccontextmanager
async def door_of(wire: Wire, refusing: Refusing) -> AsyncIterator[None]:
    sockets = [
        bind(wire.server, socket.AF_INET, SERVER4),
        bind(wire.server, socket.AF_INET6, SERVER6),
    ]
    door = DoorServer(answer, DoorLimits(close_grace_s=0.1), bouncer=refusing, name="test")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(door.serve(sockets=sockets))
        await door.ready.wait()
        try:
            yield
        finally:
            task.cancel()


def connect_from(wire: Wire, source: str, seconds: float = 0.6) -> socket.socket | None:
    """A connection to the door, None where it does not come about in time."""
    family, server = (socket.AF_INET6, SERVER6) if ":" in source else (socket.AF_INET, SERVER4)
    client = socket_in(wire.client, family)
    client.settimeout(seconds)
    try:
        client.bind((source, 0))
        client.connect((server, PORT))
    except OSError:
        client.close()
        return None
    return client


async def reaches(wire: Wire, source: str) -> bool:
    client = await asyncio.to_thread(connect_from, wire, source)
    if client is not None:
        client.close()
    return client is not None


def helping(wire: Wire, folder: Path) -> KernelHelp:
    return KernelHelp(settings(EDGE_HOST="::"), folder, ("ip", "netns", "exec", wire.server, "nft"))


def add_bans(wire: Wire, *bans: Ban) -> None:
    nft(wire.server, render_bans("hiwar_8000", bans).strip())


async def test_a_banned_source_no_longer_reaches_the_door_and_others_do_until_the_ban_ends(
    two_ends: Wire, tmp_path: Path
) -> None:
    kernel, refusing = helping(two_ends, tmp_path), Refusing()
    async with door_of(two_ends, refusing), running(kernel):
        await until(lambda: kernel.stands)
        seated = await asyncio.to_thread(connect_from, two_ends, "10.66.1.1")
        assert seated is not None
        add_bans(two_ends, Ban(origin_of("10.66.1.1").finest, 2.0), Ban(origin_of("fd66:1::1").finest, 2.0))
        began = monotonic()
        assert not await reaches(two_ends, "10.66.1.1")
        assert not await reaches(two_ends, "fd66:1::1")
        assert await reaches(two_ends, "10.66.1.2")
        assert await reaches(two_ends, "fd66:2::1")
        # who shares the address and listens already goes on
        await asyncio.to_thread(seated.sendall, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await asyncio.to_thread(seated.recv, 100)).startswith(b"HTTP/1.1 200")
        seated.close()
        await asyncio.sleep(max(0.0, began + 2.2 - monotonic()))
        assert await reaches(two_ends, "10.66.1.1")
        add_bans(two_ends, Ban(origin_of("10.66.1.1").finest, 9.0))  # who comes back can be banned again
        assert not await reaches(two_ends, "10.66.1.1")
    assert nft(two_ends.server, "list", "ruleset") == ""


async def test_a_site_is_kept_out_as_a_whole(two_ends: Wire, tmp_path: Path) -> None:
    kernel = helping(two_ends, tmp_path)
    async with door_of(two_ends, Refusing()), running(kernel):
        await until(lambda: kernel.stands)
        add_bans(two_ends, Ban(origin_of("fd66:1:0:77::9").site, 60.0))
        assert not await reaches(two_ends, "fd66:1::1")
        assert await reaches(two_ends, "fd66:2::1")


async def test_from_a_flood_to_the_kernel_bans_the_flooder_and_nobody_who_was_spoofed(
    two_ends: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiwar.admission.refused.SUSTAINED", 2)
    monkeypatch.setattr("hiwar.admission.bans.REFUSED_MIN", 40.0)
    kernel, refusing = helping(two_ends, tmp_path), Refusing()
    refusing.refused = {"10.66.1.1", "10.66.1.2"}

    def flood() -> None:
        for _ in range(60):
            connect_from(two_ends, "10.66.1.1", 0.2)
        spoof(two_ends.client, "10.66.1.2", 600)
        spoof(two_ends.client, "172.16.5.5", 600)

    nft(two_ends.server, COUNTING)
    async with door_of(two_ends, refusing), running(kernel):
        await until(lambda: kernel.stands)
        refusing.sources.take(monotonic())
        for _ in range(2):
            await asyncio.to_thread(flood)
            await until(lambda: len(refusing.seen) >= 60)
            refusing.sources._since = monotonic() - 1.0
            kernel.hear(0, refusing.sources.take(monotonic()))
        await until(lambda: kernel.bans.counts["banned"] > 0)
        await until(lambda: "10.66.1.1" in nft(two_ends.server, "list", "table", "inet", "hiwar_8000"))
        assert not await reaches(two_ends, "10.66.1.1")
        refusing.refused = set()
        assert await reaches(two_ends, "10.66.1.2")
    assert kernel.bans.counts == {"banned": 1}
    (counted,) = re.findall(r"packets (\d+)", nft(two_ends.server, "list", "table", "inet", "seen"))
    assert int(counted) == 2401  # every one of them reached the machine
    assert set(refusing.seen) == {"10.66.1.1", "10.66.1.2"}
    assert refusing.seen.count("10.66.1.2") == 1


async def test_the_end_removes_our_table_and_nothing_else(two_ends: Wire, tmp_path: Path) -> None:
    nft(two_ends.server, "add table inet filter")
    nft(two_ends.server, "add table inet hiwar_443")
    kernel = helping(two_ends, tmp_path)
    async with running(kernel):
        await until(lambda: kernel.stands)
    assert nft(two_ends.server, "list", "tables").split("\n") == [
        "table inet filter",
        "table inet hiwar_443",
        "",
    ]


def test_whether_it_can_be_on_is_asked_of_the_kernel_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "find_nft", lambda: "")
    assert check_nft(settings()) == "the program nft is not installed"
    program = tmp_path / "nft"
    monkeypatch.setattr(module, "find_nft", lambda: str(program))
    assert "does not answer" in check_nft(settings())
    program.write_text('#!/bin/sh\necho "$@" >> "$0.asked"; cat >> "$0.asked"\n')
    program.chmod(0o755)
    assert check_nft(settings()) == ""
    assert (tmp_path / "nft.asked").read_text() == "--check -f -\n" + table_script(settings())
    program.write_text("#!/bin/sh\necho 'Operation not permitted' >&2; exit 1\n")
    assert check_nft(settings()) == "Operation not permitted"


def test_nft_is_found_in_the_systems_folders_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_SYSTEM_FOLDERS", (str(tmp_path / "none"), str(tmp_path / "sbin")))
    assert find_nft() == ""
    program = tmp_path / "sbin" / "nft"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_nft() == str(program)
