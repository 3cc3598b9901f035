"""Settings: one table, read from `hiwar.toml` and `HIWAR_*`, checked before anything starts.

The table `SETTINGS` is the documentation too (`docs/settings.md` is held against it by a test). The
environment wins over the file, the file over the default. Unknown keys and bad values are refused with
the key, the value and what is allowed. Numbers are ASCII digits: Python's `int()` would take ١٢٣.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """A key or value that is refused; the text names the key, the value and the range."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `low` and `high` bound numbers; `choices` bounds text."""

    key: str
    default: Any
    doc: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting("data_dir", "var", "Folder of recordings, database and secrets; created if missing."),
    Setting("runtime_dir", "", "Folder of sockets and pid files (mode 0700, short path). Empty: chosen."),
    Setting("public_url", "", "Address under which listeners reach the edge, e.g. https://talk.example.org."),
    Setting("backstage_url", "", "Address under which speakers reach backstage; tell it to nobody else."),
    Setting("edge_host", "127.0.0.1", "Address the front door listens on; 0.0.0.0 or :: for everybody."),
    Setting("edge_port", 8000, "Port of the front door.", 1, 65535),
    Setting("edge_workers", 1, "Worker processes of the front door.", 1, 64),
    Setting("edge_tls_cert", "", "Certificate chain (PEM) of the front door; empty for plain HTTP."),
    Setting("edge_tls_key", "", "Private key (PEM) of the front door."),
    Setting("backstage_host", "127.0.0.1", "Address backstage listens on."),
    Setting("backstage_port", 8001, "Port of backstage.", 1, 65535),
    Setting(
        "backstage_tls_cert",
        "",
        "Certificate chain (PEM) of backstage; microphones need HTTPS off localhost.",
    ),
    Setting("backstage_tls_key", "", "Private key (PEM) of backstage."),
    Setting("trusted_proxies", "", "Networks (CIDR, comma separated) whose X-Forwarded-For is believed."),
    Setting("proxy_protocol", False, "Trusted proxies begin each connection with a PROXY v2 header."),
    Setting("metrics_host", "127.0.0.1", "Address of the Prometheus metrics."),
    Setting("metrics_port", 8009, "Port of the Prometheus metrics; 0 switches them off.", 0, 65535),
    Setting("rtc_port_low", 40500, "Lowest UDP port of speakers' sound.", 1024, 65535),
    Setting("rtc_port_high", 40999, "Highest UDP port of speakers' sound.", 1024, 65535),
    Setting("rtc_public_address", "", "Public IP address of this machine when it is behind NAT."),
    Setting("stun_url", "", "STUN server for speakers and stages, e.g. stun:stun.example.org:3478."),
    Setting("turn_url", "", "TURN server for speakers, e.g. turn:turn.example.org:3478."),
    Setting("turn_user", "", "User name at the TURN server."),
    Setting("turn_password", "", "Password at the TURN server."),
    Setting("speakers_max", 20, "Most speakers in one conversation.", 2, 64),
    Setting("waiting_minutes", 10, "How long a conversation on air waits for somebody to come back.", 1, 240),
    Setting("write_interval_ms", 160, "How often the front door writes to a listener.", 80, 1920),
    Setting(
        "burst_seconds", 2.0, "Sound sent at once to a progressive listener (at least 48 KiB).", 0.0, 20.0
    ),
    Setting("listener_buffer_kb", 256, "Unsent bytes after which a slow listener skips to live.", 16, 4096),
    Setting("seats_max", 0, "Most live listeners on this machine; 0: what it carries.", 0, 65_536),
    Setting("joins_per_second", 0, "Most new listeners a second; 0: what it carries.", 0, 100_000),
    Setting("known_networks", "", "Networks (CIDR, comma separated) that no share or limit is held against."),
    Setting(
        "kernel_help",
        "off",
        "Let the kernel drop sources that are refused over and over (nftables; needs CAP_NET_ADMIN).",
        choices=("off", "on"),
    ),
    Setting(
        "placement",
        "auto",
        "Keep the front door off a core of the speakers' and order processes by priority; off: neither.",
        choices=("auto", "off"),
    ),
    Setting("egress_mbit", 0, "What the line carries outwards, in Mbit/s; 0: not said.", 0, 1_000_000),
    Setting(
        "lighter_renditions",
        "auto",
        "Make lighter Opus, AAC and MP3 too, for when the line is full; auto: if egress_mbit is set.",
        choices=("auto", "on", "off"),
    ),
    Setting("log_level", "info", "How much is logged.", choices=("debug", "info", "warning", "error")),
    Setting("language", "ar", "Language of pages for whom the browser names none.", choices=("ar", "en")),
    Setting("demonstration", False, "Keep a demonstration conversation on air."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked values, one attribute a row of `SETTINGS`."""

    data_dir: str
    runtime_dir: str
    public_url: str
    backstage_url: str
    edge_host: str
    edge_port: int
    edge_workers: int
    edge_tls_cert: str
    edge_tls_key: str
    backstage_host: str
    backstage_port: int
    backstage_tls_cert: str
    backstage_tls_key: str
    trusted_proxies: str
    proxy_protocol: bool
    metrics_host: str
    metrics_port: int
    rtc_port_low: int
    rtc_port_high: int
    rtc_public_address: str
    stun_url: str
    turn_url: str
    turn_user: str
    turn_password: str
    speakers_max: int
    waiting_minutes: int
    write_interval_ms: int
    burst_seconds: float
    listener_buffer_kb: int
    seats_max: int
    joins_per_second: int
    known_networks: str
    kernel_help: str
    placement: str
    egress_mbit: int
    lighter_renditions: str
    log_level: str
    language: str
    demonstration: bool

    @property
    def data(self) -> Path:
        return Path(self.data_dir).resolve()

    @property
    def makes_lighter(self) -> bool:
        """Whether stages make lighter renditions: some 3 % of a core each, so only where they can help."""
        return self.lighter_renditions == "on" or (self.lighter_renditions == "auto" and self.egress_mbit > 0)

    def as_environment(self) -> dict[str, str]:
        """These settings as `HIWAR_*`, from which another process reads the very same."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"HIWAR_{key.upper()}": _as_text(value) for key, value in values.items()}

    @property
    def listener_address(self) -> str:
        """Where listeners go, without a trailing slash."""
        return (self.public_url or _address(self.edge_host, self.edge_port, self.edge_tls_cert)).rstrip("/")

    @property
    def speaker_address(self) -> str:
        """Where speakers go, without a trailing slash."""
        return (
            self.backstage_url or _address(self.backstage_host, self.backstage_port, self.backstage_tls_cert)
        ).rstrip("/")


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_settings(environment: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from `file` (default: `HIWAR_CONFIG`, else `hiwar.toml` here if there is one) and `HIWAR_*`.

    Raises:
        BadSetting: an unknown key, or a value out of its range; nothing is guessed.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {row.key: row.default for row in SETTINGS}
    rows = {row.key: row for row in SETTINGS}
    for key, value in {**_file_values(environment, file), **_environment_values(environment)}.items():
        if key not in rows:
            raise BadSetting(f"{key}: there is no such setting; the settings are listed in docs/settings.md")
        values[key] = _check(rows[key], value)
    settings = Settings(**values)
    _check_together(settings)
    return settings


def _file_values(environment: Mapping[str, str], file: Path | None) -> dict[str, Any]:
    named = file or (Path(environment["HIWAR_CONFIG"]) if "HIWAR_CONFIG" in environment else None)
    path = named or Path("hiwar.toml")
    if named is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: is not a TOML file: {error}") from error


def _environment_values(environment: Mapping[str, str]) -> dict[str, str]:
    prefix = "HIWAR_"
    reserved = {"HIWAR_CONFIG"}
    return {
        name[len(prefix) :].lower(): value
        for name, value in environment.items()
        if name.startswith(prefix) and name not in reserved
    }


def _check(row: Setting, value: Any) -> Any:
    kind = type(row.default)
    if kind is bool:
        return _boolean(row, value)
    if kind in (int, float):
        return _number(row, value, kind)
    if not isinstance(value, str):
        raise BadSetting(f"{row.key} = {value!r}: must be text in quotes")
    if row.choices and value not in row.choices:
        raise BadSetting(f"{row.key} = {value!r}: must be one of {', '.join(row.choices)}")
    return value


def _boolean(row: Setting, value: Any) -> bool:
    known = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    if isinstance(value, (bool, str)) and value in known:
        return known[value]
    raise BadSetting(f"{row.key} = {value!r}: must be true or false")


def _number(row: Setting, value: Any, kind: type) -> float | int:
    low, high = row.low or 0, row.high or 0
    number: float | int | None = None
    if isinstance(value, str):
        if re.fullmatch(
            r"-?[0-9]{1,12}" if kind is int else r"-?[0-9]{1,12}(\.[0-9]{1,6})?", value, re.ASCII
        ):
            number = kind(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        number = kind(value) if kind(value) == value else None  # in range: TOML also has inf
    if number is None or not low <= number <= high:
        what = "a whole number" if kind is int else "a number"
        raise BadSetting(f"{row.key} = {value!r}: must be {what} from {row.low} to {row.high} (digits 0-9)")
    return number


def _check_together(settings: Settings) -> None:
    if settings.rtc_port_low >= settings.rtc_port_high:
        raise BadSetting(
            f"rtc_port_low = {settings.rtc_port_low}: must be below rtc_port_high ({settings.rtc_port_high})"
        )
    if settings.write_interval_ms % 80:
        raise BadSetting(
            f"write_interval_ms = {settings.write_interval_ms}: must be a multiple of 80 from 80 to 1920"
        )
    for key, kind in _FORMS.items():
        _check_form(key, getattr(settings, key), kind)
    for door in ("edge", "backstage"):
        cert, key = getattr(settings, f"{door}_tls_cert"), getattr(settings, f"{door}_tls_key")
        if bool(cert) != bool(key):
            raise BadSetting(f"{door}_tls_cert and {door}_tls_key: set both or neither")


_FORMS = {
    "public_url": "url",
    "backstage_url": "url",
    "rtc_public_address": "address",
    "trusted_proxies": "networks",
    "known_networks": "counted networks",
    "stun_url": "stun",
    "turn_url": "turn",
}
_EXAMPLES = {
    "url": "an address like https://talk.example.org",
    "address": "an IP address like 203.0.113.7",
    "networks": "networks like 10.0.0.0/8, 2001:db8::/32",
    "counted networks": "networks like 10.0.0.0/8, 2001:db8::/32, of IPv6 none finer than /64",
    "stun": "an address like stun:stun.example.org:3478",
    "turn": "an address like turn:turn.example.org:3478",
}
_SERVER = re.compile(r"(stuns?|turns?):[A-Za-z0-9.\[\]:-]+(\?transport=(udp|tcp))?", re.ASCII)


def _check_form(key: str, value: str, kind: str) -> None:
    """Refuse text that is set and is not what its row says it is."""
    if value and not _has_form(value, kind):
        raise BadSetting(f"{key} = {value!r}: must be {_EXAMPLES[kind]}, or empty")


def _has_form(value: str, kind: str) -> bool:
    if kind in ("stun", "turn"):
        return _SERVER.fullmatch(value) is not None and value.startswith(kind)
    try:
        if kind == "url":
            parts = urlsplit(value)
            return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        if kind == "address":
            return bool(ip_address(value))
        networks = [ip_network(text.strip()) for text in value.split(",")]
        return kind == "networks" or all(each.version == 4 or each.prefixlen <= 64 for each in networks)
    except ValueError:
        return False


def _address(host: str, port: int, cert: str) -> str:
    shown = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}.get(host, host)  # noqa: S104
    return f"{'https' if cert else 'http'}://{f'[{shown}]' if ':' in shown else shown}:{port}"


assert tuple(field.name for field in fields(Settings)) == tuple(row.key for row in SETTINGS)
