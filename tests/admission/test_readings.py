"""What several workers see, as the signals of one machine."""

from hiwar.admission.readings import WorkerReading, join_readings, silent
from hiwar.admission.signals import Signals


def joined(*readings: WorkerReading) -> Signals:
    return join_readings(readings, memory_available_bytes=1000, listener_bytes=10, waiting=3, seats_taken=4)


def test_rates_add_up_the_busiest_worker_and_the_worst_stage_count() -> None:
    one = WorkerReading(
        cpu=0.4,
        writes=500.0,
        write_lateness_s=0.3,
        listeners=100,
        egress_bits=6e6,
        descriptors=300,
        descriptors_max=1000,
        requests=20.0,
        arrivals=5.0,
        joins=3.0,
        refused=1.0,
        frame_lateness_ms=9.0,
        frames_late=1.0,
        recorder_lag_s=0.5,
    )
    other = WorkerReading(
        cpu=0.7,
        writes=200.0,
        write_lateness_s=0.1,
        listeners=50,
        egress_bits=1e6,
        descriptors=100,
        descriptors_max=200,
        requests=2.0,
        arrivals=0.5,
        joins=0.25,
        refused=0.125,
        frame_lateness_ms=2.0,
        frames_late=4.0,
        recorder_lag_s=1.5,
    )
    assert joined(one, other) == Signals(
        frame_lateness_ms=9.0,
        frames_late=4.0,
        recorder_lag_s=1.5,
        cpu=0.7,
        writes=200.0,  # of the busiest, whose load they explain
        write_lateness_s=0.3,
        listeners=150,
        egress_bits=7e6,
        descriptors=200,  # as if all were as near to their bound as the tightest
        descriptors_max=400,
        memory_available_bytes=1000,
        listener_bytes=10,
        requests=22.0,
        arrivals=5.5,
        joins=3.25,
        refused=1.125,
        waiting=3,
        seats_taken=4,
    )
    assert joined(one, other) == joined(other, one)


def test_before_the_first_report_the_machine_is_at_ease_and_has_descriptors() -> None:
    signals = joined()
    assert (signals.cpu, signals.listeners, signals.frame_lateness_ms) == (0.0, 0, 0.0)
    assert signals.descriptors_max - signals.descriptors == 1_000_000


def test_a_worker_without_a_bound_of_descriptors_divides_nothing_by_zero() -> None:
    assert joined(WorkerReading(descriptors=5, descriptors_max=0)).descriptors == 5


def test_a_silent_worker_counts_as_full_and_late_and_otherwise_as_it_was() -> None:
    last = WorkerReading(cpu=0.2, write_lateness_s=0.1, listeners=70, verdicts={"admit": 2.0})
    mute = silent(last, 1.5)
    assert (mute.cpu, mute.write_lateness_s, mute.listeners) == (1.0, 1.5, 70)
    assert mute.verdicts == {"admit": 2.0}
    assert silent(WorkerReading(write_lateness_s=9.0), 1.5).write_lateness_s == 9.0
