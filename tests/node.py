"""Scripts of the browser, tested by node."""

import os
import subprocess
from pathlib import Path

from tests.needs import need_program


def run_node(script: Path, environment: dict[str, str]) -> None:
    """The script's own tests pass."""
    done = subprocess.run(
        [need_program("node"), "--test", str(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-4000:]
