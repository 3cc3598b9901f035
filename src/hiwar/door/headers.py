"""Response heads: rendering, the Date, and the headers that every page carries for its readers' safety."""

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus

from hiwar.ops.clock import wallclock

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_date: tuple[int, str] = (0, "")


def page_headers(
    csp: str = CSP, *, referrer: str = "same-origin", microphone: bool = False
) -> dict[str, str]:
    """Headers of a page: strict policy, no sniffing, no frames; `microphone` only where people speak."""
    return {
        "Content-Security-Policy": csp,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": referrer,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": f"camera=(), geolocation=(), microphone={'(self)' if microphone else '()'}",
    }


def http_date(now: float) -> str:
    """IMF-fixdate (RFC 9110 §5.6.7) of UTC seconds, rendered once a second."""
    global _date
    second = int(now)
    if _date[0] != second:
        _date = (second, formatdate(second, usegmt=True))
    return _date[1]


def render_head(
    status: int, headers: Mapping[str, str], *, close: bool, cookies: Iterable[str] = ()
) -> bytes:
    """Status line and headers, a Date and `Set-Cookie` lines among them.

    Raises:
        ValueError: a header holds a line break, which would let its author write the response.
    """
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Set-Cookie: {cookie}" for cookie in cookies]
    if "Date" not in headers:
        lines.append(f"Date: {http_date(wallclock())}")
    if close:
        lines.append("Connection: close")
    text = "\r\n".join(lines)
    if text.count("\r") + text.count("\n") != 2 * (len(lines) - 1) or "\0" in text:
        raise ValueError("a response header holds a line break")
    return (text + "\r\n\r\n").encode("latin-1")
