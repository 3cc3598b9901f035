"""Static files."""

from pathlib import Path

import pytest

from hiwar.door.http import Problem, Request
from hiwar.door.static import StaticFiles


def ask(path: str, method: str = "GET", v: str = "", **headers: str) -> Request:
    query = {"v": v} if v else {}
    return Request(method, path, path, query, headers, "1.1.1.1", False)


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.js").write_text("let a")
    return StaticFiles(tmp_path)


def test_a_file_is_kept_for_ever_only_under_its_own_mark(files: StaticFiles) -> None:
    plain = files.answer(ask("/static/sub/a.js"))
    mark = plain.headers["ETag"].strip('"')
    assert plain.headers["Cache-Control"] == "no-cache"
    assert "immutable" in files.answer(ask("/static/sub/a.js", v=mark)).headers["Cache-Control"]
    assert files.answer(ask("/static/sub/a.js", v="other")).headers["Cache-Control"] == "no-cache"
    again = Request("GET", "/static/sub/a.js", "", {}, {"if-none-match": f'"{mark}"'}, "", False)
    assert files.answer(again).status == 304


@pytest.mark.parametrize("path", ["/static/none", "/static/", "/static/sub", "/static//etc/passwd"])
def test_what_is_not_in_the_folder_is_not_there(files: StaticFiles, path: str) -> None:
    with pytest.raises(Problem) as caught:
        files.answer(ask(path))
    assert caught.value.status == 404


def test_a_file_can_only_be_read(files: StaticFiles) -> None:
    with pytest.raises(Problem) as caught:
        files.answer(ask("/static/sub/a.js", "POST"))
    assert caught.value.status == 405
