"""The house rules that a machine can check: who imports whom, sizes, and documents that keep up."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src/hiwar"
PURE = {"media", "mixer", "packager", "tokens", "admission", "sim"}
MAY_IMPORT: dict[str, set[str]] = {
    "media": set(),
    "mixer": {"media"},
    "packager": {"media"},
    "tokens": set(),
    "admission": {"tokens"},
    "recording": {"media", "packager"},
    "relay": {"media", "tokens", "admission"},
    "door": set(),
    "assets": set(),
    "ops": set(),
    "stage": {"media", "mixer", "packager", "recording", "relay"},
    "backstage": {"media", "relay", "tokens", "admission", "door", "assets", "demo"},
    "edge": {"media", "packager", "tokens", "admission", "relay", "door", "assets"},
    "archive": {"media", "packager", "recording", "tokens", "relay", "door"},
    "web": {"media", "tokens", "recording", "relay", "assets"},
    "demo": {"media", "relay", "assets"},
    "sim": {"admission", "tokens"},
    "rehearsal": {"media", "packager", "tokens", "admission", "recording", "relay", "assets", "demo"},
}
SHELL = set(MAY_IMPORT) - PURE - {"ops"}
BANNED_IN_PURE = {
    "asyncio",
    "socket",
    "threading",
    "time",
    "random",
    "secrets",
    "logging",
    "os",
    "subprocess",
    "django",
}
MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def modules() -> list[Path]:
    return sorted(path for path in SRC.rglob("*.py") if "migrations" not in path.parts)


def imported(path: Path) -> set[str]:
    """Dotted names of all that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def package(path: Path) -> str:
    return path.relative_to(SRC).parts[0]


def test_packages_import_only_whom_the_table_names() -> None:
    wrong = []
    for path in modules():
        own = package(path)
        if own not in MAY_IMPORT:
            continue  # cli and __main__ compose everything
        allowed = {own} | MAY_IMPORT[own] | ({"ops"} if own in SHELL else set())
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "hiwar" and len(parts) > 1 and parts[1] not in allowed:
                wrong.append(f"{path.relative_to(SRC)} imports {name}")
    assert wrong == []


def test_every_package_is_in_the_table() -> None:
    packages = {path.parent.name for path in SRC.glob("*/__init__.py")}
    assert packages == set(MAY_IMPORT) | {"cli"}


def test_pure_packages_touch_no_clock_socket_or_thread() -> None:
    wrong = [
        f"{path.relative_to(SRC)} imports {name}"
        for path in modules()
        if package(path) in PURE
        for name in imported(path)
        if name.split(".")[0] in BANNED_IN_PURE
    ]
    assert wrong == []


def test_no_module_and_no_function_has_outgrown_itself() -> None:
    wrong = []
    for path in [
        *modules(),
        *sorted((ROOT / "tests").rglob("*.py")),
        *sorted((ROOT / "bench").rglob("*.py")),
    ]:
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MODULE_LINES_MAX:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines")
    assert wrong == []


def test_every_module_says_what_it_is() -> None:
    silent = []
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree):
            silent.append(str(path.relative_to(SRC)))
    assert silent == []


def test_no_task_is_left_for_nobody() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.relative_to(SRC)}" for path in modules() if marks.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_setting_is_documented_with_its_default_and_range() -> None:
    from hiwar.ops.settings import SETTINGS

    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    wanted = [row for row in SETTINGS if f"| `{row.key}` |" not in text or row.doc not in text]
    assert [row.key for row in wanted] == []
    rows = re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)
    assert rows == [row.key for row in SETTINGS]


def test_every_command_is_documented() -> None:
    from typer.main import get_command

    from hiwar.cli import app

    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    command = get_command(app)
    names = [name for name, sub in command.commands.items() if not sub.hidden]  # type: ignore[attr-defined]
    assert [name for name in names if f"`hiwar {name}" not in text] == []


def test_every_metric_is_documented() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    declared: set[str] = set()
    for path in modules():
        declared |= set(re.findall(r'"(hiwar_(?:stage|edge|whip|archive)[a-z_]*_[a-z_]+)"', path.read_text()))
    assert declared
    assert sorted(name for name in declared if f"`{name}" not in text) == []


def test_every_route_of_the_doors_is_documented() -> None:
    text = (ROOT / "docs/addresses.md").read_text(encoding="utf-8")
    from hiwar.backstage.site import ROOM_ADDRESSES

    routes: tuple[str, ...] = (
        "live.mp4",
        "live.m4a",
        "live.ogg",
        "live.mp3",
        "hls/live.m3u8",
        "events",
        "now",
        "status",
        "archive/",
        "/static/",
    )
    routes += ("/b/<id>`", "/b/<id>/links", "/whip/<id>", *(f"/b/<id>/{name}" for name in ROOM_ADDRESSES))
    assert [route for route in routes if route not in text] == []


ADDRESS_OF_AN_INDEX = r'--(extra-)?index-url|"resolved": *"https?:|registry *= *"?https?:'


@pytest.mark.parametrize("pattern", [ADDRESS_OF_AN_INDEX, re.escape(f"{ROOT}/")], ids=["index", "path"])
def test_no_file_names_a_registry_or_a_path_of_some_machine(pattern: str) -> None:
    suffixes = {".py", ".md", ".toml", ".txt", ".json", ".sh", ".js", ".css", ".html", ".yml"}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / line for line in tracked.splitlines()]
    texts = [
        path for path in paths if path.suffix in suffixes and "vendor" not in path.parts and path.exists()
    ]
    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if path != Path(__file__) and re.search(pattern, path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
