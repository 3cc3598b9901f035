"""Who may open a conversation's page, and the ticket that its media addresses then carry."""

import secrets

from hiwar.ops.clock import wallclock
from hiwar.tokens.access import check_listening
from hiwar.tokens.token import Kind, Token, render_token
from hiwar.web import installation
from hiwar.web.conversations.models import Conversation

TICKET_SECONDS = 12 * 3600  # a long evening; opening the page again gives a new one


def check(conversation: Conversation, proof: str) -> None:
    """Return if a visitor with `proof` (a voucher, claim or ticket; '' for none) may listen.

    Raises:
        Denied: by the one rule of `tokens.access`, which the media doors ask too.
    """
    check_listening(
        conversation=conversation.id,
        public=conversation.is_public,
        hidden=conversation.hidden,
        proof="" if conversation.is_public else proof,
        key=installation.secrets().token_key,
        wallclock=wallclock(),
    )


def new_ticket(conversation: Conversation) -> str:
    """A ticket for a visitor whose proof was checked; '' where none is needed."""
    if conversation.is_public:
        return ""
    expires = int(wallclock()) + TICKET_SECONDS
    token = Token(Kind.TICKET, conversation.id, secrets.token_hex(8), expires=expires)
    return render_token(token, installation.secrets().token_key)
