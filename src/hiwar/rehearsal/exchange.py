"""One request and its answer on a line, as browsers and programs do it (HTTP/1.1), whoever asks."""

from collections.abc import Callable, Mapping

import httptools

from hiwar.rehearsal.sockets import Line, Poll

HOST = "localhost"
BODY_BYTES_MAX = 256 * 1024  # of an answer that is kept; what is beyond is counted and thrown away


def render_request(
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """The bytes of a request; `length` says another length of the body than it has."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "User-Agent: rehearsal"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or length is not None or method == "POST":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Answered:
    """An answer. `status` 0: there was none, the line was lost. `headers` have lower-case names."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


NOBODY = Answered(0, {}, b"")


class AnswerReader:
    """Reads answers one after the other; `done(answer)` for each."""

    def __init__(self, done: Callable[[Answered], None]) -> None:
        self._done = done
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._kept = 0

    def feed(self, data: bytes) -> None:
        """Bytes as they came.

        Raises:
            httptools.HttpParserError: this is no answer.
        """
        self._parser.feed_data(data)

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        if self._kept < BODY_BYTES_MAX:
            self._body.append(body)
        self._kept += len(body)

    def on_message_complete(self) -> None:
        answer = Answered(self._parser.get_status_code(), self._headers, b"".join(self._body))
        self._headers, self._body, self._kept = {}, [], 0
        self._done(answer)


class Exchange:
    """One request from `source`, and `done(answer)` once, also where none came within `patience_s`.

    With `keep`, the line is left open, for `again`.
    """

    def __init__(
        self,
        poll: Poll,
        source: str,
        request: bytes,
        done: Callable[[Answered], None],
        *,
        patience_s: float,
        keep: bool = False,
    ) -> None:
        self._poll = poll
        self._keep = keep
        self._request = request
        self._done: Callable[[Answered], None] | None = done
        self._reader: AnswerReader | None = None
        self._call = 0
        self._line = poll.dial(source, self)
        if self._line is None:
            poll.call_at(poll.now, lambda: self._finish(NOBODY))
            return
        self._time_out(patience_s)

    @property
    def open(self) -> bool:
        """Whether the line can be asked again on."""
        return self._line is not None and not self._line.closed

    def again(self, request: bytes, done: Callable[[Answered], None], patience_s: float) -> None:
        """The next request on the same line."""
        assert self._line is not None
        self._request, self._done = request, done
        self._time_out(patience_s)
        if self._line.opened_at is not None:
            self._line.send(request)

    def drop(self) -> None:
        """Nobody wants the answer any more."""
        self._done = None
        self._close(reset=False)

    # What the line calls.

    def opened(self, line: Line) -> None:
        line.send(self._request)

    def received(self, line: Line, data: bytes) -> None:
        if self._reader is None:
            self._reader = AnswerReader(self._answered)
        try:
            self._reader.feed(data)
        except httptools.HttpParserError:
            self._finish(NOBODY)

    def lost(self, line: Line) -> None:
        self._line = None
        self._finish(NOBODY)

    def _answered(self, answer: Answered) -> None:
        if not self._keep or answer.headers.get("connection", "").lower() == "close":
            self._close(reset=False)
        self._finish(answer)

    def _finish(self, answer: Answered) -> None:
        done, self._done = self._done, None
        if answer.status == 0:
            self._close(reset=True)
        if done is not None:
            done(answer)

    def _close(self, *, reset: bool) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close(reset=reset)

    def _time_out(self, patience_s: float) -> None:
        self._call += 1
        call = self._call

        def over() -> None:
            if self._done is not None and self._call == call:
                self._finish(NOBODY)

        self._poll.call_at(self._poll.now + patience_s, over)
