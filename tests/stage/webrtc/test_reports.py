"""RTCP: two exchanges talk to each other, and nothing on the wire breaks one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.stage.webrtc.reception import Reception
from hiwar.stage.webrtc.reports import BadReport, ReportExchange, Sent

NOW = 3_900_000_000.25


def test_round_trip_and_loss_come_back_in_the_peers_report() -> None:
    here, there = ReportExchange(1, "here"), ReportExchange(2, "there")
    there.take(here.render(Sent(50, 4_000, 48_000), [], NOW), NOW)
    source = Reception(ssrc=1)
    for number in (0, 1, 3):
        source.add(number, 960 * number, 0.02 * number)
    here.take(there.render(None, [source], NOW + 1.0), NOW + 1.08)
    assert here.rtt_seconds == pytest.approx(0.08, abs=0.001)
    assert here.lost_fraction_out == pytest.approx(0.25)
    assert there.lost_fraction_in == pytest.approx(0.25)


def test_a_report_about_somebody_else_changes_nothing() -> None:
    here, there = ReportExchange(1, "here"), ReportExchange(2, "there")
    source = Reception(ssrc=3)
    source.add(0, 0, 0.0)
    here.take(there.render(None, [source], NOW), NOW)
    assert here.rtt_seconds is None


def test_what_is_asked_for_again_is_told() -> None:
    here, there = ReportExchange(1, "here"), ReportExchange(2, "there")
    assert here.take(there.render_nack(1, [5, 6, 40]), NOW) == [5, 6, 40]
    assert here.take(there.render_nack(9, [5]), NOW) == []


def test_a_damaged_report_is_refused() -> None:
    with pytest.raises(BadReport):
        ReportExchange(1, "here").take(b"\x80\xc8\x00\xff", NOW)


@given(st.binary(max_size=120))
def test_no_bytes_break_an_exchange(data: bytes) -> None:
    exchange = ReportExchange(1, "here")
    for prefix in (b"", b"\x81\xc8\x00\x0c", b"\x81\xc9\x00\x07", b"\x81\xcd\x00\x03"):
        try:
            exchange.take(prefix + data, NOW)
        except BadReport:
            continue
    exchange.render(Sent(1, 1, 1), [], NOW)
