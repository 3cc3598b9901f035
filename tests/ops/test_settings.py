import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.ops.settings import SETTINGS, BadSetting, load_settings


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hiwar.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_hold_where_nothing_is_said() -> None:
    settings = load_settings({})
    assert {row.key: getattr(settings, row.key) for row in SETTINGS} == {
        row.key: row.default for row in SETTINGS
    }


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'edge_port = 9000\nlanguage = "en"')
    settings = load_settings({"HIWAR_EDGE_PORT": "9100"}, path)
    assert (settings.edge_port, settings.language) == (9100, "en")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("edge_prot = 1", "edge_prot"),
        ("edge_port = 0", "edge_port = 0: must be a whole number from 1 to 65535"),
        ("edge_port = 70000", "from 1 to 65535"),
        ('edge_port = "٨٠٠٠"', "digits 0-9"),
        ("edge_port = true", "whole number"),
        ("edge_port = 80.5", "whole number"),
        ("edge_port = inf", "whole number"),
        ("edge_port = nan", "whole number"),
        (f"burst_seconds = 1{'0' * 400}", "a number from 0.0 to 20.0"),
        ('burst_seconds = "nan"', "a number from 0.0 to 20.0"),
        ("burst_seconds = nan", "a number from 0.0 to 20.0"),
        ("burst_seconds = inf", "a number from 0.0 to 20.0"),
        ("demonstration = 3", "true or false"),
        ('language = "fr"', "one of ar, en"),
        ("data_dir = 3", "text in quotes"),
        ("write_interval_ms = 100", "multiple of 80"),
        ("rtc_port_low = 50000", "below rtc_port_high"),
        ('edge_tls_cert = "x.pem"', "set both or neither"),
        ('public_url = "talk.example.org"', "https://talk.example.org"),
        ('backstage_url = "ftp://x"', "https://talk.example.org"),
        ('rtc_public_address = "here"', "203.0.113.7"),
        ('trusted_proxies = "10.0.0.0/8, all"', "10.0.0.0/8"),
        ('known_networks = "2001:db8::/65"', "none finer than /64"),
        ('kernel_help = "yes"', "one of off, on"),
        ('placement = "on"', "one of auto, off"),
        ('stun_url = "turn:x:1"', "stun:stun.example.org"),
        ("egress_mbit = -1", "from 0 to 1000000"),
        ('lighter_renditions = "yes"', "one of auto, on, off"),
        ("edge_port = ٨٠٠٠", "is not a TOML file"),
        ("edge_port", "is not a TOML file"),
    ],
)
def test_a_bad_value_is_refused_with_key_value_and_range(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load_settings({}, written(tmp_path, text))
    assert told in str(caught.value)


def test_addresses_in_their_right_form_are_taken() -> None:
    taken = {
        "PUBLIC_URL": "https://talk.example.org",
        "RTC_PUBLIC_ADDRESS": "2001:db8::1",
        "TRUSTED_PROXIES": "127.0.0.1/32, 10.0.0.0/8",
        "KNOWN_NETWORKS": "192.0.2.7/32, 2001:db8:1:2::/64",
        "TURN_URL": "turns:turn.example.org:5349?transport=tcp",
    }
    settings = load_settings({f"HIWAR_{key}": value for key, value in taken.items()})
    assert settings.listener_address == "https://talk.example.org"


@pytest.mark.parametrize(
    ("wish", "egress", "made"),
    [("auto", 0, False), ("auto", 1000, True), ("on", 0, True), ("off", 1000, False)],
)
def test_lighter_renditions_are_made_where_they_are_wanted(wish: str, egress: int, made: bool) -> None:
    environment = {"HIWAR_LIGHTER_RENDITIONS": wish, "HIWAR_EGRESS_MBIT": str(egress)}
    assert load_settings(environment).makes_lighter is made


def test_a_file_that_is_named_but_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot be read"):
        load_settings({"HIWAR_CONFIG": str(tmp_path / "none.toml")})


@given(
    st.sampled_from([row.key for row in SETTINGS]), st.text(max_size=30).filter(lambda text: "\0" not in text)
)
def test_any_text_is_taken_or_refused_clearly(key: str, text: str) -> None:
    with contextlib.suppress(BadSetting):
        load_settings({f"HIWAR_{key.upper()}": text})
