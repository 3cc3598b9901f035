"""The checker itself: it accepts a lawful playlist and names the rule that each broken one breaks."""

import pytest

from hiwar.media.feed import FEED_AAC, Chunk
from hiwar.packager.playlists import render_live
from hiwar.packager.window import LiveWindow
from tests.packager.hls_rules import (
    BrokenRule,
    Media,
    attributes,
    check_media,
    check_multivariant,
    check_succession,
)


def window(parts: int = 12 * 6 + 3) -> LiveWindow:
    made = LiveWindow(FEED_AAC)
    for number in range(parts):
        made.add(Chunk("aac", number, b"x"))
    return made


LIVE = render_live(window(), origin_wallclock=0)
OLD_PARTS = "".join(f'#EXT-X-PART:DURATION=0.32,URI="0.{index}.m4s"\n' for index in range(12))


def test_a_lawful_playlist_passes() -> None:
    playlist = check_media(LIVE)
    assert (len(playlist.segments), len(playlist.growing.parts), playlist.hint) == (6, 3, "6.3.m4s")


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("#EXTM3U\n", "", "4.4.1.1"),
        ("#EXT-X-TARGETDURATION:4\n", "", "4.4.3.1"),
        ("#EXT-X-TARGETDURATION:4", "#EXT-X-TARGETDURATION:3", "4.4.3.1"),
        ("#EXT-X-VERSION:9", "#EXT-X-VERSION:3", "8: the version"),
        ("#EXT-X-VERSION:9\n", "#EXT-X-VERSION:9\n#EXT-X-VERSION:9\n", "twice"),
        ("#EXT-X-VERSION:9\n", "#EXT-X-VERSION:9\n#EXT-X-HIWAR:1\n", "unknown"),
        ("PART-HOLD-BACK=0.96", "PART-HOLD-BACK=0.9", "4.4.3.8"),
        ("CAN-BLOCK-RELOAD=YES,", "", "blocking reload"),
        ("CAN-SKIP-UNTIL=24", "CAN-SKIP-UNTIL=20", "skip boundary"),
        ("#EXT-X-PART-INF:PART-TARGET=0.32\n", "", "EXT-X-PART-INF"),
        ("#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT", "after the end"),
        ("6.3.m4s", "6.2.m4s", "here already"),
        ('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="6.3.m4s"\n', "", "preload hint"),
        ('DURATION=0.32,URI="5.1.m4s"', 'DURATION=0.33,URI="5.1.m4s"', "longer than the part target"),
        ('DURATION=0.32,URI="5.1.m4s"', 'DURATION=0.2,URI="5.1.m4s"', "too short"),
        ('DURATION=0.32,URI="5.11.m4s"', 'DURATION=0.2,URI="5.11.m4s"', "do not add up"),
        ('URI="5.1.m4s",INDEPENDENT=YES', 'URI="5.1.m4s",INDEPENDENT=YES,GAP=YES', "is none"),
        ('URI="5.1.m4s",INDEPENDENT=YES', 'URI="5.1.m4s",INDEPENDENT=NO', "can only be YES"),
        ('URI="5.1.m4s"', 'URI="5.0.m4s"', "own address"),
        ("#EXTINF:3.84,\n0.m4s\n", OLD_PARTS + "#EXTINF:3.84,\n0.m4s\n", "older than three"),
        ("#EXTINF:3.84,\n0.m4s", "0.m4s", "needs EXTINF"),
        ("#EXTINF:3.84,\n0.m4s", "#EXTINF:3.84\n0.m4s", "4.4.4.1"),
        ("\n1.m4s", "\n0.m4s", "own address"),
        ('#EXT-X-MAP:URI="init.mp4"\n', "", "EXT-X-MAP"),
        ('#EXT-X-MAP:URI="init.mp4"\n', "#EXT-X-MAP:X=1\n", "needs a URI"),
        ("#EXT-X-PROGRAM-DATE-TIME:1970", "#EXT-X-PROGRAM-DATE-TIME:70", "not a date"),
        ("\n0.m4s", "\n0 .m4s", "not a URI"),
        ("#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n#EXT-X-MAP", "skips nothing"),
        ("#EXTINF:3.84,\n0.m4s\n", "#EXTINF:3.84,\n#EXT-X-BYTERANGE:5@0\n0.m4s\n", "not both"),
        ("#EXTINF:3.84,\n0.m4s\n", "#EXTINF:3.84,\n#EXT-X-BYTERANGE:5\n0.m4s\n", "4.4.4.2"),
        ("#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-PLAYLIST-TYPE:VOD\n", "has an end"),
        ("#EXT-X-INDEPENDENT-SEGMENTS\n", "\ufeff", "control characters"),
    ],
)  # fmt: skip
def test_each_broken_rule_is_named(old: str, new: str, rule: str) -> None:
    assert old in LIVE
    with pytest.raises(BrokenRule, match=rule):
        check_media(LIVE.replace(old, new, 1))


def test_skipping_within_the_boundary_is_caught() -> None:
    text = render_live(window(12 * 9), origin_wallclock=0, skip=True)
    assert check_media(text).skipped == 2
    with pytest.raises(BrokenRule, match="within the skip boundary"):
        check_media(text.replace("#EXTINF:3.84,\n2.m4s\n", "").replace("#EXTINF:3.84,\n3.m4s\n", ""))


def replaced(old: str, new: str) -> Media:
    return check_media(LIVE.replace(old, new))


@pytest.mark.parametrize(
    ("now", "rule"),
    [
        (check_media(render_live(window(12 * 5 + 3), origin_wallclock=0)), "vanish"),
        (replaced("\n2.m4s", "\ntwo.m4s"), "segment 2 changed"),
        (replaced('"5.1.m4s"', '"five.m4s"'), "parts of 5 changed"),
        (check_media(LIVE.replace("#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-MEDIA-SEQUENCE:9")), "other numbers"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(now: Media, rule: str) -> None:
    with pytest.raises(BrokenRule, match=rule):
        check_succession(check_media(LIVE), now)


@pytest.mark.parametrize("text", ["A=1,A=2", "A", 'A="1"B=2', "a=1"])
def test_an_attribute_list_is_read_strictly(text: str) -> None:
    with pytest.raises(BrokenRule):
        attributes(text)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "aac.m3u8\n",
        "#EXT-X-STREAM-INF:CODECS=\"opus\"\naac.m3u8\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=5\naac.m3u8\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=5,CODECS=\"opus\"\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=5,AVERAGE-BANDWIDTH=6,CODECS=\"opus\"\naac.m3u8\n",
        "#EXTINF:1,\na.mp4\n",
    ],
)  # fmt: skip
def test_a_broken_multivariant_playlist_is_refused(body: str) -> None:
    with pytest.raises(BrokenRule):
        check_multivariant("#EXTM3U\n" + body)
