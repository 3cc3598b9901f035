"""What is read of the machine, from files as kernels write them."""

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hiwar.ops import cores
from hiwar.ops.cores import (
    parse_interrupts,
    parse_mask,
    raise_soft,
    read_machine,
    read_quota,
    read_receiving,
    try_rights,
)

INTERRUPTS = """\
           CPU0       CPU1       CPU2
  9:          7          0          0   IO-APIC   9-fasteoi   acpi
 37:          0          0          1 PCI-MSIX-0000:00:03.0   0-edge      virtio2-config
 38:          0       1055          0 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
 39:       7666          0          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
 40:        900          0        100 PCI-MSIX-0000:00:04.0   0-edge      eth1-TxRx-0
NMI:          0          0          0   Non-maskable interrupts
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_machine_is_read_as_this_process_finds_it() -> None:
    found = read_machine()
    assert set(found.cores) == os.sched_getaffinity(0)
    assert list(found.cores) == sorted(found.cores)


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        ({"38", "39", "37"}, {0: 0, 1: 1055, 2: 0}),
        ({"40"}, {0: 900, 1: 0, 2: 100}),
        ({"38", "40"}, {0: 900, 1: 1055, 2: 100}),
        ({"9x", "NMI "}, {0: 0, 1: 0, 2: 0}),
        (set(), {0: 0, 1: 0, 2: 0}),
    ],
)
def test_only_lines_that_receive_count(lines: set[str], counts: dict[int, int]) -> None:
    assert parse_interrupts(INTERRUPTS, lines) == counts


def test_no_file_of_interrupts_is_no_core() -> None:
    assert parse_interrupts("", {"38"}) == {}


@pytest.mark.parametrize(
    ("text", "found"), [("0\n", set()), ("3\n", {0, 1}), ("1,00000000\n", {32}), ("", set()), ("a", {1, 3})]
)
def test_masks_are_read_as_sysfs_writes_them(text: str, found: set[int]) -> None:
    assert parse_mask(text) == found


@pytest.mark.parametrize(
    ("lines", "rps", "found"),
    [
        (["38"], "0", {1}),
        (["40"], "0", {0}),  # a tenth is not more than a tenth
        (["38", "40"], "0", {0, 1}),
        (["38"], "5", {0, 1, 2}),
        ([], "0", set()),
    ],
)
@pytest.mark.parametrize("inner", ["device/msi_irqs", "bus/msi_irqs"])
def test_the_cores_that_receive_are_those_of_the_networks_interrupts_and_of_rps(
    tmp_path: Path, lines: list[str], rps: str, found: set[int], inner: str
) -> None:
    write(tmp_path / "interrupts", INTERRUPTS)
    interface = tmp_path / "net/eth0"
    (tmp_path / "bus/device").mkdir(parents=True)
    interface.mkdir(parents=True)
    (interface / "device").symlink_to(tmp_path / "bus/device")
    home = interface if inner.startswith("device") else tmp_path
    for number in lines:
        write(home / inner / number, "msix\n")
    write(interface / "queues/rx-0/rps_cpus", rps)
    write(tmp_path / "net/lo/queues/rx-0/rps_cpus", "f")  # no device: nothing comes in from outside
    assert read_receiving(tmp_path / "net", tmp_path / "interrupts") == found


def test_where_nothing_can_be_read_no_core_receives(tmp_path: Path) -> None:
    assert read_receiving(tmp_path / "none", tmp_path / "none") == frozenset()


@pytest.mark.parametrize(
    ("memberships", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "150000 100000\n"}, 0.5),
        ("0::/a\n", {"b/cpu.max": "150000 100000\n"}, None),
        (
            "4:cpu,cpuacct:/x\n0::/\n",
            {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000"},
            None,
        ),
        (
            "5:cpuset:/y\n4:cpu,cpuacct:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "250000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        ("", {}, None),
    ],
)
def test_the_least_quota_of_our_groups_binds(
    tmp_path: Path, memberships: str, files: dict[str, str], quota: float | None
) -> None:
    for name, text in files.items():
        write(tmp_path / name, text)
    assert read_quota(memberships, tmp_path) == quota


def test_our_own_groups_are_read_without_an_error() -> None:
    assert read_quota() is None or read_quota() > 0  # type: ignore[operator]


def test_trying_a_right_leaves_the_process_as_it_was() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)
    rights = try_rights(-11, 1)
    assert (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)) == before
    another = subprocess.run(
        [sys.executable, "-c", "import os; os.setpriority(0, 0, -11)"], check=False, stderr=subprocess.DEVNULL
    )
    assert rights.come_first is (another.returncode == 0)


def test_a_right_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def refuse(*arguments: object) -> None:
        threads.append(threading.current_thread())
        raise PermissionError

    monkeypatch.setattr(cores.os, "setpriority", refuse)
    monkeypatch.setattr(cores.os, "sched_setscheduler", refuse)
    rights = try_rights(-11, 1)
    assert not rights.come_first
    assert not rights.real_time
    assert threading.main_thread() not in threads


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "becomes"),
    [(0, 5, 1, (1, 5)), (0, 5, 9, (5, 5)), (3, 5, 1, None), (-1, -1, 1, None), (0, -1, 1, None)],
)
def test_a_soft_limit_is_raised_as_far_as_the_hard_one_lets_it(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, becomes: tuple[int, int] | None
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(cores.resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(cores.resource, "setrlimit", lambda which, limits: given.append(limits))
    raise_soft(resource.RLIMIT_NICE, wanted)
    assert given == ([becomes] if becomes else [])
