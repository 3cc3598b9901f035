"""Whose word counts for where a request came from."""

import pytest

from hiwar.door.trusted import UNIX_PEER, BadNetworks, TrustedPeers, plain_address


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("9.9.9.9", {"x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https"}, ("9.9.9.9", False)),
        ("10.0.0.1", {"x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https"}, ("1.1.1.1", True)),
        ("10.0.0.1", {"x-forwarded-for": "6.6.6.6, 1.1.1.1, 10.0.0.2"}, ("1.1.1.1", False)),
        ("10.0.0.1", {"x-forwarded-for": "1.1.1.1, nonsense"}, ("10.0.0.1", False)),
        ("10.0.0.1", {}, ("10.0.0.1", False)),
        (UNIX_PEER, {"x-hiwar-client": "1.2.3.4", "x-forwarded-proto": "https"}, ("1.2.3.4", True)),
        (UNIX_PEER, {}, (UNIX_PEER, False)),
        ("9.9.9.9", {"x-hiwar-client": "1.2.3.4"}, ("9.9.9.9", False)),
    ],
)
def test_only_a_trusted_peer_may_name_the_client(
    peer: str, headers: dict[str, str], expected: tuple[str, bool]
) -> None:
    assert TrustedPeers("10.0.0.0/8, fd00::/8").origin(peer, headers, secure=False) == expected


def test_a_network_of_one_kind_says_nothing_of_the_other() -> None:
    assert TrustedPeers("0.0.0.0/0").trusts("1.2.3.4")
    assert not TrustedPeers("0.0.0.0/0").trusts("::1")
    assert not TrustedPeers("::/0").trusts("1.2.3.4")
    assert TrustedPeers("fd00::/8").trusts("fd12::1")
    assert not TrustedPeers("fd00::/8").trusts("fe80::1%eth0")
    assert not TrustedPeers("").trusts("1.2.3.4")


def test_a_setting_that_is_no_network_is_refused_by_name() -> None:
    with pytest.raises(BadNetworks, match="nowhere"):
        TrustedPeers("10.0.0.0/8,nowhere")


def test_an_address_is_shown_plainly() -> None:
    assert plain_address("::ffff:1.2.3.4") == "1.2.3.4"
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("1.2.3.4") == "1.2.3.4"
    assert plain_address("::ffff:0:0") == "::ffff:0:0"
