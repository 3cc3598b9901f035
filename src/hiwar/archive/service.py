"""The archive's addresses, `/c/<id>/archive/<name>`, answered from a recording's files.

    master.m3u8, <feed>.m3u8        playlists: EVENT while on air, VOD afterwards
    opus.mp4, aac.m4a, mp3.mp3      the files, by byte ranges; while on air as far as they are whole
    download.opus, .m4a, .mp3       to keep, once the conversation has ended
    people.json                     who was there, and when

Every request is held against the rule of access first, and so is every second of a long transfer.
"""

import asyncio
import re
from collections.abc import Callable
from zlib import crc32

import msgspec

from hiwar.archive.library import Library, Volume, not_found, read_init
from hiwar.archive.mp4_head import render_download_head
from hiwar.archive.ogg_layout import OggLayout
from hiwar.archive.ranges import Span, Unsatisfiable, chosen_span, is_unchanged, render_etag
from hiwar.archive.sources import JoinedSource, OggSource, Source
from hiwar.archive.transfers import Budget, Transfer
from hiwar.door.http import FileSlice, Problem, Request, Response
from hiwar.media.feed import FEED_AAC, FEED_MP3, FEED_OPUS, RECORDED_FEEDS, Feed
from hiwar.media.timeline import seconds
from hiwar.ops.clock import utc
from hiwar.packager.ogg import render_headers
from hiwar.packager.playlists import CONTENT_TYPE, address_suffix, render_multivariant, render_recording
from hiwar.recording.journal import PersonSeen
from hiwar.recording.reader import FeedView, NoRecording

ADDRESS = re.compile(r"/c/([a-z0-9]{6,32})/archive/([a-z0-9]{1,16}\.[a-z0-9]{1,8})", re.ASCII)
PLAYLIST_FEEDS = (FEED_AAC, FEED_OPUS)  # what HLS players take, the most widely understood first
TITLE_CHARS_MAX = 200
_FILES = {f"{feed.name}.{feed.extension}": feed for feed in RECORDED_FEEDS}
_PLAYLISTS = {f"{feed.name}.m3u8": feed for feed in PLAYLIST_FEEDS}


def no_recording() -> Problem:
    """Nothing was recorded, or not of this kind."""
    return Problem(
        404, "Nothing of this conversation is recorded yet.", arabic="لم يُسجَّل شيء من هذه المحادثة بعد."
    )


def on_air() -> Problem:
    """A download must wait for the end."""
    return Problem(
        409,
        "The conversation is still on air; it can be downloaded as soon as it ends.",
        {"Retry-After": "30"},
        arabic="المحادثة ما زالت على الهواء؛ يمكن تنزيلها فور انتهائها.",
    )


class Archive:
    """The handler behind the door."""

    def __init__(self, library: Library, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._library = library
        self._measuring = asyncio.Lock()  # one layout at a time: it reads a whole file

    async def handle(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            Problem: 403, 404, 405, 409, 416, 429 or 503.
        """
        match = ADDRESS.fullmatch(request.path)
        if match is None:
            raise not_found()
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, "A recording can only be read.", {"Allow": "GET, HEAD"})
        conversation, name = match.groups()
        volume = self._library.admit(conversation, request.query.get("t", ""))
        try:
            return await self._answer(request, conversation, name, volume)
        except (NoRecording, FileNotFoundError) as error:
            raise no_recording() from error

    async def _answer(self, request: Request, conversation: str, name: str, volume: Volume) -> Response:
        if name == "master.m3u8":
            return _render_master(request, volume)
        if name in _PLAYLISTS:
            return _render_playlist(request, volume, _PLAYLISTS[name])
        if name in _FILES:
            view = volume.reader.view(_FILES[name])
            source = JoinedSource([FileSlice(view.path, 0, view.length)])
            return self._send(request, conversation, source, view.feed.content_type, f"{conversation}.{name}")
        if name == "people.json":
            return _render_people(request, volume)
        if name in _DOWNLOADS:
            return await self._download(request, conversation, name, volume)
        raise Problem(404, "The archive has nothing under this name.", arabic="لا شيء بهذا الاسم في الأرشيف.")

    async def _download(self, request: Request, conversation: str, name: str, volume: Volume) -> Response:
        if not volume.reader.ended:
            raise on_air()
        feed, content_type = _DOWNLOADS[name]
        view = volume.reader.view(feed)
        extension = name.partition(".")[2]
        if extension == "opus":
            source, mark = await self._ogg_source(volume, view)
        else:
            source, mark = _file_source(volume, view)
        response = self._send(request, conversation, source, content_type, f"{conversation}.{name}.{mark:x}")
        day = utc(volume.reader.origin_wallclock).strftime("%Y-%m-%d")
        response.headers["Content-Disposition"] = (
            f'attachment; filename="hiwar-{day}-{conversation}.{extension}"'
        )
        return response

    async def _ogg_source(self, volume: Volume, view: FeedView) -> tuple[Source, int]:
        async with self._measuring:
            if volume.layout is None or volume.layout.file_length != view.length:
                volume.layout = await asyncio.to_thread(OggLayout, view)
        title = volume.specification.title[:TITLE_CHARS_MAX] if volume.specification else ""
        headers = render_headers([f"TITLE={title}"] if title else [])
        return OggSource(volume.layout, headers), crc32(headers)

    def _send(
        self, request: Request, conversation: str, source: Source, content_type: str, mark: str
    ) -> Response:
        """The whole of a source or the range of it that was asked for, for a place in the budget."""
        etag = render_etag(mark, source.length)
        headers = {
            "Content-Type": content_type,
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Cache-Control": "private, no-cache",
        }
        if is_unchanged(request.headers, etag):
            return Response(304, headers)
        span = _span_for(request, source.length, etag)
        whole = Span(0, source.length)
        headers["Content-Length"] = str((span or whole).length)
        if span is not None:
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{source.length}"
        if request.method == "HEAD":
            return Response(200, headers)
        transfer = Transfer(
            source, span or whole, self.budget, request.client, self._asker(request, conversation)
        )
        return Response(206 if span else 200, headers, transfer)

    def _asker(self, request: Request, conversation: str) -> Callable[[], None]:
        """What a transfer calls once a second; it raises when the listener may hear no more."""
        proof = request.query.get("t", "")

        def may_go_on() -> None:
            try:
                self._library.admit(conversation, proof)
            except Problem as error:
                raise ConnectionAbortedError("access ended during the transfer") from error

        return may_go_on


_DOWNLOADS = {
    "download.opus": (FEED_OPUS, "audio/ogg"),
    "download.m4a": (FEED_AAC, "audio/mp4"),
    "download.mp3": (FEED_MP3, "audio/mpeg"),
}


def _span_for(request: Request, length: int, etag: str) -> Span | None:
    try:
        return chosen_span(request.method, request.headers, length, etag)
    except Unsatisfiable as error:
        raise Problem(416, str(error), {"Content-Range": f"bytes */{length}"}) from error


def _file_source(volume: Volume, view: FeedView) -> tuple[Source, int]:
    """MP3 is its file; M4A is its file behind a head that knows the duration."""
    if view.feed is not FEED_AAC:
        return JoinedSource([FileSlice(view.path, 0, view.length)]), 0
    head = render_download_head(read_init(volume, view.feed.name), view.segments(), view.media_time)
    body = FileSlice(view.path, view.init_length, view.length - view.init_length)
    return JoinedSource([head, body]), crc32(head)


def _render_master(request: Request, volume: Volume) -> Response:
    begun = [feed for feed in PLAYLIST_FEEDS if feed in volume.reader.feeds]
    if not begun:
        raise no_recording()
    suffix = address_suffix(request.query.get("t", ""))
    return _playlist(render_multivariant([(feed, f"{feed.name}.m3u8") for feed in begun], suffix))


def _render_playlist(request: Request, volume: Volume, feed: Feed) -> Response:
    ended = volume.reader.ended  # before the view: what is there when it has ended is all there will be
    view = volume.reader.view(feed)
    text = render_recording(
        view.segments(),
        uri=f"{feed.name}.{feed.extension}",
        init_length=view.init_length,
        ended=ended,
        origin_wallclock=volume.reader.origin_wallclock,
        suffix=address_suffix(request.query.get("t", "")),
    )
    return _playlist(text)


def _playlist(text: str) -> Response:
    return Response(200, {"Content-Type": CONTENT_TYPE, "Cache-Control": "private, no-cache"}, text.encode())


def _render_people(request: Request, volume: Volume) -> Response:
    reader = volume.reader
    if not reader.feeds:
        raise no_recording()
    ended = reader.ended  # before the duration: when it has ended, that is final
    end = reader.duration
    record = {
        "opened": utc(reader.origin_wallclock).isoformat() if reader.origin_wallclock else None,
        "duration": round(seconds(end), 3),
        "ended": ended,
        "people": [_person(person, end) for person in reader.people],
    }
    headers = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
    return Response(200, headers, msgspec.json.encode(record))


def _person(person: PersonSeen, end: int) -> dict[str, object]:
    """`on` are the stays, in seconds from the start."""
    stays = [
        [round(seconds(stay.start), 3), round(seconds(end if stay.end is None else stay.end), 3)]
        for stay in person.present
    ]
    return {"id": person.id, "name": person.name, "role": person.role, "on": stays}
