"""Who may hear a conversation: the one rule, asked before every media byte leaves a door."""

from hiwar.tokens.token import InvalidToken, Kind, claimed_kind, parse_token

LISTENING_KINDS = (Kind.TICKET, Kind.VOUCHER, Kind.CLAIM)


class Denied(PermissionError):
    """They may not; the text is one sentence that may be shown. `hidden` asks for 404, else 403."""

    def __init__(self, reason: str, *, hidden: bool = False) -> None:
        super().__init__(reason)
        self.hidden = hidden


def check_listening(
    *, conversation: str, public: bool, hidden: bool, proof: str, key: bytes, wallclock: float
) -> None:
    """Return if a listener with `proof` (a ticket, voucher or claim; '' for none) may hear it.

    Raises:
        Denied: hidden by moderation, link-only without a valid proof, or a proof that is forged,
            of another conversation or past its time.
    """
    if hidden:
        raise Denied("This conversation is not available: it was hidden by moderation.", hidden=True)
    if not proof:
        if not public:
            raise Denied("This conversation is open only to people who have its link.")
        return
    kind = claimed_kind(proof)
    if kind is None or kind not in LISTENING_KINDS:
        raise Denied("This link is not valid.")
    try:
        parse_token(proof, key, kind=kind, conversation=conversation, wallclock=wallclock)
    except InvalidToken as error:
        raise Denied(str(error)) from error
