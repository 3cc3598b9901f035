"""The stage's Prometheus metrics, read from the running stage when somebody asks."""

from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hiwar.stage.lateness import LATE_SECONDS, Lateness
from hiwar.stage.live import Live

LATENESS_BOUNDS = (0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02)
PERCENTILES = (50.0, 99.0, 99.9, 100.0)


class StageMetrics(Collector):
    """A collector over one `Live`, read when the registry is asked."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def collect(self) -> Iterable[Metric]:
        yield from self._clock()
        yield from self._recording()
        yield from self._speakers()

    def _clock(self) -> Iterable[Metric]:
        clock = self._live.clock
        late = GaugeMetricFamily(
            "hiwar_stage_frame_lateness_seconds",
            "How late 20 ms frames began, by percentile since the stage started.",
            labels=["percentile"],
        )
        for percent in PERCENTILES:
            late.add_metric([f"{percent:g}"], clock.lateness.percentile(percent))
        yield late
        yield _histogram(clock.lateness)
        yield _counter("hiwar_stage_frames", "Frames of 20 ms made.", clock.lateness.count)
        yield _counter(
            "hiwar_stage_frames_late", "Frames begun over 5 ms late.", clock.lateness.over(LATE_SECONDS)
        )
        yield _counter(
            "hiwar_stage_frames_skipped", "Frames passed over after the process was held up.", clock.skipped
        )

    def _recording(self) -> Iterable[Metric]:
        broadcast = self._live.broadcast
        yield _gauge(
            "hiwar_stage_recorder_lag_seconds",
            "Age of the oldest thing that is not on disk yet.",
            broadcast.recorder_lag_seconds,
        )
        yield _counter(
            "hiwar_stage_recorder_dropped",
            "Chunks, packets and lines that the recording lost for want of disk and memory.",
            broadcast.recorder_dropped,
        )
        yield _gauge(
            "hiwar_stage_encoder_queue_frames", "Frames that wait for AAC and MP3.", broadcast.slow_behind
        )
        yield _counter(
            "hiwar_stage_encoder_dropped_frames",
            "Frames that AAC and MP3 lost for being too slow.",
            broadcast.slow_dropped,
        )

    def _speakers(self) -> Iterable[Metric]:
        seats = self._live.cast.seats()
        yield _gauge("hiwar_stage_speakers", "Speakers in the room.", len(seats))
        packets = CounterMetricFamily(
            "hiwar_stage_speaker_packets",
            "Packets of the speakers who are here now, by what became of them.",
            labels=["outcome"],
        )
        totals: dict[str, int] = {}
        for seat in seats:
            for name, count in seat.voice.decoder.buffer.counts.as_dict().items():
                totals[name] = totals.get(name, 0) + count
        for name, count in totals.items():
            packets.add_metric([name], count)
        yield packets


def expose_stage(live: Live) -> None:
    """Show the stage's figures in this process's registry."""
    REGISTRY.register(StageMetrics(live))


def _histogram(lateness: Lateness) -> Metric:
    """What a window's percentiles are made of: the difference of two readings."""
    total = lateness.count
    buckets = [(f"{bound:g}", float(max(0, total - lateness.over(bound)))) for bound in LATENESS_BOUNDS]
    return HistogramMetricFamily(
        "hiwar_stage_frame_late_by_seconds",
        "How late 20 ms frames began.",
        buckets=[*buckets, ("+Inf", float(total))],
        sum_value=lateness.sum_seconds,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)
