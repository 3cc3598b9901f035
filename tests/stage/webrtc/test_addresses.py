"""Which addresses a session listens on."""

from hiwar.stage.webrtc.addresses import ADDRESSES_MAX, choose_addresses, local_addresses


def test_bridges_loopback_and_link_local_are_left_out_and_ipv4_comes_first() -> None:
    found = [
        ("lo", "127.0.0.1"),
        ("lo", "::1"),
        ("docker0", "172.17.0.1"),
        ("br-4f1c", "172.18.0.1"),
        ("veth12", "169.254.1.1"),
        ("eth0", "2001:db8::5"),
        ("eth0", "fe80::1"),
        ("eth0", "192.0.2.5"),
        ("wlan0", "198.51.100.7"),
    ]
    assert choose_addresses(found) == ("192.0.2.5", "198.51.100.7", "2001:db8::5")


def test_a_machine_without_a_network_serves_itself() -> None:
    assert choose_addresses([("lo", "127.0.0.1"), ("eth0", "nonsense")]) == ("127.0.0.1",)


def test_a_machine_with_very_many_addresses_uses_a_few() -> None:
    assert len(choose_addresses([("eth0", f"192.0.2.{number}") for number in range(100)])) == ADDRESSES_MAX


def test_this_machine_has_at_least_one() -> None:
    assert local_addresses()
