"""Who gets which cores, and what processes and threads really have afterwards."""

import os
import resource
import subprocess
import sys
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.ops import placement
from hiwar.ops.cores import Machine, Rights
from hiwar.ops.placement import (
    CLOCK_BURST_US,
    EDGE_WORKER,
    POSTS,
    STAGE,
    STAGE_NICENESS,
    Plan,
    bound_bursts,
    decide_plan,
    own_plan,
    own_rights,
    own_threads,
    place,
    place_clock,
)

APART = Plan(frozenset({0}), frozenset({1, 2}))


def cores(count: int) -> tuple[int, ...]:
    return tuple(range(count))


@pytest.mark.parametrize(
    ("machine", "speakers", "front"),
    [
        (Machine(cores(1)), {0}, {0}),
        (Machine(cores(2)), {1}, {0}),
        (Machine((5, 7)), {7}, {5}),
        (Machine(cores(3)), {2}, {0, 1}),
        (Machine(cores(8)), {6, 7}, {0, 1, 2, 3, 4, 5}),
        (Machine(cores(2), receiving=frozenset({1})), {0}, {1}),
        (Machine(cores(2), receiving=frozenset({0, 1})), {1}, {0}),
        (Machine(cores(4), receiving=frozenset({2, 3})), {1}, {0, 2, 3}),
        (Machine(cores(4), receiving=frozenset({9})), {3}, {0, 1, 2}),
        (Machine(cores(8), quota=1.9), set(cores(8)), set(cores(8))),
        (Machine(cores(8), quota=2.0), {7}, {0}),
        (Machine(cores(8), quota=4.5, receiving=frozenset({6})), {7}, {0, 1, 6}),
        (Machine(cores(2), quota=9.0), {1}, {0}),
    ],
)
def test_the_speakers_have_a_quarter_and_the_front_the_cores_with_the_interrupts(
    machine: Machine, speakers: set[int], front: set[int]
) -> None:
    assert decide_plan(machine) == Plan(frozenset(speakers), frozenset(front))


@given(
    st.sets(st.integers(0, 127), min_size=1, max_size=64),
    st.sets(st.integers(0, 127), max_size=64),
    st.none() | st.floats(0.1, 80),
)
def test_everybody_has_a_core_and_the_front_alone_can_never_use_up_the_quota(
    own: set[int], receiving: set[int], quota: float | None
) -> None:
    plan = decide_plan(Machine(tuple(sorted(own)), quota, frozenset(receiving)))
    assert plan.speakers
    assert plan.front
    assert plan.speakers | plan.front <= own
    assert plan.apart == (min(len(own), quota or 999) >= 2)
    if plan.apart and quota is not None:
        assert len(plan.front) + 1 <= quota


def test_no_role_ranks_before_one_that_is_sacrificed_after_it() -> None:
    order = [POSTS[role] for role in (STAGE, "edge", "archive", "web")]
    for before, after in pairwise(order):
        assert (before.niceness or 0) < (after.niceness or 0)
        assert (before.niceness_without or 0) < (after.niceness_without or 0)
    assert [role for role, post in POSTS.items() if not post.front] == [STAGE, "backstage", "edge"]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What is asked of the system, none of which is done."""
    asked: list[tuple[str, object]] = []
    monkeypatch.setattr(placement, "own_plan", lambda: APART)
    monkeypatch.setattr(placement, "own_rights", lambda: Rights(come_first=True, real_time=True))
    monkeypatch.setattr(placement, "own_threads", lambda: [11, 12])
    monkeypatch.setattr(
        placement.Path, "write_text", lambda path, text, **kind: asked.append((str(path), text))
    )
    calls = {
        "sched_setaffinity": lambda thread, cores: asked.append((f"cores of {thread}", set(cores))),
        "setpriority": lambda which, thread, niceness: asked.append((f"niceness of {thread}", niceness)),
        "getpriority": lambda which, thread: 3,
        "sched_setscheduler": lambda thread, policy, param: asked.append(
            (f"policy of {thread}", (policy, param.sched_priority))
        ),
    }
    for name, call in calls.items():
        monkeypatch.setattr(placement.os, name, call)
    monkeypatch.setattr(placement.resource, "getrlimit", lambda which: (-1, -1))
    monkeypatch.setattr(
        placement.resource, "setrlimit", lambda which, limits: asked.append((f"limit {which}", limits))
    )
    return asked


def test_a_stage_comes_first_with_all_its_threads_and_its_session(system: list[tuple[str, object]]) -> None:
    place(STAGE, "auto")
    assert system == [
        ("niceness of 11", STAGE_NICENESS),
        ("niceness of 12", STAGE_NICENESS),
        ("/proc/self/autogroup", str(STAGE_NICENESS)),
    ]


def test_who_was_started_further_to_the_front_stays_there(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement.os, "getpriority", lambda which, thread: -15)
    place(STAGE, "auto")
    assert system[0] == ("niceness of 11", -15)


def test_who_was_started_further_back_stays_there(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement.os, "getpriority", lambda which, thread: 19)
    place("web", "auto")
    assert system[0] == ("niceness of 11", 19)


@pytest.mark.parametrize(("role", "niceness"), [(EDGE_WORKER, None), ("web", 10), ("archive", 5)])
def test_the_front_keeps_to_its_cores_and_its_rank(
    system: list[tuple[str, object]], role: str, niceness: int | None
) -> None:
    place(role, "auto")
    ranks = [(f"niceness of {thread}", niceness) for thread in (11, 12)] if niceness else []
    assert system == [*ranks, ("cores of 11", {1, 2}), ("cores of 12", {1, 2})]


@pytest.mark.parametrize(
    ("role", "niceness"), [(STAGE, None), (EDGE_WORKER, 5), ("web", 15), ("edge", 5), ("backstage", None)]
)
def test_where_the_stage_may_not_rank_before_them_the_others_step_back(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch, role: str, niceness: int | None
) -> None:
    monkeypatch.setattr(placement, "own_rights", lambda: Rights(come_first=False, real_time=False))
    place(role, "auto")
    ranks = [entry for entry in system if entry[0].startswith("niceness")]
    assert ranks == ([(f"niceness of {thread}", niceness) for thread in (11, 12)] if niceness else [])


@pytest.mark.parametrize(("role", "wish"), [(STAGE, "off"), ("web", "off"), ("prepare", "auto")])
def test_switched_off_and_for_other_roles_nothing_is_asked(
    system: list[tuple[str, object]], role: str, wish: str
) -> None:
    place(role, wish)
    if wish == "off":
        place_clock(wish)
    assert system == []


def test_where_all_share_the_cores_there_are_ranks_only(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "own_plan", lambda: Plan(frozenset({0}), frozenset({0})))
    place("web", "auto")
    place_clock("auto")
    assert [entry for entry in system if entry[0].startswith("cores")] == []
    assert system[-1] == ("policy of 0", (os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, 1))


def test_the_clock_is_bounded_before_it_is_real_time(system: list[tuple[str, object]]) -> None:
    place_clock("auto")
    assert system == [
        ("cores of 0", {0}),
        (f"limit {resource.RLIMIT_RTTIME}", (CLOCK_BURST_US, -1)),
        ("policy of 0", (os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, 1)),
    ]


def test_a_clock_that_cannot_be_bounded_stays_an_ordinary_thread(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(which: int, limits: tuple[int, int]) -> None:
        raise ValueError

    monkeypatch.setattr(placement.resource, "setrlimit", refuse)
    place_clock("auto")
    assert system == [("cores of 0", {0})]


@pytest.mark.parametrize(
    ("limits", "bounded"),
    [((-1, -1), (CLOCK_BURST_US, -1)), ((-1, 200_000), (200_000, 200_000)), ((50, 90), (50, 90))],
)
def test_a_burst_is_bounded_by_the_least_of_what_is_said(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], bounded: tuple[int, int]
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(placement.resource, "getrlimit", lambda which: limits)
    monkeypatch.setattr(placement.resource, "setrlimit", lambda which, limits: given.append(limits))
    bound_bursts()
    assert given == [bounded]


def test_the_threads_of_this_process_are_found() -> None:
    assert threading.get_native_id() in own_threads()


def test_a_system_that_refuses_everything_is_no_error(
    system: list[tuple[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError

    for name in ("sched_setaffinity", "setpriority", "sched_setscheduler"):
        monkeypatch.setattr(placement.os, name, refuse)
    for role in POSTS:
        place(role, "auto")
    place_clock("auto")
    assert {name for name, _ in system} == {"/proc/self/autogroup", f"limit {resource.RLIMIT_RTTIME}"}


# What the system makes of it.

PRINT = "print(sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0))"


def in_a_process(*lines: str) -> str:
    code = "\n".join(["import os, sys", "from hiwar.ops.placement import *", *lines])
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    return done.stdout.strip() or f"ended by {-done.returncode}"


def test_a_process_of_the_front_really_keeps_to_its_cores() -> None:
    niceness = max(os.getpriority(os.PRIO_PROCESS, 0), 10 if own_rights().come_first else 15)
    assert in_a_process("place('web', 'auto')", PRINT) == f"{sorted(own_plan().front)} {niceness} 0"


def test_a_clock_really_is_real_time_where_it_may_and_its_neighbours_are_not() -> None:
    if not own_rights().real_time:
        pytest.skip("real-time threads are not allowed here")
    thread = f"thread = threading.Thread(target=lambda: (place_clock('auto'), {PRINT}))"
    said = in_a_process("import threading", thread, "thread.start(); thread.join()", PRINT).splitlines()
    assert said[0].startswith(f"{sorted(own_plan().speakers)} ")
    assert said[0].endswith(f" {os.SCHED_FIFO | os.SCHED_RESET_ON_FORK}")
    assert said[1].endswith(" 0")


def test_a_clock_that_does_not_sleep_is_ended_and_does_not_starve_the_machine() -> None:
    if not own_rights().real_time:
        pytest.skip("real-time threads are not allowed here")
    runaway = "placement.CLOCK_BURST_US = 50_000; place_clock('auto')\nwhile True: pass"
    assert in_a_process("from hiwar.ops import placement", runaway) == "ended by 24"  # SIGXCPU
