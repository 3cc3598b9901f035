"""The pure parts of the listening page, run by node against what the packager really writes."""

import json
from base64 import b64encode
from pathlib import Path

from hiwar.media.feed import FEED_OPUS
from hiwar.packager.feeds import init_bytes, render_chunk
from hiwar.packager.fmp4 import render_event
from tests.node import run_node

HERE = Path(__file__).parent
PACKETS = [bytes([0xF8, 0xFF, 0xFE])] * 4


def test_live_edge_control_holds_in_a_simulated_world() -> None:
    run_node(HERE / "live_edge.test.mjs", {})


def test_an_element_that_plays_by_itself_is_watched_and_tried_again() -> None:
    run_node(HERE / "list_source.test.mjs", {})


def test_the_way_to_a_seat_asks_what_when_and_with_what() -> None:
    run_node(HERE / "seat.test.mjs", {})


def test_asking_carries_out_what_was_decided_and_keeps_it_on_the_device() -> None:
    run_node(HERE / "asking.test.mjs", {})


def test_a_hidden_page_is_woken_in_time() -> None:
    run_node(HERE / "alarm.test.mjs", {})


def test_the_long_response_is_opened_anew_with_the_address_of_the_moment() -> None:
    run_node(HERE / "live_source.test.mjs", {})


def test_a_notice_is_shown_until_it_holds_no_more() -> None:
    run_node(HERE / "front_notice.test.mjs", {})


def test_the_stream_is_taken_apart_as_the_packager_put_it_together(tmp_path: Path) -> None:
    stream, media, events = init_bytes("opus"), init_bytes("opus"), []
    for number in range(5):
        body = {"levels": {"h1": -number}, "name": "المضيف"}
        box = render_event("levels", json.dumps(body).encode(), media_time=number * 3840)
        stream += render_chunk(FEED_OPUS, number, PACKETS, [box]).payload
        media += render_chunk(FEED_OPUS, number, PACKETS).payload
        events.append({"kind": "levels", "time": number * 0.08, "body": body})
    vectors = tmp_path / "vectors.json"
    fields = {"stream": b64encode(stream).decode(), "media": b64encode(media).decode(), "events": events}
    vectors.write_text(json.dumps(fields))
    run_node(HERE / "emsg.test.mjs", {"VECTORS": str(vectors)})
