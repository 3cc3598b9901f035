"""The Arabic catalog: find the texts, keep the translations, compile them. Needs no gettext tools.

    python scripts/messages.py update     add texts that are new to django.po, drop those no longer used
    python scripts/messages.py compile    write django.mo (GNU gettext manual, "The Format of GNU MO Files")
    python scripts/messages.py check      exit code 1 when a text is missing, empty, fuzzy, or the .mo is old

Texts are found in Python (`_`, `gettext`, `gettext_lazy`, `ngettext` with literals) and in templates
(through Django's own `templatize`). The header, with the six plural forms, is the .po file's own.
"""

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).parent.parent / "src/hiwar/web"
PO = WEB / "locale/ar/LC_MESSAGES/django.po"
PLURALS = 6
Message = tuple[str, str]  # singular, plural ("" for none)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def main(command: str) -> int:
    """Carry out one command; returns the exit code."""
    catalog = parse_po(PO.read_text(encoding="utf-8"))
    wanted = sorted(set(texts()))
    if command == "update":
        kept = {message: catalog.get(message, ("",) * (PLURALS if message[1] else 1)) for message in wanted}
        PO.write_text(render_po({("", ""): catalog[("", "")], **kept}), encoding="utf-8")
    elif command == "compile":
        PO.with_suffix(".mo").write_bytes(compile_mo(catalog))
    else:
        wrong = problems(catalog, wanted)
        print("\n".join(wrong), file=sys.stderr)
        return 1 if wrong else 0
    return 0


def problems(catalog: dict[Message, tuple[str, ...]], wanted: list[Message]) -> list[str]:
    """What is wrong with the catalog, one line each."""
    wrong = [f"not in the catalog: {message[0]!r}" for message in wanted if message not in catalog]
    wrong += [f"not translated: {key[0]!r}" for key, forms in catalog.items() if not all(forms)]
    wrong += [f"no longer used: {key[0]!r}" for key in catalog if key != ("", "") and key not in wanted]
    if "fuzzy" in PO.read_text(encoding="utf-8"):
        wrong.append("the catalog has fuzzy entries")
    if PO.with_suffix(".mo").read_bytes() != compile_mo(catalog):
        wrong.append("django.mo is older than django.po: run `python scripts/messages.py compile`")
    return wrong


def texts() -> Iterator[Message]:
    """Every text that is marked for translation in the site."""
    from django.utils.translation.template import templatize

    for path in sorted(WEB.rglob("*.py")):
        yield from _calls(path.read_text(encoding="utf-8"))
    for path in sorted(WEB.rglob("templates/**/*.html")):
        yield from _calls(_templated(templatize(path.read_text(encoding="utf-8"), origin=str(path))))


def _templated(masked: str) -> str:
    """Only the calls of what `templatize` leaves, as Python."""
    return "\n".join(re.findall(r"gettext\(u?'(?:[^'\\]|\\.)*'\)|gettext\(u?\"(?:[^\"\\]|\\.)*\"\)", masked))


def _calls(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = [
            arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if node.func.id in ("_", "gettext", "gettext_lazy") and words:
            yield words[0], ""
        elif node.func.id == "ngettext" and len(words) == 2:
            yield words[0], words[1]


def parse_po(content: str) -> dict[Message, tuple[str, ...]]:
    """The entries of a .po file; the header is under ("", "")."""
    catalog: dict[Message, tuple[str, ...]] = {}
    for block in re.split(r"\n\s*\n", content):
        fields: dict[str, str] = {}
        current = ""
        for line in block.splitlines():
            match = re.match(r"(msgid_plural|msgid|msgstr(?:\[\d\])?)\s", line)
            current = match[1] if match else current
            if not line.startswith("#") and current:
                fields[current] = fields.get(current, "") + "".join(map(_plain, _STRING.findall(line)))
        if "msgid" in fields:
            forms = tuple(value for key, value in fields.items() if key.startswith("msgstr"))
            catalog[fields["msgid"], fields.get("msgid_plural", "")] = forms
    return catalog


def render_po(catalog: dict[Message, tuple[str, ...]]) -> str:
    """A .po file; parsing it gives `catalog` back."""
    blocks = []
    for (single, plural), forms in catalog.items():
        lines = [f"msgid {_quoted(single)}"]
        if plural:
            lines += [f"msgid_plural {_quoted(plural)}"]
            lines += [f"msgstr[{number}] {_quoted(form)}" for number, form in enumerate(forms)]
        else:
            lines += [f"msgstr {_quoted(forms[0])}"]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def compile_mo(catalog: dict[Message, tuple[str, ...]]) -> bytes:
    """The binary catalog that Python's gettext reads."""
    pairs = sorted(
        (("\0".join(key) if key[1] else key[0]).encode(), "\0".join(forms).encode())
        for key, forms in catalog.items()
    )
    ids, strings, offsets = b"", b"", []
    for key, value in pairs:
        offsets.append((len(ids), len(key), len(strings), len(value)))
        ids += key + b"\0"
        strings += value + b"\0"
    first = 7 * 4 + 16 * len(pairs)
    key_table = b"".join(struct.pack("<II", size, first + at) for at, size, _, _ in offsets)
    value_table = b"".join(struct.pack("<II", size, first + len(ids) + at) for _, _, at, size in offsets)
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, first)
    return header + key_table + value_table + ids + strings


def _plain(escaped: str) -> str:
    return escaped.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
