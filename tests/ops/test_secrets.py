from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hiwar.ops.secrets import BadSecrets, load_secrets


def test_they_are_made_once_for_the_owner_only(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(first.token_key) == 32


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_secrets(tmp_path), range(32)))
    assert len({secret.token_key for secret in made}) == 1


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets.json").chmod(0o644)
    with pytest.raises(BadSecrets, match="chmod 600"):
        load_secrets(tmp_path)


def test_a_damaged_file_is_refused_and_kept(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / "secrets.json").write_bytes(b"{")
    with pytest.raises(BadSecrets, match="damaged"):
        load_secrets(tmp_path)
    assert (tmp_path / "secrets.json").read_bytes() == b"{"
