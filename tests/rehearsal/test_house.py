"""The instance as it would be started, its relatives, what is reckoned, and the picture; nothing is started
here but a child that echoes."""

import io
import os
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from hiwar.ops.settings import load_settings
from hiwar.rehearsal.aim import LOOPBACK, MARK_CHARS, MARK_VARIABLE
from hiwar.rehearsal.director import make_plan
from hiwar.rehearsal.family import Relative
from hiwar.rehearsal.instance import Failed, Instance
from hiwar.rehearsal.intervals import reckon
from hiwar.rehearsal.orders import Attacked, Living
from hiwar.rehearsal.picture import Picture
from hiwar.rehearsal.playing import Moment
from hiwar.rehearsal.records import Row
from hiwar.rehearsal.speakers import near_candidates, own_addresses
from hiwar.rehearsal.words import ACTS
from hiwar.tokens.token import Kind, parse_token
from tests.rehearsal.reports import act

REAL = {
    "HIWAR_EDGE_HOST": "0.0.0.0", "HIWAR_EDGE_PORT": "443", "HIWAR_PUBLIC_URL": "https://talk.example.org",
    "HIWAR_STUN_URL": "stun:stun.example.org:3478", "HIWAR_DATA_DIR": "/srv/hiwar", "HIWAR_EDGE_WORKERS": "3",
    "HIWAR_KNOWN_NETWORKS": "127.0.0.0/8", "HIWAR_EGRESS_MBIT": "500", "HIWAR_TRUSTED_PROXIES": "10.0.0.0/8",
}  # fmt: skip


def test_an_instance_takes_what_the_machine_carries_and_nothing_that_leads_out_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HIWAR_TURN_URL", "turn:turn.example.org:3478")
    instance = Instance(load_settings(REAL, Path(os.devnull)))
    own = instance.environment
    settings = load_settings(own)
    assert (settings.edge_workers, settings.egress_mbit) == (3, 500)
    assert settings.edge_host == settings.backstage_host == LOOPBACK
    assert settings.edge_port not in (443, 8000)
    assert settings.public_url == settings.stun_url == settings.turn_url == settings.known_networks == ""
    assert settings.trusted_proxies == f"{LOOPBACK}/32"
    assert "/srv" not in settings.data_dir
    assert settings.kernel_help == "off"
    assert own[MARK_VARIABLE] == instance.mark
    assert len(instance.mark) == MARK_CHARS
    assert settings.rtc_port_high < 32_768
    instance.close()
    assert not Path(settings.data_dir).parent.exists()


def test_no_two_instances_share_a_mark_or_a_folder() -> None:
    one, other = (Instance(load_settings({}, Path(os.devnull))) for _ in range(2))
    assert one.mark != other.mark
    assert one.directory.data != other.directory.data
    one.close()
    other.close()


def test_a_secure_instance_has_a_certificate_of_its_own() -> None:
    instance = Instance(load_settings({}, Path(os.devnull)), secure=True)
    settings = load_settings(instance.environment)
    assert Path(settings.edge_tls_cert).read_text().startswith("-----BEGIN CERTIFICATE")
    assert instance.edge.secure
    assert not instance.backstage.secure
    instance.close()


def test_vouchers_are_personal_and_each_another() -> None:
    instance = Instance(load_settings({}, Path(os.devnull)))
    instance.conversation = "abcdef"
    vouchers = instance.vouchers(3)
    from hiwar.ops.secrets import load_secrets

    key = load_secrets(instance.directory.data).token_key
    tokens = [
        parse_token(each, key, kind=Kind.VOUCHER, conversation="abcdef", wallclock=0.0) for each in vouchers
    ]
    assert {token.role for token in tokens} == {"p"}
    assert len({token.subject for token in tokens}) == 3
    instance.close()


def test_an_instance_that_does_not_start_says_what_it_said() -> None:
    command = (sys.executable, "-c", "print('no disk', flush=True); raise SystemExit(3)")
    instance = Instance(load_settings({}, Path(os.devnull)), command=command)
    with pytest.raises(Failed, match=r"ended with 3(.|\n)*no disk"):
        instance.__enter__()


ECHO = """
import sys
for line in sys.stdin:
    if "fail" in line:
        sys.exit("it broke")
    print(line, end="", flush=True)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echoing.py").write_text(textwrap.dedent(ECHO))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "echoing"


def test_a_relative_is_told_and_heard_line_by_line(echo: str) -> None:
    with Relative[int](echo, int | str) as relative:
        for said in (1, "x", 2):
            relative.tell(said)
        heard: list[int] = []
        while len(heard) < 3:
            heard += relative.hear(5.0)
        assert heard == [1, "x", 2]
        relative.tell("y")
        relative.tell(3)
        assert relative.wait_for(int, 5.0) == 3
        with pytest.raises(Failed, match="did not answer"):
            relative.wait_for(int, 0.1)


def test_a_relative_that_breaks_says_why(echo: str) -> None:
    with Relative[str](echo, str, alone=True) as relative:
        relative.tell("fail")
        with pytest.raises(Failed, match="it broke"):
            relative.wait_for(int, 5.0)
        with pytest.raises(Failed):
            relative.tell("more")


def test_seats_are_the_least_of_what_binds() -> None:
    few = reckon(load_settings({"HIWAR_SEATS_MAX": "100"}, Path(os.devnull)), 160, 300, 40.0)
    assert (few.seats, few.by) == (100, "setting")
    line = reckon(load_settings({"HIWAR_EGRESS_MBIT": "10"}, Path(os.devnull)), 160, 300, 40.0)
    assert line.by == "egress"
    dear = reckon(load_settings({}, Path(os.devnull)), 80, 300, 5799.0)
    assert (dear.seats, dear.by) == (100, "processor")
    two = reckon(load_settings({"HIWAR_EDGE_WORKERS": "2"}, Path(os.devnull)), 80, 300, 5799.0)
    assert two.bounds["processor"] == 200


def test_speakers_try_no_address_of_another_machine() -> None:
    sdp = (
        "v=0\r\na=candidate:1 1 udp 1 127.0.0.1 5000 typ host\r\n"
        "a=candidate:2 1 udp 1 203.0.113.7 5000 typ host\r\na=end-of-candidates\r\n"
    )
    near = near_candidates(sdp, own_addresses())
    assert "127.0.0.1" in near
    assert "203.0.113.7" not in near
    assert near.endswith("a=end-of-candidates\r\n")
    assert LOOPBACK in own_addresses()


def shown(picture: Picture) -> str:
    console = Console(width=120, height=40, file=io.StringIO(), force_terminal=False)
    console.print(picture.render())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_the_picture_shows_acts_seats_health_and_newcomers() -> None:
    picture = Picture(Console(file=io.StringIO()))
    assert "..." in shown(picture)
    picture.begin(make_plan())
    picture.prepare("interval 160")
    assert "Measuring what a listener costs" in shown(picture)
    living = Living(
        listening=210, waiting=3, came=20, answered=19, seated=18, longest_gap_s=0.4, thrown_out=2
    )
    row = Row(1.0, 2, 300, 400, 25, 90.0, 640, 6.5, 210)
    attacked = Attacked(counts={"opened": 7, "429": 99}, open=5)
    picture.look(Moment("pages", row, living, attacked, 4.0))
    text = shown(picture)
    for wanted in ("limited", "300 of 400", "640 ms", "6.5 ms late", "2 thrown out", "19 answered, 18 seated",
                   "429 99", "5 connections open", "4 s left"):  # fmt: skip
        assert wanted in text, wanted
    assert all(said.english in text for said in ACTS.values())


def test_the_picture_marks_what_was_missed() -> None:
    picture = Picture(Console(file=io.StringIO()))
    picture.begin(make_plan())
    played = act("pages")
    picture.played(played)
    assert "✓" in shown(picture)
    from hiwar.rehearsal.judging import at_most

    played.findings = [at_most("frames skipped", 3, "frames", 0)]
    assert "✗ 1" in shown(picture)


def test_a_report_is_read_back_as_it_was_written() -> None:
    from hiwar.rehearsal.records import Report
    from tests.rehearsal.reports import report

    made = report(act())
    assert msgspec.json.decode(msgspec.json.encode(made), type=Report) == made
