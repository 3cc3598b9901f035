"""The links of a conversation: who may come backstage, as which role, and which were taken back.

A link is a *pass* (`tokens`) whose subject is the link's serial; the serial is also the id of the person
who enters by it, so one link is one place in the room. Made at creation by web (or `hiwar open`),
afterwards written by backstage only.
"""

from collections.abc import Iterable

import msgspec

from hiwar.relay.records import Role
from hiwar.tokens.token import Kind, Token, render_token

LINKS_MAX = 200
_LETTER = {Role.HOST: "h", Role.COHOST: "c", Role.GUEST: "g"}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """`serial` is "h1", "c1", "g7"...; `name` is what the maker called it, "" if nothing yet."""

    serial: str
    role: Role
    name: str = ""
    revoked: bool = False


class TooManyLinks(ValueError):
    """A conversation has at most `LINKS_MAX` links: a bound on the file and on the page."""


def next_link(links: Iterable[Link], role: Role, name: str = "") -> Link:
    """A fresh link of `role` beside `links`; serials are never used twice.

    Raises:
        TooManyLinks
    """
    held = tuple(links)
    if len(held) >= LINKS_MAX:
        raise TooManyLinks(f"a conversation has at most {LINKS_MAX} links")
    letter = _LETTER[role]
    last = max((int(link.serial[1:]) for link in held if link.serial[0] == letter), default=0)
    return Link(serial=f"{letter}{last + 1}", role=role, name=name)


def first_links(cohosts: int, guests: int, host_name: str = "") -> tuple[Link, ...]:
    """The links of a new conversation: one host, then co-hosts, then guests."""
    links: tuple[Link, ...] = ()
    for role, count, name in (
        (Role.HOST, 1, host_name),
        (Role.COHOST, cohosts, ""),
        (Role.GUEST, guests, ""),
    ):
        for _ in range(count):
            links = (*links, next_link(links, role, name))
    return links


def pass_address(speaker_address: str, conversation: str, link: Link, key: bytes) -> str:
    """The whole address to give to one speaker; the pass travels in the fragment, so no log has it."""
    token = render_token(Token(Kind.PASS, conversation, link.serial, link.role.value), key)
    return f"{speaker_address}/b/{conversation}#{token}"
