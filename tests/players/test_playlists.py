"""The playlists that really came over HTTP while players played, held against the rules."""

from itertools import pairwise

import pytest

from tests.packager.hls_rules import check_media, check_multivariant, check_succession
from tests.players.conftest import Broadcast
from tests.players.playlists import FEEDS, Watcher

pytestmark = [pytest.mark.players, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def watcher(broadcast: Broadcast) -> Watcher:
    assert broadcast.watcher is not None
    return broadcast.watcher


def test_every_reading_was_answered(watcher: Watcher) -> None:
    assert watcher.errors == []
    assert all(len(readings) > 10 for readings in watcher.live.values())


@pytest.mark.parametrize("feed", FEEDS)
def test_every_live_list_keeps_the_rules_and_follows_from_the_one_before(watcher: Watcher, feed: str) -> None:
    readings = [check_media(text) for text in watcher.live[feed]]
    for old, new in pairwise(readings):
        check_succession(old, new)
    assert readings[-1].growing.msn > readings[0].growing.msn


@pytest.mark.parametrize("feed", FEEDS)
def test_the_list_from_the_beginning_only_grows(watcher: Watcher, feed: str) -> None:
    readings = [check_media(text) for text in watcher.event[feed]]
    for old, new in pairwise(readings):
        check_succession(old, new)
    assert readings[-1].first_msn == 0
    assert not readings[-1].ended


def test_a_list_asked_for_ahead_of_time_has_what_was_waited_for(watcher: Watcher) -> None:
    assert watcher.waited
    for msn, part, text in watcher.waited:
        playlist = check_media(text)
        growing = playlist.growing
        assert (growing.msn, len(growing.parts)) > (msn, part)


def test_delta_updates_keep_the_rules(watcher: Watcher) -> None:
    assert watcher.skipped
    for text in watcher.skipped:
        check_media(text)


@pytest.mark.parametrize("feed", FEEDS)
def test_the_list_after_the_end_is_whole_and_keeps_every_segment(watcher: Watcher, feed: str) -> None:
    ended = check_media(watcher.ended[feed])
    assert ended.ended
    check_succession(check_media(watcher.event[feed][-1]), ended)


def test_multivariant_lists_keep_the_rules(watcher: Watcher) -> None:
    for text in watcher.multivariant:
        assert {attributes["CODECS"] for attributes, _ in check_multivariant(text)} == {"opus", "mp4a.40.2"}
