"""The start-up check knows the aiortc that is pinned, and any other."""

import aiortc
import pytest
from aioice.ice import Connection, StunProtocol

from hiwar.stage.webrtc.patches import check_aiortc


def test_the_pinned_aiortc_has_every_name() -> None:
    found = check_aiortc()
    assert found.direct, found.problems


def test_another_version_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc, "__version__", "1.99.0")
    found = check_aiortc()
    assert not found.direct
    assert "1.99.0" in found.problems[0]


@pytest.mark.parametrize(
    "name", ["data_received", "query_consent", "get_component_candidates", "build_request"]
)
def test_a_missing_method_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delattr(Connection, name)
    found = check_aiortc()
    assert not found.direct
    assert any(name in problem for problem in found.problems)


def test_a_method_with_other_parameters_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "data_received", lambda self, data, component, addr: None)
    assert not check_aiortc().direct


def test_a_missing_attribute_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = aiortc.RTCDtlsTransport.__init__

    def made_otherwise(self: aiortc.RTCDtlsTransport, *arguments: object) -> None:
        original(self, *arguments)
        del self._rx_srtp

    monkeypatch.setattr(aiortc.RTCDtlsTransport, "__init__", made_otherwise)
    assert any("_rx_srtp" in problem for problem in check_aiortc().problems)


def test_datagrams_that_go_another_way_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StunProtocol, "datagram_received", lambda self, data, addr: None)
    assert any("data_received" in problem for problem in check_aiortc().problems)


def test_transports_that_cannot_be_made_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise TypeError("another signature")

    monkeypatch.setattr("hiwar.stage.webrtc.patches.RTCIceTransport", fail)
    assert any("another signature" in problem for problem in check_aiortc().problems)
