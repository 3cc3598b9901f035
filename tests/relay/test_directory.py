from pathlib import Path

import pytest

from hiwar.relay.directory import Directory, is_conversation_id
from hiwar.relay.links import LINKS_MAX, TooManyLinks, first_links, next_link
from hiwar.relay.phases import MOVES, IllegalMove, move
from hiwar.relay.records import Phase, Role, Specification, Standing


@pytest.mark.parametrize(
    "text", ["", "short", "../../etc", "ABCDEFGH", "abc/def", "مرحباحوار", "a" * 33, "abcdef\n", "١٢٣٤٥٦٧"]
)
def test_what_is_not_an_id_names_no_folder(text: str, tmp_path: Path) -> None:
    directory = Directory(tmp_path, tmp_path)
    assert not is_conversation_id(text)
    assert directory.read_specification(text) is None
    assert directory.read_standing(text) == Standing()
    assert directory.read_links(text) == ()
    with pytest.raises(ValueError, match="id"):
        directory.folder(text)


def test_what_was_written_is_read_back_in_arabic_too(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "new", tmp_path)
    specification = Specification(id="abcdef1234", title="حوار مفتوح", planned_wallclock=1.5)
    directory.write_specification(specification)
    assert directory.read_specification("abcdef1234") == specification
    assert directory.conversations() == ["abcdef1234"]
    assert directory.read_standing("abcdef1234").phase is Phase.ANNOUNCED


def test_links_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    directory = Directory(tmp_path, tmp_path)
    directory.write_links("abcdef1234", first_links(1, 2, "host"))
    assert [link.serial for link in directory.read_links("abcdef1234")] == ["h1", "c1", "g1", "g2"]
    assert (tmp_path / "conversations/abcdef1234/links.json").stat().st_mode & 0o777 == 0o600


def test_a_serial_is_never_used_twice_and_links_are_bounded() -> None:
    links = first_links(0, 3)
    assert next_link(links, Role.GUEST).serial == "g4"
    many = links
    while len(many) < LINKS_MAX:
        many = (*many, next_link(many, Role.GUEST))
    with pytest.raises(TooManyLinks):
        next_link(many, Role.COHOST)


@pytest.mark.parametrize("start", list(Phase))
@pytest.mark.parametrize("to", list(Phase))
def test_only_the_moves_of_the_table_are_made(start: Phase, to: Phase) -> None:
    if to in MOVES[start]:
        assert move(start, to) is to
    else:
        with pytest.raises(IllegalMove):
            move(start, to)
