"""What a door asks of those who know better whom to refuse: two ports, both called in the loop.

A mistake (an exception) in either costs the connection that it was asked about and no other: they fail
closed.
"""

from collections.abc import Callable
from typing import Protocol

from hiwar.door.head import Draft


class Bouncer(Protocol):
    """Asked at accept, before a byte is read and before TLS. `peer` is an address as text (RFC 5952), of a
    client: trusted proxies and Unix sockets are not asked about, who is behind a proxy that speaks the PROXY
    protocol is."""

    def opened(self, peer: str) -> bool:
        """One more connection of `peer`: False refuses it."""

    def closed(self, peer: str) -> None:
        """A connection for which `opened` was true is gone; called once for each."""


Refuse = Callable[[Draft, str], bytes | None]
"""Asked of each request and its client's address, before any work is begun for it. None lets it through;
bytes are a whole answer (status line, headers with Content-Length and without Connection, body), sent as
they are: the door leaves out the body for HEAD, and says so where it closes the connection after it. For
at most `refusal_s` it gives the same answer to the same bytes on the same connection without asking."""
