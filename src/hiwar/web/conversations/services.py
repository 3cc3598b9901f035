"""What can be done with a conversation, for the form, for `hiwar open` and for pages alike.

Rules: every change writes `specification.json`, which stages, edges and the archive read; the links'
file comes first, so that nobody finds a conversation without its host; the database row and the files
are made together or not at all. `sync` goes the other way: from the stages' `standing.json` into the
table. It reads only files that changed, and it never takes a state back that the air has left.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from django.db import transaction

from hiwar.ops.clock import utc
from hiwar.relay.links import Link, first_links, pass_address
from hiwar.relay.phases import MOVES
from hiwar.relay.records import Phase, Role, Specification, Standing, Visibility
from hiwar.tokens.token import Kind, Token, render_token
from hiwar.web import installation
from hiwar.web.accounts.models import User
from hiwar.web.conversations.models import Conversation
from hiwar.web.ids import new_id

COHOSTS_MAX = 10
GUESTS_MAX = 40
OPEN_CONVERSATIONS_MAX = 500  # announced or on air and looked at by `sync_all`; the newest first


@dataclass(frozen=True, slots=True)
class SpeakerLink:
    """One speaker's way in. `address` carries the pass: it is told to that person only."""

    serial: str
    role: Role
    name: str
    address: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Links:
    """`listen` works for everybody it is given to (a link-only conversation's has a voucher)."""

    listen: str
    speakers: tuple[SpeakerLink, ...]


@dataclass(frozen=True, slots=True)
class Created:
    specification: Specification
    links: Links


def create_conversation(
    *,
    title: str,
    description: str = "",
    language: str = "",
    people: Iterable[str] = (),
    planned: datetime | None = None,
    visibility: Visibility = Visibility.PUBLIC,
    cohosts: int = 0,
    guests: int = 1,
    host_name: str = "",
    owner: User | None = None,
    demonstration: bool = False,
) -> Created:
    """A new conversation: its row, its links (one host, `cohosts`, `guests`), its specification.

    `planned` is aware. Text is kept as given, without control characters and outer blanks.

    Raises:
        ValueError: no title, or more co-hosts or guests than `COHOSTS_MAX`, `GUESTS_MAX`.
    """
    if not 0 <= cohosts <= COHOSTS_MAX or not 0 <= guests <= GUESTS_MAX:
        raise ValueError(f"at most {COHOSTS_MAX} co-hosts and {GUESTS_MAX} guests")
    conversation = Conversation(
        id=new_id(),
        title=_clean(title),
        description=description.strip(),
        language=language,
        people="\n".join(_clean(name) for name in people),
        planned=planned,
        visibility=visibility.value,
        owner=owner,
        demonstration=demonstration,
    )
    if not conversation.title:
        raise ValueError("a conversation needs a title")
    with transaction.atomic():
        conversation.save(force_insert=True)
        held = first_links(cohosts, guests, _clean(host_name))
        installation.directory().write_links(conversation.id, held)
        specification = _write(conversation)
    return Created(specification, links_of(conversation))


def remove_demonstrations(keep: int) -> None:
    """Forget all demonstrations but the newest `keep`, with their recordings, so that no disk fills.

    Only demonstrations: whatever people said is never removed here.
    """
    for old in Conversation.objects.filter(demonstration=True).order_by("-created")[keep:]:
        shutil.rmtree(installation.directory().folder(old.id), ignore_errors=True)
        old.delete()


def save_conversation(conversation: Conversation) -> Specification:
    """Save an edited conversation and tell everybody by its specification."""
    with transaction.atomic():
        conversation.save()
        return _write(conversation)


def set_hidden(conversation: Conversation, hidden: bool) -> Specification:
    """Hide from everybody, or show again exactly as before. Nothing is deleted."""
    conversation.hidden = hidden
    return save_conversation(conversation)


def specification_of(conversation: Conversation) -> Specification:
    """What stages, edges and archive are told."""
    return Specification(
        id=conversation.id,
        title=conversation.title,
        description=conversation.description,
        language=conversation.language,
        visibility=Visibility(conversation.visibility),
        hidden=conversation.hidden,
        planned_wallclock=conversation.planned.timestamp() if conversation.planned else None,
        demonstration=conversation.demonstration,
    )


def links_of(conversation: Conversation) -> Links:
    """Every link as it can be handed out now; revoked ones are marked."""
    settings, key = installation.settings(), installation.secrets().token_key
    held = installation.directory().read_links(conversation.id)
    return Links(
        listen=listen_address(conversation),
        speakers=tuple(
            SpeakerLink(
                serial=link.serial,
                role=link.role,
                name=link.name,
                address=pass_address(settings.speaker_address, conversation.id, link, key),
                revoked=link.revoked,
            )
            for link in sorted(held, key=_link_order)
        ),
    )


def listen_address(conversation: Conversation) -> str:
    """The listeners' address, with a voucher where it is needed."""
    address = f"{installation.settings().listener_address}/c/{conversation.id}"
    if conversation.is_public:
        return address
    voucher = Token(Kind.VOUCHER, conversation.id, "invited")
    return f"{address}?v={render_token(voucher, installation.secrets().token_key)}"


def sync(conversation: Conversation) -> Conversation:
    """Take over what the stage last wrote, if it differs and follows from the state held."""
    standing = _standing_if_changed(conversation.id, conversation.phase)
    if standing is None or not follows(Phase(conversation.phase), standing.phase):
        return conversation
    _take(conversation, standing)
    conversation.save(update_fields=["phase", "opened", "ended", "duration", "speakers", "updated"])
    return conversation


def sync_all() -> None:
    """Adopt what others made by its files, drop demonstrations whose files are gone, sync the rest."""
    directory = installation.directory()
    known = set(Conversation.objects.values_list("id", flat=True))
    on_disk = set(directory.conversations())
    for identifier in on_disk - known:
        specification = _specification(identifier)
        if specification is not None:
            _adopt(specification)
    Conversation.objects.filter(demonstration=True, id__in=known - on_disk).delete()
    unfinished = Conversation.objects.exclude(phase=Phase.ENDED).order_by("-created")
    for conversation in unfinished[:OPEN_CONVERSATIONS_MAX]:
        sync(conversation)


def find(identifier: str) -> Conversation | None:
    """The conversation at an address, up to date; None where there is none (nor was ever)."""
    conversation = Conversation.objects.filter(id=identifier).first()
    if conversation is None:
        specification = _specification(identifier)
        return sync(_adopt(specification)) if specification else None
    return conversation if conversation.phase == Phase.ENDED else sync(conversation)


def follows(held: Phase, new: Phase) -> bool:
    """Whether `new` can be reached from `held` by legal moves; a page may have missed some between."""
    seen, front = {held}, {held}
    while front:
        front = {later for phase in front for later in MOVES[phase]} - seen
        seen |= front
    return new in seen


def recording_bytes(conversation: Conversation, name: str) -> int | None:
    """Size of a file of the recording, None where it is missing."""
    try:
        return (installation.directory().recording(conversation.id) / name).stat().st_size
    except (FileNotFoundError, ValueError):
        return None


def _write(conversation: Conversation) -> Specification:
    specification = specification_of(conversation)
    installation.directory().write_specification(specification)
    return specification


def _specification(identifier: str) -> Specification | None:
    """What the file says; None too where it is damaged: that is one conversation less, not no page at all."""
    try:
        return installation.directory().read_specification(identifier)
    except (OSError, msgspec.MsgspecError):
        return None


def _adopt(specification: Specification) -> Conversation:
    """A row for a conversation that was made by its files (the demonstration, a restored backup)."""
    planned = specification.planned_wallclock
    conversation, _ = Conversation.objects.get_or_create(
        id=specification.id,
        defaults={
            "title": specification.title,
            "description": specification.description,
            "language": specification.language,
            "visibility": specification.visibility.value,
            "hidden": specification.hidden,
            "planned": utc(planned) if planned else None,
            "demonstration": specification.demonstration,
        },
    )
    return conversation


_seen: dict[Path, tuple[int, str]] = {}  # standing.json -> (its mtime, the phase that we then held)


def _standing_if_changed(identifier: str, phase: str) -> Standing | None:
    """The standing, unless its file is the one already taken over."""
    path = installation.directory().folder(identifier) / "standing.json"
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    if _seen.get(path) == (changed, phase):
        return None
    if len(_seen) >= 4 * OPEN_CONVERSATIONS_MAX:
        _seen.clear()
    try:
        standing = installation.directory().read_standing(identifier)
    except (OSError, msgspec.MsgspecError):
        return None  # damaged: the page stays as it was, and all others are shown
    _seen[path] = (changed, standing.phase.value)
    return standing


def _take(conversation: Conversation, standing: Standing) -> None:
    conversation.phase = standing.phase.value
    conversation.opened = _moment(standing.opened_wallclock)
    conversation.ended = _moment(standing.ended_wallclock)
    conversation.duration = standing.duration
    conversation.speakers = msgspec.to_builtins(standing.people)


def _moment(wallclock: float | None) -> datetime | None:
    return utc(wallclock) if wallclock else None


def _clean(text: str) -> str:
    """One line: control characters become blanks."""
    return " ".join("".join(char if char.isprintable() or char == "\u200c" else " " for char in text).split())


def _link_order(link: Link) -> tuple[int, int]:
    return list(Role).index(link.role), int(link.serial[1:])
