from pathlib import Path

from prometheus_client import Counter

from hiwar.ops.metrics import expose, gather

PROBE = Counter("hiwar_test_probe", "Only here.")


async def test_the_metrics_of_every_process_are_shown_with_its_role(tmp_path: Path) -> None:
    PROBE.inc()
    server = await expose("stage", tmp_path)
    try:
        text = await gather(tmp_path)
    finally:
        server.close()
    assert "hiwar_test_probe_total{" in text
    assert 'role="stage"' in text


async def test_a_socket_that_nobody_answers_is_passed_over_and_removed(tmp_path: Path) -> None:
    server = await expose("dead", tmp_path)
    server.close()
    (left,) = tmp_path.glob("metrics-dead-*.sock") or [None]
    assert await gather(tmp_path) in ("", "\n")
    assert left is None or not left.exists()
