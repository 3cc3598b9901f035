"""The address of a WHIP session and its entity-tag, kept in no table. Pure.

    /whip/<conversation>/<resource>~<mark>

`resource` is what the stage calls the session; `mark` is a keyed BLAKE2b over conversation, serial and
resource. Whoever shows a pass with that serial owns the session, also after backstage was restarted:
nothing has to be remembered. The entity-tag names the ICE session (RFC 9725 section 4.3.1); as ICE
restarts are not supported it never changes.
"""

import hmac
import re
from hashlib import blake2b

_MARK_CHARS = 24
_RESOURCE = re.compile(r"([A-Za-z0-9_-]{1,64})~([0-9a-f]{24})", re.ASCII)


def render_resource(conversation: str, serial: str, resource: str, key: bytes) -> str:
    """The last segment of the session's address."""
    return f"{resource}~{_mark(conversation, serial, resource, key)}"


def parse_resource(segment: str, conversation: str, serial: str, key: bytes) -> str | None:
    """The stage's name of the session that `segment` addresses, if it belongs to `serial`; else None."""
    match = _RESOURCE.fullmatch(segment)
    if match is None:
        return None
    resource, mark = match.groups()
    return resource if hmac.compare_digest(mark, _mark(conversation, serial, resource, key)) else None


def entity_tag(segment: str) -> str:
    """The strong entity-tag (RFC 9110 section 8.8.3) of the session at `segment`."""
    return f'"{segment.rpartition("~")[2][:12]}"'


def _mark(conversation: str, serial: str, resource: str, key: bytes) -> str:
    text = "\0".join((conversation, serial, resource)).encode()
    return blake2b(text, digest_size=_MARK_CHARS // 2, key=key, person=b"whip-resource").hexdigest()
