"""What ffmpeg, mpv and VLC make of every way of listening is what was said, found again in the source."""

import pytest

from tests.needs import need_program
from tests.players.conftest import FILES, LIVE, LIVE_LISTS, LIVE_SECONDS, REPLAYED, SHIFTED, Broadcast
from tests.players.likeness import Judged, judge, read_pcm
from tests.players.programs import PLAYERS

pytestmark = [pytest.mark.players, pytest.mark.slow, pytest.mark.timeout(300)]


def judged(broadcast: Broadcast, player: str, way: str) -> Judged:
    need_program(player)
    wav = broadcast.paths[player, way]
    log = wav.with_suffix(".log").read_text(errors="replace")[-1500:]
    assert wav.exists(), f"{player} made no sound of {way}:\n{log}"
    result = judge(read_pcm(wav), broadcast.source)
    assert result.found, f"{player} heard nothing but silence in {way}:\n{log}"
    return result


def assert_is_the_source(result: Judged) -> None:
    """Typical pieces are nearly the same; where a jitter buffer moved they are less."""
    assert result.likeness > 0.9, result
    assert result.alike > 0.7, result
    assert result.wander < 0.3, result


@pytest.mark.parametrize("way", [*LIVE, *LIVE_LISTS, *SHIFTED])
@pytest.mark.parametrize("player", PLAYERS)
def test_a_live_conversation_plays(broadcast: Broadcast, player: str, way: str) -> None:
    result = judged(broadcast, player, way)
    assert result.seconds > LIVE_SECONDS - 1.0
    assert_is_the_source(result)


@pytest.mark.parametrize("way", [*REPLAYED, *FILES])
@pytest.mark.parametrize("player", PLAYERS)
def test_a_recording_plays_from_start_to_end(broadcast: Broadcast, player: str, way: str) -> None:
    result = judged(broadcast, player, way)
    assert result.seconds == pytest.approx(broadcast.duration, abs=0.2)
    assert_is_the_source(result)
    assert max(one.heard_at for one in result.found if one.likeness > 0.7) > result.seconds - 10.0


@pytest.mark.parametrize("way", SHIFTED)
def test_a_time_shift_begins_at_the_beginning(broadcast: Broadcast, way: str) -> None:
    first = judged(broadcast, "ffmpeg", way).found[0]
    assert first.source_at < first.heard_at + 0.5
