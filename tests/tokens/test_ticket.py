import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.tokens.access import check_listening
from hiwar.tokens.ticket import CLASS_MAX, parse_ticket, render_ticket
from hiwar.tokens.token import InvalidToken, Kind, Token, render_token

KEY = b"k" * 32
SERIALS = st.integers(1, (1 << 64) - 1)


def parse(text: str, conversation: str = "abcdef", at: float = 99) -> tuple[int, int]:
    return parse_ticket(text, KEY, conversation=conversation, wallclock=at)


@given(SERIALS, st.integers(0, CLASS_MAX))
def test_a_ticket_says_which_seat_and_class_it_was_given_for(serial: int, listener_class: int) -> None:
    text = render_ticket(serial, "abcdef", listener_class, 100, KEY)
    assert parse(text) == (serial, listener_class)


@given(SERIALS)
def test_tickets_of_a_conversation_have_one_length_and_travel_in_addresses(serial: int) -> None:
    text = render_ticket(serial, "k3m9x2q7w5", 3, 1_900_000_000, KEY)
    assert len(text) == len(render_ticket(1, "k3m9x2q7w5", 0, 1_900_000_000, KEY)) < 100
    assert text.replace("-", "a").replace("_", "a").replace(".", "a").isalnum()


def test_a_ticket_is_no_ticket_elsewhere_later_or_with_another_signature() -> None:
    text = render_ticket(7, "abcdef", 3, 100, KEY)
    with pytest.raises(InvalidToken, match="expired"):
        parse(text, at=100)
    with pytest.raises(InvalidToken, match="another conversation"):
        parse(text, conversation="fedcba")
    with pytest.raises(InvalidToken, match="not valid"):
        parse(render_ticket(7, "abcdef", 3, 100, b"o" * 32))
    with pytest.raises(InvalidToken, match="not valid"):
        parse(render_token(Token(Kind.CLAIM, "abcdef", f"{7:016x}", "3", 100), KEY))


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        ("x", "3"),
        ("7", "3"),
        ("0" * 16, "3"),
        ("-" + "0" * 14 + "1", "3"),
        ("0" * 15 + "10", "3"),
        (f"{7:016x}", ""),
        (f"{7:016x}", "10"),
        (f"{7:016x}", "a"),
    ],
)
def test_a_signed_ticket_without_serial_or_class_is_of_an_older_form(subject: str, role: str) -> None:
    text = render_token(Token(Kind.TICKET, "abcdef", subject, role), KEY)
    with pytest.raises(InvalidToken, match="older form"):
        parse(text)


@pytest.mark.parametrize(("serial", "listener_class"), [(0, 0), (1 << 64, 0), (1, -1), (1, CLASS_MAX + 1)])
def test_there_is_no_ticket_for_what_it_cannot_say(serial: int, listener_class: int) -> None:
    with pytest.raises(AssertionError):
        render_ticket(serial, "abcdef", listener_class, 0, KEY)


def test_a_ticket_opens_a_conversation_that_only_its_link_opens() -> None:
    proof = render_ticket(7, "abcdef", 3, 0, KEY)
    check_listening(conversation="abcdef", public=False, hidden=False, proof=proof, key=KEY, wallclock=99)
