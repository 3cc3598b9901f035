"""`hiwar doctor`: what is wrong here and how to mend it. Each check is one function and one sentence."""

import asyncio
import ctypes
import json
import os
import resource
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hiwar.cli.doctor_front import FRONT_CHECKS, rules_of
from hiwar.cli.findings import Finding
from hiwar.ops import clock
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import BadSecrets, load_secrets
from hiwar.ops.settings import Settings, load_settings

FREE_GB_MIN = 2.0  # some 25 hours of one conversation (80 MB an hour)
DESCRIPTORS_MIN = 10_000
CERTIFICATE_DAYS_MIN = 14
BITS_A_LISTENER = 64_000  # Opus at 48 kbit/s, its framing and events
BITS_A_LISTENER_LIGHTER = 36_000  # at 20, likewise


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="Print the kernel's rules, and no more.")] = False,
) -> None:
    """What is wrong here and how to mend it: ports, files, codecs, clock, disk, seats, cores, proxies."""
    settings = load_settings()
    if rules:
        typer.echo(rules_of(settings), nl=False)
        return
    findings = [finding for check in CHECKS for finding in check(settings)]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        _show(findings)
    sys.exit(1 if any(finding.level == "bad" for finding in findings) else 0)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    marks = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "bad": "[bold red]bad [/]"}
    for finding in findings:
        console.print(f"{marks[finding.level]}  {finding.check:<13}{finding.found}")
        if finding.mend:
            console.print(f"      {'':<13}-> {finding.mend}")


def _ports(settings: Settings) -> Iterator[Finding]:
    running = _answers(runtime_dir(settings) / "web.http")
    doors = [
        ("edge_port", settings.edge_host, settings.edge_port),
        ("backstage_port", settings.backstage_host, settings.backstage_port),
    ]
    if settings.metrics_port:
        doors.append(("metrics_port", settings.metrics_host, settings.metrics_port))
    for key, host, port in doors:
        free = _free(host, port, socket.SOCK_STREAM)
        if free or running:
            yield Finding("ports", "ok", f"{key} {port}: {'free' if free else 'in use (Hiwar is running)'}")
        else:
            yield Finding("ports", "bad", f"{key} {port} is taken", f"set {key} to another port")
    low, high = settings.rtc_port_low, settings.rtc_port_high
    taken = sum(not _free("127.0.0.1", port, socket.SOCK_DGRAM) for port in range(low, min(high, low + 100)))
    level = "warn" if taken > 50 else "ok"
    mend = "choose another range with rtc_port_low and rtc_port_high" if taken > 50 else ""
    yield Finding("ports", level, f"UDP {low}-{high} for speakers, {taken} of the first 100 in use", mend)
    if high - low < 4 * settings.speakers_max:
        yield Finding("ports", "warn", "the UDP range is short", "give at least 4 ports a speaker")


def _answers(path: Path) -> bool:
    """Whether somebody listens on this socket: after a crash its file is still there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _free(host: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if kind == socket.SOCK_STREAM else 0)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _files(settings: Settings) -> Iterator[Finding]:
    try:
        load_secrets(settings.data)
        yield Finding("files", "ok", f"secrets in {settings.data} are private")
    except BadSecrets as error:
        yield Finding("files", "bad", "secrets.json", str(error))
    except OSError as error:
        yield Finding(
            "files", "bad", f"{settings.data}: {error.strerror}", "make it writable, or set data_dir"
        )
    yield Finding("files", "ok", f"sockets in {runtime_dir(settings)}")


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free / 1e9
    low = free < FREE_GB_MIN
    mend = "free some room, or set data_dir to a larger disk: recordings pause when it is full" if low else ""
    yield Finding("disk", "warn" if low else "ok", f"{free:.1f} GB free for recordings", mend)


def _codecs(settings: Settings) -> Iterator[Finding]:
    try:
        import av

        for name in ("aac", "libmp3lame"):
            av.codec.Codec(name, "w")
        from hiwar.stage.opus import version

        opus = version()
        yield Finding("codecs", "ok", f"{opus}, AAC and MP3 (PyAV {av.__version__})")
    except Exception as error:  # whatever is wrong with a wheel is what we are here to tell
        yield Finding("codecs", "bad", f"{type(error).__name__}: {error}", "reinstall: make setup")


def _webrtc(settings: Settings) -> Iterator[Finding]:
    from hiwar.stage.webrtc.patches import check_aiortc

    found = check_aiortc()
    if found.direct:
        yield Finding("webrtc", "ok", "aiortc is the pinned version and takes our fixes")
    else:
        mend = "reinstall the locked version: make setup"
        yield Finding("webrtc", "warn", f"the slower way is taken: {'; '.join(found.problems)}", mend)
    if not settings.rtc_public_address:
        mend = "behind NAT set rtc_public_address; through strict firewalls set turn_url"
        yield Finding("webrtc", "ok", "speakers reach this machine's own addresses", mend)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as the fields we read; the rest is room."""

    _fields_ = (("modes", ctypes.c_uint), ("values", ctypes.c_long * 30))


def _clock(settings: Settings) -> Iterator[Finding]:
    if clock.wallclock() < 1_750_000_000:
        yield Finding(
            "clock", "bad", "the clock is years behind", "set the date, and use chrony or systemd-timesyncd"
        )
        return
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        state = -1
    if state in (5, -1):  # TIME_ERROR: the kernel knows of nobody who keeps the clock
        mend = "run chrony or systemd-timesyncd: planned times and the journal's wallclock depend on it"
        yield Finding("clock", "warn", "nobody is known to keep this clock right", mend)
    else:
        yield Finding("clock", "ok", "kept in step by the system")


def _descriptors(settings: Settings) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < DESCRIPTORS_MIN:
        mend = "raise it: LimitNOFILE= in the service, or ulimit -n"
        yield Finding("descriptors", "warn", f"{hard} at most: that many listeners", mend)
    else:
        yield Finding("descriptors", "ok", f"{hard} at most ({soft} now; the front door raises it by itself)")


def _uplink(settings: Settings) -> Iterator[Finding]:
    if settings.egress_mbit:
        carried = settings.egress_mbit * 0.8 * 1e6  # a fifth for speakers and pages
        found = f"{settings.egress_mbit} Mbit/s carry some {int(carried / BITS_A_LISTENER):,} listeners"
        if settings.makes_lighter:
            found += f", {int(carried / BITS_A_LISTENER_LIGHTER):,} with the lighter renditions"
        yield Finding("uplink", "ok", found)
    else:
        full, lighter = BITS_A_LISTENER * 1000 / 1e6, BITS_A_LISTENER_LIGHTER * 1000 / 1e6
        found = f"not said; 1,000 listeners take {full:.0f} Mbit/s, {lighter:.0f} with lighter renditions"
        yield Finding("uplink", "warn", found, "set egress_mbit to what the line carries")
    if settings.edge_host in ("127.0.0.1", "::1", "localhost"):
        mend = 'set edge_host = "0.0.0.0" (and a certificate) to be heard from elsewhere'
        yield Finding("uplink", "ok", "only this machine can listen", mend)


def _certificates(settings: Settings) -> Iterator[Finding]:
    for door in ("edge", "backstage"):
        cert = getattr(settings, f"{door}_tls_cert")
        if not cert:
            local = getattr(settings, f"{door}_host") in ("127.0.0.1", "::1", "localhost")
            if door == "backstage" and not local:
                mend = "browsers give microphones to HTTPS only: set backstage_tls_cert, or a proxy in front"
                yield Finding("certificates", "warn", "backstage speaks plain HTTP", mend)
            else:
                yield Finding(
                    "certificates", "ok", f"{door}: plain HTTP (fine on localhost or behind a proxy)"
                )
            continue
        yield _certificate(door, Path(cert), Path(getattr(settings, f"{door}_tls_key")))


def _certificate(door: str, cert: Path, key: Path) -> Finding:
    from cryptography import x509

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
        ends = x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc
    except (OSError, ValueError, ssl.SSLError) as error:
        return Finding("certificates", "bad", f"{door}: {error}", f"check {door}_tls_cert and {door}_tls_key")
    days = (ends - clock.utc(clock.wallclock())).days
    if days < CERTIFICATE_DAYS_MIN:
        return Finding(
            "certificates", "bad" if days < 0 else "warn", f"{door}: ends in {days} days", "renew it"
        )
    return Finding("certificates", "ok", f"{door}: valid for {days} days")


def _timer(settings: Settings) -> Iterator[Finding]:
    """How late a sleep of 20 ms wakes: what the frame clock has to live with."""

    async def measure() -> float:
        late = []
        for _ in range(50):
            due = clock.monotonic() + 0.02
            await asyncio.sleep(0.02)
            late.append(clock.monotonic() - due)
        return sorted(late)[-2]

    worst = asyncio.run(measure()) * 1000
    cores = os.cpu_count() or 1
    if worst > 5:
        yield Finding(
            "timer", "warn", f"a 20 ms sleep was {worst:.1f} ms late", "the machine is busy, or its host is"
        )
    else:
        yield Finding("timer", "ok", f"{cores} cores, a 20 ms sleep is at most {worst:.1f} ms late")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _ports,
    _files,
    _disk,
    _descriptors,
    _codecs,
    _webrtc,
    _clock,
    _timer,
    _uplink,
    *FRONT_CHECKS,
    _certificates,
)
