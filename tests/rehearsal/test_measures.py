"""What processes and the kernel say."""

import math
import os
import socket
import threading
from pathlib import Path

import pytest

from hiwar.rehearsal.measures import (
    StageReading,
    ask_metrics,
    bucket_percentile,
    parse_counts,
    parse_stage,
    read_process,
)

STAGE = """# HELP hiwar_stage_frames_total Frames of 20 ms made.
hiwar_stage_frames_total 500.0
hiwar_stage_frames_skipped_total 1.0
hiwar_stage_frame_late_by_seconds_bucket{le="0.0005"} 490.0
hiwar_stage_frame_late_by_seconds_bucket{le="0.02"} 499.0
hiwar_stage_frame_late_by_seconds_bucket{le="+Inf"} 500.0
hiwar_stage_recorder_lag_seconds 0.25
hiwar_stage_recorder_dropped_total 0.0
hiwar_stage_speakers 2.0
hiwar_stage_speaker_packets_total{outcome="received"} 998.0
hiwar_stage_speaker_packets_total{outcome="late"} 3.0
hiwar_edge_verdicts_total{kind="admit",role="edge"} 7.0
hiwar_edge_verdicts_total{kind="wait"} 2.0
"""


def test_a_stage_is_read_and_differences_are_what_came_between() -> None:
    reading = parse_stage(STAGE)
    assert reading is not None
    assert (reading.frames, reading.skipped, reading.received, reading.speakers) == (500, 1, 998, 2)
    assert reading.late[math.inf] == 500
    later = parse_stage(STAGE.replace("500.0", "600.0").replace("490.0", "580.0").replace("998", "1198"))
    assert later is not None
    between = later.since(reading)
    assert (between.frames, between.skipped, between.received) == (100, 0, 200)
    assert between.late == {0.0005: 90.0, 0.02: 0.0, math.inf: 100.0}
    assert between.recorder_lag_s == 0.25
    assert later.since(StageReading()).frames == 600


def test_who_says_nothing_is_no_stage() -> None:
    assert parse_stage("") is None
    assert parse_stage("hiwar_edge_connections 3\n") is None


def test_counts_are_read_by_their_kind() -> None:
    assert parse_counts(STAGE, "hiwar_edge_verdicts") == {"admit": 7.0, "wait": 2.0}
    assert parse_counts(STAGE, "hiwar_edge_nothing") == {}


@pytest.mark.parametrize(
    ("percent", "bound"),
    [(50, 0.0005), (98, 0.0005), (99, 0.02), (99.8, 0.02), (99.9, math.inf), (100, math.inf)],
)
def test_a_percentile_is_the_upper_bound_of_its_bucket(percent: float, bound: float) -> None:
    reading = parse_stage(STAGE)
    assert reading is not None
    assert bucket_percentile(reading.late, percent) == bound


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert bucket_percentile({}, 50) is None
    assert bucket_percentile({0.1: 0.0}, 50) is None


def test_metrics_are_asked_on_their_socket(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        bound.listen()

        def answer() -> None:
            accepted, _ = bound.accept()
            accepted.sendall(STAGE.encode())
            accepted.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert ask_metrics(path) == STAGE
        thread.join()
    assert ask_metrics(path) == ""
    assert ask_metrics(tmp_path / "nobody") == ""


def test_the_kernel_tells_of_a_process_and_not_of_one_that_is_gone() -> None:
    reading = read_process(os.getpid())
    assert reading is not None
    assert reading.cpu_s > 0
    assert reading.descriptors > 3
    assert reading.own_kb > 1000
    assert read_process(2**22 + 1) is None
