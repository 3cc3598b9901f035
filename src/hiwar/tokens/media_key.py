"""The key that opens the media files of one conversation, the same for everybody, for some minutes. Pure.

A playlist is given to who has a seat; the files it names are asked for by all of them, again and again, and
through caches. So their addresses carry no ticket but a key of the conversation, which changes every
`EPOCH_S`: it is signed as tokens are, tells nothing of who asks, and is worth nothing soon after the seat
is gone. Who passes it on gives away what a listener could send on as well, a minute of sound.
"""

from hashlib import blake2b
from hmac import compare_digest

EPOCH_S = 300
KEY_BYTES = 9  # guessing one takes some 2^72 requests within ten minutes
KEY_CHARS = 2 * KEY_BYTES


def render_media_key(conversation: str, key: bytes, wallclock: float) -> str:
    """The key of this epoch, hexadecimal."""
    return _key_of(conversation, key, int(wallclock // EPOCH_S))


def is_media_key(text: str, conversation: str, key: bytes, wallclock: float) -> bool:
    """Whether it is the key of this epoch, or of the one before (or after: clocks differ)."""
    if len(text) != KEY_CHARS or not text.isascii():
        return False
    epoch = int(wallclock // EPOCH_S)
    return any(compare_digest(text, _key_of(conversation, key, epoch + by)) for by in (0, -1, 1))


def _key_of(conversation: str, key: bytes, epoch: int) -> str:
    return blake2b(
        f"{epoch}/{conversation}".encode(), digest_size=KEY_BYTES, key=key, person=b"media"
    ).hexdigest()
