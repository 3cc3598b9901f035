"""The stage's metrics are read from the running stage."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from hiwar.stage.metrics import StageMetrics
from tests.stage.scripted import Stage, tone
from tests.stage.test_live import running


async def test_the_figures_of_a_stage_on_air_are_shown(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with running(stage):
        host = stage.enter("h1")
        await stage.open_air()
        await host.speak(tone(440, 0.4))
        registry = CollectorRegistry()
        registry.register(StageMetrics(stage.live))
        text = generate_latest(registry).decode()
    assert 'hiwar_stage_frame_lateness_seconds{percentile="99.9"}' in text
    assert 'hiwar_stage_frame_late_by_seconds_bucket{le="0.002"}' in text
    assert "hiwar_stage_speakers 1.0" in text
    assert "hiwar_stage_recorder_dropped_total 0.0" in text
    assert 'hiwar_stage_speaker_packets_total{outcome="received"}' in text
    frames = next(line for line in text.splitlines() if line.startswith("hiwar_stage_frames_total"))
    assert float(frames.split()[1]) > 5
