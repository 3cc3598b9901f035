"""Who may open a conversation's page, and the proof that its media addresses then carry."""

from typing import NamedTuple

from hiwar.ops.clock import wallclock
from hiwar.tokens.access import check_listening
from hiwar.tokens.token import InvalidToken, Kind, Token, parse_token, render_token
from hiwar.web import installation
from hiwar.web.accounts.models import User
from hiwar.web.conversations.models import Conversation

PROOF_SECONDS = 12 * 3600  # a long evening; opening the page again gives a new one
LINK_SUBJECT = "link"  # whoever has the link
ACCOUNT_ROLE, PERSONAL_ROLES = "a", ("p", "a")  # whose vouchers are one person's each


class PageProof(NamedTuple):
    """`token` is '' where none is needed; `personal`: the door knows one visitor by it."""

    token: str = ""
    personal: bool = False


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


def page_proof(conversation: Conversation, person: User | None, shown: str) -> PageProof:
    """What the page's own addresses carry, for a visitor who may listen; no seat, which the door gives.

    A personal voucher (`shown`) goes on as it is, and whoever is signed in (`person`) gets one of their own,
    so that the door knows them. Of a conversation that is open only by its link all others get a voucher that
    opens it and says nothing of them.
    """
    if _is_personal(conversation, shown):
        return PageProof(shown, personal=True)
    if person is not None:
        return PageProof(_voucher(conversation, f"a{person.pk}", ACCOUNT_ROLE), personal=True)
    return PageProof() if conversation.is_public else PageProof(_voucher(conversation, LINK_SUBJECT))


def _is_personal(conversation: Conversation, shown: str) -> bool:
    key = installation.secrets().token_key
    try:
        token = parse_token(
            shown, key, kind=Kind.VOUCHER, conversation=conversation.id, wallclock=wallclock()
        )
    except InvalidToken:
        return False
    return token.role in PERSONAL_ROLES


def _voucher(conversation: Conversation, subject: str, role: str = "") -> str:
    expires = int(wallclock()) + PROOF_SECONDS
    token = Token(Kind.VOUCHER, conversation.id, subject, role, expires)
    return render_token(token, installation.secrets().token_key)
