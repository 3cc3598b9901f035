"""What is refused before a stage is troubled with it: bodies that are no offer and no fragment. Pure.

Only the form is looked at (RFC 8866, RFC 8840); what is negotiated is the stage's business.
"""

OFFER_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
SDP_BYTES_MAX = 256 * 1024


class BadBody(ValueError):
    """A body that is refused: the HTTP status and one clear sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def read_offer(content_type: str, body: bytes) -> str:
    """The SDP offer in `body`.

    Raises:
        BadBody: 415 of another type, 413 too long, 400 not SDP, 422 nothing in it that a stage can hear.
    """
    text = _read_text(content_type, body, OFFER_TYPE)
    lines = text.splitlines()
    if not lines or lines[0] != "v=0" or any(line and line[1:2] != "=" for line in lines):
        raise BadBody(400, "The body is not a session description (RFC 8866).")
    if not any(line.startswith("m=audio ") for line in lines):
        raise BadBody(422, "The offer has no audio: this place takes sound only.")
    return text


def read_fragment(content_type: str, body: bytes) -> str:
    """The trickle ICE fragment in `body`.

    Raises:
        BadBody: 415, 413 or 400, as above.
    """
    text = _read_text(content_type, body, FRAGMENT_TYPE)
    lines = [line for line in text.splitlines() if line]
    if not lines or any(line[1:2] != "=" or line[0] not in "am" for line in lines):
        raise BadBody(400, "The body is not a trickle ICE fragment (RFC 8840).")
    if not any(line.startswith(("a=candidate:", "a=end-of-candidates")) for line in lines):
        raise BadBody(400, "The fragment has no candidate.")
    return text


def _read_text(content_type: str, body: bytes, wanted: str) -> str:
    if content_type.partition(";")[0].strip().lower() != wanted:
        raise BadBody(415, f"The body must be of the type {wanted}.")
    if len(body) > SDP_BYTES_MAX:
        raise BadBody(413, f"The body must not be longer than {SDP_BYTES_MAX} bytes.")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadBody(400, "The body is not UTF-8 text.") from error
