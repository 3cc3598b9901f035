"""The page's words, and that its scripts use none that are missing."""

import json
import re

from hiwar.assets import STATIC

FOLDER = STATIC / "backstage"
WORDS = json.loads((FOLDER / "strings.json").read_text(encoding="utf-8"))
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
PLACES = re.compile(r"\{\w+\}")


def test_every_word_is_there_in_both_languages_with_the_same_places() -> None:
    for key, texts in WORDS.items():
        assert set(texts) == {"ar", "en"}, key
        assert all(text.strip() for text in texts.values()), key
        assert sorted(PLACES.findall(texts["ar"])) == sorted(PLACES.findall(texts["en"])), key


def test_arabic_texts_are_arabic_and_english_ones_are_not() -> None:
    arabic = re.compile(r"[\u0600-\u06ff]")
    for key, texts in WORDS.items():
        if key != "language_switch":
            assert arabic.search(texts["ar"]), key
            assert not arabic.search(texts["en"]), key


def test_every_key_that_a_script_names_exists() -> None:
    named = {key for text in SCRIPTS.values() for key in re.findall(r'\bt\("(\w+)"', text)}
    assert named
    assert named <= set(WORDS)


def test_every_word_is_used() -> None:
    code = "\n".join(SCRIPTS.values())
    starts = tuple(re.findall(r"t\(`(\w+_)\$\{", code))
    ends = tuple(re.findall(r"t\(`\$\{\w+\}(_\w+)`", code))
    used = {key for key in WORDS if re.search(rf"\b{key}\b", code) or key.startswith(starts)}
    assert set(WORDS) - used == {key for key in set(WORDS) - used if key.endswith(ends)}


def test_nothing_is_written_into_a_page_as_markup() -> None:
    for name, text in SCRIPTS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name
