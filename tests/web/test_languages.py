"""Arabic and English alike: the catalog whole, six plural forms right, one choice of digits."""

import gettext
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from django.template import Context, Template
from django.utils import translation
from django.utils.translation import ngettext

from hiwar.assets.visitors import choose_language, is_signed_in
from hiwar.web.conversations.phrases import SAMPLES, listening
from hiwar.web.conversations.tags import clock, initial, size

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_is_in_the_catalog_translated_and_compiled() -> None:
    messages = script("messages")
    assert messages.main("check") == 0


def test_the_catalog_survives_being_read_and_written() -> None:
    messages = script("messages")
    catalog = messages.parse_po(messages.PO.read_text(encoding="utf-8"))
    assert messages.parse_po(messages.render_po(catalog)) == catalog


@pytest.mark.parametrize(
    ("count", "form"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (10, 3), (11, 4), (99, 4), (100, 5), (102, 5), (103, 3)],
)
def test_arabic_has_six_plural_forms_and_takes_the_right_one(count: int, form: int) -> None:
    messages = script("messages")
    forms = messages.parse_po(messages.PO.read_text(encoding="utf-8"))[
        "begins in {n} minute", "begins in {n} minutes"
    ]
    assert len(forms) == 6
    with translation.override("ar"):
        assert ngettext("begins in {n} minute", "begins in {n} minutes", count) == forms[form]
    with messages.PO.with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).ngettext("begins in {n} minute", "", count) == forms[form]


def test_scripts_get_one_text_per_plural_category() -> None:
    with translation.override("ar"):
        forms = listening()["listeners"]
    assert isinstance(forms, dict)
    assert list(forms) == list(SAMPLES)
    assert forms["two"] == "مستمعان الآن"
    assert "{n}" in forms["few"]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_dates_and_numbers_have_latin_digits(language: str) -> None:
    from datetime import UTC, datetime

    with translation.override(language):
        text = Template("{{ at|moment }} {{ 1234.5 }} {{ 7260|clock }}").render(
            Context({"at": datetime(2031, 5, 3, 20, 30, tzinfo=UTC)})
        )
    assert "2031" in text
    assert "20:30" in text
    assert "2:01:00" in text
    assert not any("٠" <= char <= "٩" for char in text)


def test_lengths_sizes_and_initials_read_well() -> None:
    assert [clock(0), clock(59.9), clock(3600)] == ["0:00", "0:59", "1:00:00"]
    assert [size(900), size(2_500_000), size(36_000_000), size(1_200_000_000)] == [
        "0.9 kB",
        "2.5 MB",
        "36 MB",
        "1.2 GB",
    ]
    assert [initial("المضيف"), initial("guest"), initial(" ")] == ["م", "G", "•"]


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        ("", "", "ar"),
        ("hiwar_language=en", "ar", "en"),
        ("hiwar_language=xx", "en", "en"),
        ("a=b; hiwar_language=ar", "en", "ar"),
        ("", "en-GB,en;q=0.9,ar;q=0.1", "en"),
        ("", "fr;q=1, en;q=0.2, ar;q=0.3", "ar"),
        ("", "en;q=0", "ar"),
        ("", "en;q=٠.٩, ;;;", "ar"),
        ("", "x" * 5000, "ar"),
    ],
)
def test_the_language_is_the_cookies_else_the_browsers_best(cookie: str, accept: str, expected: str) -> None:
    assert choose_language(cookie, accept, "ar") == expected


def test_a_session_is_seen_in_any_place_among_the_cookies() -> None:
    assert is_signed_in("a=b; hiwar_session=x")
    assert not is_signed_in("hiwar_session=; other=hiwar_session")


def test_vendored_files_are_as_pinned() -> None:
    import json

    vendor = script("vendor_npm")
    assert vendor.differing_files(json.loads(vendor.LOCK.read_text(encoding="utf-8"))) == []


def test_the_design_names_every_font_by_its_content() -> None:
    import re

    from hiwar.assets import STATIC, asset_address

    named = re.findall(r'url\("([^"]+)"\)', (STATIC / "design.css").read_text(encoding="utf-8"))
    assert named
    for address in named:
        assert asset_address(address.partition("?")[0]) == f"/static/{address}"
