"""`hiwar doctor`, of what stands against a crowd and an attack: seats, cores, the kernel's help, proxies."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from pathlib import Path

from hiwar.admission.capacity import Bound, Capacity, decide_capacity, seats_by_model
from hiwar.admission.costs import CostModel
from hiwar.admission.signals import Health, Signals
from hiwar.cli.findings import Finding
from hiwar.cli.status import processes
from hiwar.ops.cores import Machine, read_machine
from hiwar.ops.machine import available_memory, descriptors_max
from hiwar.ops.placement import Plan, own_plan, own_rights
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings

SEATS_FEW = 200
WIDE = {4: 8, 6: 16}  # a network shorter than this is no institution's own

_MENDS = {
    Bound.PROCESSOR: "hiwar rehearse measures it; more: edge_workers, one for each core of the front door's",
    Bound.EGRESS: "a wider line, or HLS through a CDN",
    Bound.DESCRIPTORS: "raise LimitNOFILE= in the service, or ulimit -n",
    Bound.MEMORY: "free some memory",
    Bound.SETTING: "seats_max, or the 65,536 places of the seat table",
}


def _seats(settings: Settings) -> Iterator[Finding]:
    """How many listeners at once, reckoned as the front door does before it has measured anything."""
    capacity = reckon_seats(settings)
    names = {bound: bound.value for bound in Bound} | ({} if settings.seats_max else {Bound.SETTING: "table"})
    told = ", ".join(f"{names[bound]} {seats:,}" for bound, seats in sorted(capacity.bounds.items()))
    found = f"about {capacity.seats:,} listeners at once, bound by {names[capacity.by]} ({told})"
    level = "warn" if capacity.seats < SEATS_FEW else "ok"
    yield Finding("seats", level, found, _MENDS[capacity.by])


def reckon_seats(settings: Settings) -> Capacity:
    """What the machine should carry, idle as it is, by the cost model's first guess."""
    from hiwar.edge.owner import limits_of

    limits = limits_of(settings)
    descriptors = descriptors_max() * limits.workers
    idle = Signals.idle(descriptors_max=descriptors, memory_available_bytes=available_memory())
    processor = seats_by_model(CostModel(), limits.workers)
    return decide_capacity(idle, limits, processor=processor, joins=1, health=Health.WELL)


# The kernel's help.


def rules_of(settings: Settings) -> str:
    """The rules that the kernel gets where its help is on, without the sources that change."""
    from hiwar.edge.kernel import table_script

    return table_script(settings)


def _kernel_help(settings: Settings) -> Iterator[Finding]:
    from hiwar.edge.kernel import check_nft

    on, hindrance = settings.kernel_help == "on", check_nft(settings)
    if hindrance and on:
        mend = (
            "install nftables, and AmbientCapabilities=CAP_NET_ADMIN in the service; without, nothing breaks"
        )
        yield Finding("kernel help", "warn", f"on, and not possible for this user: {hindrance}", mend)
    elif hindrance:
        yield Finding("kernel help", "ok", f"off, and not possible for this user: {hindrance}")
    else:
        mend = "the rules: hiwar doctor --rules" + ("" if on else '; kernel_help = "on" switches it on')
        yield Finding("kernel help", "ok", "on" if on else "off; it could be on", mend)
    if on and settings.trusted_proxies:
        found = "whoever comes through a trusted proxy has the proxy's address there, and is never kept away"
        yield Finding("kernel help", "warn", found, "let the proxy refuse them")


# Cores and ranks.


def _placement(settings: Settings) -> Iterator[Finding]:
    if settings.placement == "off":
        yield Finding("placement", "warn", "off: a flood and the speakers share cores", 'placement = "auto"')
    else:
        machine, plan = read_machine(), own_plan()
        yield from cores_found(machine, plan, settings.edge_workers)
        yield from _rights()
    yield from _what_is_done(runtime_dir(settings))


def cores_found(machine: Machine, plan: Plan, workers: int) -> Iterator[Finding]:
    """What the cores allow."""
    if plan.apart:
        found = f"core {_listed(plan.speakers)} for the speakers, {_listed(plan.front)} for the front door"
        yield Finding("placement", "ok", found)
    else:
        found = f"{len(machine.cores)} core(s): speakers and front door share them, by rank only"
        yield Finding("placement", "warn", found, "give it two cores or more")
    if machine.quota is not None and machine.quota < len(machine.cores):
        found = (
            f"the control group gives {machine.quota:g} cores' time: used up, all of it stops, speakers too"
        )
        yield Finding("placement", "warn", found, "give whole cores (AllowedCPUs=, cpuset), not a quota")
    met = plan.speakers & machine.receiving
    if met and plan.apart:
        found = f"the network's interrupts come to the speakers' core {_listed(met)} too"
        mend = f"echo {_listed(plan.front)} > /proc/irq/<number>/smp_affinity_list for the network's lines"
        yield Finding("placement", "warn", found, mend)
    if workers > len(plan.front):
        found = f"{workers} workers share {len(plan.front)} core(s), and each reckons with a whole one"
        yield Finding("placement", "warn", found, f"edge_workers = {len(plan.front)}")


def _rights() -> Iterator[Finding]:
    rights = own_rights()
    if rights.come_first and rights.real_time:
        yield Finding("placement", "ok", "frame clocks can be real-time threads, and stages rank first")
        return
    missing = [
        *([] if rights.real_time else ["frame clocks cannot be real-time threads"]),
        *([] if rights.come_first else ["stages cannot rank first: the others step back"]),
    ]
    mend = "LimitRTPRIO=1 and LimitNICE=-11 in the service (or CAP_SYS_NICE)"
    if not rights.come_first and _autogroups():
        mend += "; kernel.sched_autogroup_enabled=0, or ranks count within a session only"
    yield Finding("placement", "warn", f"as this user {', and '.join(missing)}", mend)


def _what_is_done(runtime: Path) -> Iterator[Finding]:
    """Of the processes that run: where they are, whatever was planned."""
    for process in processes(runtime):
        with contextlib.suppress(OSError):
            yield Finding(
                "placement", "ok", f"{process['role']} {process['pid']}: {standing(process['pid'])}"
            )


def standing(pid: int) -> str:
    """Cores, niceness and real-time threads of a process, as the system has them.

    Raises:
        OSError: it is gone.
    """
    text = f"core {_listed(os.sched_getaffinity(pid))}, niceness {os.getpriority(os.PRIO_PROCESS, pid)}"
    threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    real_time = [each for each in threads if _policy(each) in (os.SCHED_FIFO, os.SCHED_RR)]
    clocks = [f"a real-time thread on core {_listed(os.sched_getaffinity(each))}" for each in real_time]
    return ", ".join((text, *clocks))


def _policy(thread: int) -> int:
    return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK


def _autogroups() -> bool:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/sched_autogroup_enabled").read_text(encoding="ascii").strip() == "1"
    return False


def _listed(cores: Iterable[int]) -> str:
    return ",".join(map(str, sorted(cores)))


# Who is believed, and who is known.


def _proxies(settings: Settings) -> Iterator[Finding]:
    trusted = settings.trusted_proxies
    if _everybody(trusted):
        found = f"trusted_proxies = {trusted!r}: everybody may say whose address they have"
        yield Finding("proxies", "bad", found, "name the proxies' own addresses")
    if settings.proxy_protocol and not trusted:
        found = "proxy_protocol is on and nobody is trusted: a PROXY header is refused as a broken request"
        yield Finding(
            "proxies", "bad", found, "name the proxies in trusted_proxies, or set proxy_protocol = false"
        )
    elif trusted:
        said = "a PROXY v2 header before each connection" if settings.proxy_protocol else "X-Forwarded-For"
        mend = (
            ""
            if settings.proxy_protocol
            else "HAProxy can send PROXY v2: proxy_protocol = true, limits before TLS"
        )
        yield Finding("proxies", "ok", f"{trusted} is believed, by {said}", mend)
    elif _is_behind_somebody(settings):
        found = (
            f"{settings.public_url} is not spoken here, and no proxy is trusted: all who come are one address"
        )
        yield Finding("proxies", "warn", found, "name the proxy in trusted_proxies")


def _is_behind_somebody(settings: Settings) -> bool:
    """People are sent to another address or to HTTPS, and this door has neither."""
    if not settings.public_url:
        return False
    inside = settings.edge_host in ("127.0.0.1", "::1", "localhost")
    return inside or (settings.public_url.startswith("https:") and not settings.edge_tls_cert)


def _known(settings: Settings) -> Iterator[Finding]:
    known = settings.known_networks
    wide = [text.strip() for text in known.split(",") if text.strip() and _is_wide(text)]
    if wide:
        found = f"known_networks = {known!r}: no limit is held against so many ({', '.join(wide)})"
        yield Finding("networks", "warn", found, "name single institutions")
    elif known:
        yield Finding("networks", "ok", f"no share and no limit is held against {known}")


def _is_wide(text: str) -> bool:
    network = ip_network(text.strip())
    return network.prefixlen < WIDE[network.version]


def _everybody(networks: str) -> bool:
    return any(ip_network(text.strip()).prefixlen == 0 for text in networks.split(",") if text.strip())


FRONT_CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _seats,
    _placement,
    _kernel_help,
    _proxies,
    _known,
)
