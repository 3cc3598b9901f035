"""Passes, resume tokens and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.backstage.passes import (
    NAME_CHARS_MAX,
    RESUME_SECONDS,
    Admission,
    Refused,
    admit,
    clean_name,
    is_resume,
    render_resume,
)
from hiwar.relay.links import Link, first_links
from hiwar.relay.records import Role
from tests.backstage.world import CONVERSATION, KEY, pass_of

LINKS = (*first_links(1, 1), Link(serial="g9", role=Role.GUEST, revoked=True))
GUEST = Admission(CONVERSATION, LINKS[2])


@pytest.mark.parametrize(
    ("bearer", "status", "reason"),
    [
        ("", 401, "no_pass"),
        ("nonsense", 401, "invalid"),
        (pass_of("g1", key=bytes(32)), 401, "invalid"),
        (pass_of("g1", conversation="other1"), 401, "invalid"),
        (pass_of("g1", expires=999), 401, "expired"),
        (pass_of("g9"), 403, "revoked"),
        (pass_of("g77"), 403, "revoked"),
    ],
)
def test_a_pass_that_is_not_good_is_refused_with_its_reason(bearer: str, status: int, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        admit(bearer, CONVERSATION, LINKS, KEY, 1000.0)
    assert (refusal.value.status, refusal.value.reason) == (status, reason)


def test_the_role_is_that_of_the_link() -> None:
    assert admit(pass_of("h1"), CONVERSATION, LINKS, KEY, 1000.0).link.role is Role.HOST
    assert admit(pass_of("c1"), CONVERSATION, LINKS, KEY, 1000.0).leads
    assert not admit(pass_of("g1"), CONVERSATION, LINKS, KEY, 1000.0).leads


def test_a_resume_token_is_no_pass_and_a_pass_is_no_resume_token() -> None:
    with pytest.raises(Refused):
        admit(render_resume(GUEST, KEY, 1000.0), CONVERSATION, LINKS, KEY, 1001.0)
    assert not is_resume(pass_of("g1"), GUEST, KEY, 1000.0)


def test_a_resume_token_gives_back_one_place_for_a_while() -> None:
    token = render_resume(GUEST, KEY, 1000.0)
    assert is_resume(token, GUEST, KEY, 1001.0)
    assert not is_resume(token, GUEST, KEY, 1000.0 + RESUME_SECONDS)
    assert not is_resume(token, Admission(CONVERSATION, LINKS[0]), KEY, 1001.0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Guest   one ", "Guest one"),
        ("ضيف\u202eكريم", "ضيفكريم"),
        ("a\r\nb\x00c", "a bc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u200d\u200c", ""),
        ("x" * 500, "x" * NAME_CHARS_MAX),
    ],
)
def test_a_name_is_made_fit_to_be_shown(text: str, name: str) -> None:
    assert clean_name(text) == name


@given(st.text(max_size=300))
def test_a_cleaned_name_is_bounded_printable_and_stays_as_it_is(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= NAME_CHARS_MAX
    assert all(char.isprintable() or char in "\u200c\u200d" for char in name)
    assert clean_name(name) == name
