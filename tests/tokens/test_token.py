import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.tokens.access import Denied, check_listening
from hiwar.tokens.token import InvalidToken, Kind, Token, parse_token, render_token

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


@given(st.integers(0, 60), st.integers(1, 127))
def test_a_token_with_any_letter_changed_is_refused(at: int, change: int) -> None:
    text = render_token(Token(Kind.PASS, "abcdef", "h1", "host"), KEY)
    at %= len(text) - 2  # the last letter of base64 carries bits that mean nothing
    forged = text[:at] + chr(ord(text[at]) ^ change) + text[at + 1 :]
    with pytest.raises(InvalidToken):
        parse(forged)


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
        (True, True, "ticket", False),
        (False, True, "", False),
    ],
)
def test_who_may_listen(public: bool, hidden: bool, proof: str, allowed: bool) -> None:
    def sign(kind: Kind, expires: int = 0, key: bytes = KEY) -> str:
        return render_token(Token(kind, "abcdef", "x", "", expires), key)

    proofs = {
        "": "",
        "ticket": sign(Kind.TICKET),
        "voucher": sign(Kind.VOUCHER),
        "claim": sign(Kind.CLAIM),
        "pass": sign(Kind.PASS),
        "expired": sign(Kind.TICKET, expires=50),
        "forged": sign(Kind.TICKET, key=OTHER),
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
