"""Conversations as they are made, edited and kept in step with their stages."""

from datetime import UTC, datetime

import pytest

from hiwar.relay.records import Person, Phase, Role, Specification, Standing, Visibility
from hiwar.tokens.token import Kind, parse_token
from hiwar.web import installation
from hiwar.web.conversations import services
from hiwar.web.conversations.models import Conversation
from hiwar.web.ids import ImmutableField

KEY_URL = "http://talk.test/c/"


def test_a_new_conversation_has_its_row_its_specification_and_its_links() -> None:
    planned = datetime(2031, 5, 3, 18, 0, tzinfo=UTC)
    made = services.create_conversation(
        title="  عن\nالماء ", description="x", language="ar", planned=planned, cohosts=1, guests=2
    )
    identifier = made.specification.id
    assert len(identifier) == 10
    assert made.specification.title == "عن الماء"
    assert installation.directory().read_specification(identifier) == made.specification
    assert [(link.serial, link.role) for link in made.links.speakers] == [
        ("h1", Role.HOST),
        ("c1", Role.COHOST),
        ("g1", Role.GUEST),
        ("g2", Role.GUEST),
    ]
    assert made.links.listen == KEY_URL + identifier
    assert made.specification.planned_wallclock == planned.timestamp()


def test_every_speakers_link_is_a_pass_in_the_fragment() -> None:
    made = services.create_conversation(title="A")
    address, token = made.links.speakers[0].address.split("#")
    assert address.endswith(f"/b/{made.specification.id}")
    key = installation.secrets().token_key
    held = parse_token(token, key, kind=Kind.PASS, conversation=made.specification.id, wallclock=0)
    assert (held.subject, held.role) == ("h1", "host")


@pytest.mark.parametrize("counts", [{"cohosts": -1}, {"guests": 41}, {"cohosts": 11}])
def test_impossible_numbers_of_links_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at most"):
        services.create_conversation(title="A", **counts)  # type: ignore[arg-type]
    assert Conversation.objects.count() == 0


def test_a_conversation_needs_a_title() -> None:
    with pytest.raises(ValueError, match="title"):
        services.create_conversation(title=" \t")


def test_a_change_is_written_for_everybody_who_reads_specifications() -> None:
    made = services.create_conversation(title="A")
    found = services.find(made.specification.id)
    assert found is not None
    found.title = "B"
    services.save_conversation(found)
    written = installation.directory().read_specification(found.id)
    assert written is not None
    assert written.title == "B"


def test_hiding_and_showing_again_leaves_everything_as_it_was() -> None:
    made = services.create_conversation(title="A", description="d", people=["one", "two"])
    found = services.find(made.specification.id)
    assert found is not None
    assert services.set_hidden(found, True).hidden
    assert services.set_hidden(found, False) == made.specification


def test_an_id_never_changes() -> None:
    made = services.create_conversation(title="A")
    found = Conversation.objects.get(id=made.specification.id)
    found.id = "aaaaaaaaaa"
    with pytest.raises(ImmutableField):
        found.save()


def test_a_page_takes_over_what_the_stage_wrote() -> None:
    identifier = services.create_conversation(title="A").specification.id
    person = Person(id="h1", name="host", role=Role.HOST)
    _stand(identifier, Standing(phase=Phase.LIVE, opened_wallclock=1000.0, people=(person,)))
    found = services.find(identifier)
    assert found is not None
    assert (found.phase, found.on_air, found.names) == ("live", True, ["host"])


def test_the_end_is_taken_over_even_if_the_states_between_were_never_seen() -> None:
    identifier = services.create_conversation(title="A").specification.id
    _stand(
        identifier, Standing(phase=Phase.ENDED, opened_wallclock=1.0, ended_wallclock=9.0, duration=480_000)
    )
    found = services.find(identifier)
    assert found is not None
    assert (found.phase, found.duration_seconds) == ("ended", 10.0)


def test_an_ended_conversation_never_goes_on_air_again() -> None:
    identifier = services.create_conversation(title="A").specification.id
    _stand(identifier, Standing(phase=Phase.ENDED, opened_wallclock=1.0))
    services.find(identifier)
    _stand(identifier, Standing(phase=Phase.LIVE, opened_wallclock=2.0))
    services.sync_all()
    assert Conversation.objects.get(id=identifier).phase == "ended"


def test_legal_moves_may_be_skipped_but_not_invented() -> None:
    assert services.follows(Phase.ANNOUNCED, Phase.ENDED)
    assert services.follows(Phase.WAITING, Phase.LIVE)
    assert not services.follows(Phase.ENDED, Phase.LIVE)
    assert not services.follows(Phase.LIVE, Phase.GREEN_ROOM)


def test_a_conversation_made_by_its_files_is_adopted() -> None:
    made = Specification(id="demo123456", title="Demo", demonstration=True, visibility=Visibility.PUBLIC)
    installation.directory().write_specification(made)
    services.sync_all()
    assert Conversation.objects.get(id="demo123456").demonstration
    assert services.find("demo123456") is not None


def test_damaged_files_of_one_conversation_break_no_page_of_the_others() -> None:
    made = services.create_conversation(title="A").specification
    (installation.directory().folder(made.id) / "standing.json").write_text('{"phase":')
    lost = installation.directory().folder("damaged123")
    lost.mkdir()
    (lost / "specification.json").write_text('{"id":')
    services.sync_all()
    found = services.find(made.id)
    assert found is not None
    assert found.phase == Phase.ANNOUNCED
    assert services.find("damaged123") is None


def test_a_demonstration_whose_files_are_gone_is_forgotten_and_others_are_not() -> None:
    Conversation.objects.create(id="gonedemo12", title="x", demonstration=True)
    Conversation.objects.create(id="gonereal12", title="y")
    services.sync_all()
    assert list(Conversation.objects.values_list("id", flat=True)) == ["gonereal12"]


def test_the_link_of_a_link_only_conversation_carries_a_voucher_that_stays_the_same() -> None:
    made = services.create_conversation(title="A", visibility=Visibility.LINK)
    found = services.find(made.specification.id)
    assert found is not None
    assert "?v=" in made.links.listen
    assert services.listen_address(found) == made.links.listen


def _stand(identifier: str, standing: Standing) -> None:
    installation.directory().write_standing(identifier, standing)
