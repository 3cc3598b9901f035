import json
from base64 import urlsafe_b64encode
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.tokens.access import Denied, check_listening
from hiwar.tokens.token import InvalidToken, Kind, Token, claimed_kind, parse_token, render_token

KEY, OTHER = b"k" * 32, b"o" * 32
NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


def parse(
    text: str, key: bytes = KEY, kind: Kind = Kind.PASS, conversation: str = "abcdef", at: float = 0
) -> Token:
    return parse_token(text, key, kind=kind, conversation=conversation, wallclock=at)


@given(st.sampled_from(list(Kind)), NAMES, NAMES, NAMES, st.integers(1, 2**40))
def test_what_is_rendered_is_parsed_back(
    kind: Kind, conversation: str, subject: str, role: str, end: int
) -> None:
    token = Token(kind, conversation, subject, role, end)
    text = render_token(token, KEY)
    if len(text) <= 512:
        assert parse(text, kind=kind, conversation=conversation, at=end - 1) == token
        with pytest.raises(InvalidToken, match="expired"):
            parse(text, kind=kind, conversation=conversation, at=end)


@given(st.text(max_size=600))
def test_text_that_nobody_signed_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(InvalidToken):
        parse(text)


@given(st.integers(0, 200), st.integers(1, 127))
def test_a_token_with_any_letter_changed_is_refused(at: int, change: int) -> None:
    text = render_token(Token(Kind.PASS, "abcdef", "h1", "host"), KEY)
    at %= len(text)
    forged = text[:at] + chr(ord(text[at]) ^ change) + text[at + 1 :]
    with pytest.raises(InvalidToken):
        parse(forged)


def sign(body: bytes, kind: Kind, key: bytes = KEY) -> str:
    """The format as its description says it, made with other means than the module's."""
    mac = blake2b(body, digest_size=16, key=key, person=kind.encode()).digest()
    return f"{body.decode()}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


@given(st.sampled_from(list(Kind)), NAMES, NAMES, st.binary(min_size=32, max_size=32))
def test_a_token_is_its_fields_in_json_and_their_keyed_hash(
    kind: Kind, conversation: str, role: str, key: bytes
) -> None:
    content = json.dumps([kind, conversation, "s", role, 7], ensure_ascii=False, separators=(",", ":"))
    body = urlsafe_b64encode(content.encode()).rstrip(b"=")
    text = render_token(Token(kind, conversation, "s", role, 7), key)
    if "\\" not in content and "\x7f" not in content:  # each library has its own way to write these
        assert text == sign(body, kind, key)
    assert claimed_kind(text) is kind


@pytest.mark.parametrize(
    "text",
    ["", ".", "a" * 513, "a" * 100_000, "WyJ0aWNrZXQiLCJh", "é" * 60, "a." + "b" * 21, "a.b." + "c" * 22],
)
def test_text_that_cannot_be_a_token_is_refused_before_anything_is_hashed(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr("hiwar.tokens.token._mac", hashed)
    with pytest.raises(InvalidToken, match="not valid"):
        parse(text)


@pytest.mark.parametrize(
    "body",
    [b"", b"A", b"!!!!", b"bm8ganNvbg", urlsafe_b64encode(b'["pass"]'), urlsafe_b64encode(b'["pass",1,2]')],
)
def test_a_body_that_we_signed_and_no_longer_understand_is_of_an_older_form(body: bytes) -> None:
    with pytest.raises(InvalidToken, match="older form"):
        parse(sign(body, Kind.PASS))


def test_a_signature_of_one_kind_over_another_is_refused() -> None:
    body = render_token(Token(Kind.CLAIM, "abcdef", "x"), KEY).partition(".")[0]
    with pytest.raises(InvalidToken):
        parse(sign(body.encode(), Kind.PASS))


@pytest.mark.parametrize("text", ["", "forged", "WyJ0aWNX", "WyJwYXN"])
def test_what_is_no_token_claims_no_kind(text: str) -> None:
    assert claimed_kind(text) is None


def test_another_key_kind_or_conversation_is_refused() -> None:
    text = render_token(Token(Kind.PASS, "abcdef", "h1", "host"), KEY)
    assert parse(text).subject == "h1"
    for wrong in ({"key": OTHER}, {"kind": Kind.TICKET}, {"conversation": "fedcba"}):
        with pytest.raises(InvalidToken):
            parse(text, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("public", "hidden", "proof", "allowed"),
    [
        (True, False, "", True),
        (True, False, "ticket", True),
        (True, False, "forged", False),
        (True, False, "pass", False),
        (False, False, "", False),
        (False, False, "ticket", True),
        (False, False, "voucher", True),
        (False, False, "claim", True),
        (False, False, "expired", False),
        (False, False, "elsewhere", False),
        (True, True, "ticket", False),
        (False, True, "", False),
    ],
)
def test_who_may_listen(public: bool, hidden: bool, proof: str, allowed: bool) -> None:
    def make(kind: Kind, expires: int = 0, key: bytes = KEY, conversation: str = "abcdef") -> str:
        return render_token(Token(kind, conversation, "x", "", expires), key)

    proofs = {
        "": "",
        "ticket": make(Kind.TICKET),
        "voucher": make(Kind.VOUCHER),
        "claim": make(Kind.CLAIM),
        "pass": make(Kind.PASS),
        "expired": make(Kind.TICKET, expires=50),
        "elsewhere": make(Kind.TICKET, conversation="fedcba"),
        "forged": make(Kind.TICKET, key=OTHER),
    }

    def ask() -> None:
        check_listening(
            conversation="abcdef", public=public, hidden=hidden, proof=proofs[proof], key=KEY, wallclock=100
        )

    if allowed:
        ask()
    else:
        with pytest.raises(Denied) as caught:
            ask()
        assert caught.value.hidden is hidden


@pytest.mark.parametrize(
    ("proof", "because"),
    [
        (Token(Kind.VOUCHER, "abcdef", "x", "", 50), "expired"),
        (Token(Kind.CLAIM, "fedcba", "x"), "another conversation"),
        (Token(Kind.RESUME, "abcdef", "x"), "not valid"),
    ],
)
def test_who_is_denied_is_told_why(proof: Token, because: str) -> None:
    with pytest.raises(Denied, match=because):
        check_listening(
            conversation="abcdef",
            public=False,
            hidden=False,
            proof=render_token(proof, KEY),
            key=KEY,
            wallclock=100,
        )
