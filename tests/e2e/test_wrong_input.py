"""Wrong input at every door of a running Hiwar: the right status, one clear sentence, and a conversation on
air goes on as if nothing had been."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hiwar.media.packet import AUDIO_LEVEL_URI
from hiwar.ops.secrets import load_secrets
from hiwar.tokens.token import Kind, Token, render_token
from tests.e2e.sound import decode, longest_silence, tone_level
from tests.running import Hiwar, Opened, ask, command_room, hls_address, until

pytestmark = [pytest.mark.slow]

TONE_HZ = 220.0  # of the first speaker of tests.whip_speaker
SENTENCE_CHARS_MAX = 240
GAP_SECONDS_MAX = 0.1

SDP = "\r\n".join(
    [
        "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendrecv", "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2", f"a=extmap:1 {AUDIO_LEVEL_URI}", "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "",
    ]
)  # fmt: skip
VIDEO = SDP.replace("m=audio", "m=video").replace("opus/48000/2", "VP8/90000")
HUGE = SDP + "a=x-filler:" + "x" * 10_000_000 + "\r\n"


@dataclass
class OnAir:
    """A conversation with one speaker whose tone somebody keeps while the tests go on."""

    hiwar: Hiwar
    opened: Opened
    kept: bytearray = field(default_factory=bytearray)
    over: threading.Event = field(default_factory=threading.Event)

    def keep(self) -> None:
        with socket.create_connection(("127.0.0.1", self.hiwar.edge_port), timeout=15) as connection:
            connection.sendall(
                f"GET /c/{self.opened.id}/live.ogg HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
            while not self.over.is_set():
                self.kept += connection.recv(65_536)


@pytest.fixture(scope="module")
def on_air(hiwar: Hiwar) -> Iterator[OnAir]:
    opened = hiwar.open(guests=3)
    command = [sys.executable, "-m", "tests.whip_speaker", "--port", str(hiwar.backstage_port), "--send-only"]
    command += ["--conversation", opened.id, "--token", opened.token("h1"), "--seconds", "300"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as speaker:
        assert speaker.stdout is not None
        assert b"connected" in speaker.stdout.readline()
        command_room(hiwar, opened, kind="open_air")
        until(lambda: hiwar.get(f"/c/{opened.id}/now").status == 200)
        time.sleep(1.0)
        there = OnAir(hiwar, opened)
        listener = threading.Thread(target=there.keep, daemon=True)
        listener.start()
        yield there
        there.over.set()
        listener.join(15)
        speaker.kill()


@dataclass(frozen=True)
class Refused:
    status: int
    text: str


def send(port: int, method: str, target: str, headers: dict[str, str], body: bytes) -> Refused:
    """A request whose answer may come, and whose connection may close, before the body is sent."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65_536):
                answer += piece
    head, _, content = bytes(answer).partition(b"\r\n\r\n")
    return Refused(int(head.split(b" ", 2)[1]), content.decode())


def offer(on_air: OnAir, *, sdp: str = SDP, token: str | None = None, conversation: str = "") -> Refused:
    """A speaker's POST; by default a good offer with the first guest's pass."""
    headers = {"Content-Type": "application/sdp"}
    given = on_air.opened.token("g1") if token is None else token
    if given:
        headers["Authorization"] = f"Bearer {given}"
    target = f"/whip/{conversation or on_air.opened.id}"
    return send(on_air.hiwar.backstage_port, "POST", target, headers, sdp.encode())


def listen(on_air: OnAir, path: str, **headers: str) -> Refused:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(on_air.hiwar.edge_port, "GET", f"/c/{path}".replace("ID", on_air.opened.id), named, b"")


def signed(on_air: OnAir, *, key: bytes = b"", expires: int = 0) -> str:
    """A guest's pass, made as Hiwar makes it."""
    token = Token(Kind.PASS, on_air.opened.id, "g1", "guest", expires)
    return render_token(token, key or load_secrets(on_air.hiwar.data).token_key)


def revoked(on_air: OnAir) -> str:
    """The third guest's pass, just taken back."""
    headers = {"authorization": f"Bearer {on_air.opened.token('h1')}"}
    answer = ask("DELETE", f"{on_air.hiwar.backstage}/b/{on_air.opened.id}/links/g3", headers=headers)
    assert answer.status in (200, 204)
    return on_air.opened.token("g3")


def hls(on: OnAir, rest: str) -> Refused:
    """An address below `hls/` asked for by one who has a seat, or the key that its playlist gives."""
    address = hls_address(f"{on.hiwar.edge}/c/{on.opened.id}", "opus")
    proof = address.partition("?")[2]
    if rest.endswith(".m4s"):
        found = re.search(r"k=[0-9a-f]+", ask("GET", address).body.decode())
        assert found is not None
        proof = found[0]
    return listen(on, f"ID/hls/{rest}{'&' if '?' in rest else '?'}{proof}")


CASES: dict[str, tuple[int, Callable[[OnAir], Refused]]] = {
    "SDP that is not SDP": (400, lambda on: offer(on, sdp="<html>hello</html>")),
    "SDP of random bytes": (400, lambda on: offer(on, sdp="v=0\r\n\x00\x01\x02")),
    "SDP of 10 MB": (413, lambda on: offer(on, sdp=HUGE)),
    "video offered": (422, lambda on: offer(on, sdp=VIDEO)),
    "no pass": (401, lambda on: offer(on, token="")),
    "expired pass": (401, lambda on: offer(on, token=signed(on, expires=1))),
    "forged pass": (401, lambda on: offer(on, token=signed(on, key=b"k" * 32))),
    "pass of nonsense": (401, lambda on: offer(on, token="a.b.c")),
    "pass taken back": (403, lambda on: offer(on, token=revoked(on))),
    "two publishers with one pass": (409, lambda on: offer(on, token=on.opened.token("h1"))),
    "speaking in an unknown conversation": (404, lambda on: offer(on, conversation="unknown0001")),
    "listening to an unknown conversation": (404, lambda on: listen(on, "unknown0001/live.ogg")),
    "page of an unknown conversation": (404, lambda on: listen(on, "unknown0001")),
    "range beyond the end": (416, lambda on: listen(on, "ID/archive/opus.mp4", range="bytes=99999999999-")),
    "part far in the future": (400, lambda on: hls(on, "opus/live.m3u8?_HLS_msn=99999")),
    "part's address in the future": (400, lambda on: hls(on, "opus/99999.3.m4s")),
    "sequence number in Arabic digits": (400, lambda on: hls(on, "opus/live.m3u8?_HLS_msn=%D9%A3")),
    "forged ticket": (403, lambda on: listen(on, "ID/live.ogg?t=abc.def")),
    "list without a ticket": (403, lambda on: listen(on, "ID/hls/opus/live.m3u8")),
    "file without the key": (403, lambda on: listen(on, "ID/hls/opus/0.m4s?k=0123456789abcdef01")),
    "feed that is not there": (404, lambda on: hls(on, "flac/live.m3u8")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_refused_with_its_status_and_one_sentence(on_air: OnAir, name: str) -> None:
    status, case = CASES[name]
    refused = case(on_air)
    assert refused.status == status, refused.text[:300]
    if "<html" not in refused.text[:200].lower():
        sentence = json.loads(refused.text)["detail"]
        assert re.fullmatch(r"[A-Z_][^\n]+\.", sentence), sentence
        assert len(sentence) <= SENTENCE_CHARS_MAX
    assert "Traceback" not in refused.text


def test_a_settings_file_with_arabic_digits_is_refused_by_key_value_and_range(
    on_air: OnAir, tmp_path: Path
) -> None:
    file = tmp_path / "hiwar.toml"
    file.write_text('edge_port = "٨٠٨٠"\n', encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIWAR_")}
    done = subprocess.run(
        [sys.executable, "-m", "hiwar", "serve"],
        env=environment | {"HIWAR_CONFIG": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = done.stderr + done.stdout
    assert done.returncode != 0
    assert "Traceback" not in told
    for part in ("edge_port", "٨٠٨٠", "1", "65535"):
        assert part in told


def test_none_of_it_left_a_gap_in_the_sound_on_air(on_air: OnAir) -> None:
    time.sleep(3.0)  # the table above takes a second or two, and the sound after it counts too
    sound = decode(bytes(on_air.kept).partition(b"\r\n\r\n")[2])
    assert len(sound) > 16_000 * 3
    assert tone_level(sound[-16_000 * 2 :], 16_000, TONE_HZ) > -40
    assert longest_silence(sound[16_000:-1_600], 16_000) <= GAP_SECONDS_MAX
