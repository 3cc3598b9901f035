"""What a test needs beside Python: where it is missing the test is skipped with the reason, and where
`TESTS_REQUIRE_ALL=1` (in CI) it fails instead."""

import os
import shutil
import subprocess
from typing import NoReturn

import pytest


def need_program(name: str) -> str:
    """The path of a program, or the test is skipped (fails where everything is required)."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return found or _miss(f"{name} is not installed")


def need_network_namespaces() -> None:
    """This process may make network namespaces, or the test is skipped likewise."""
    made = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    if made.returncode:
        _miss("network namespaces need root, and a system that lets it make them")


def _miss(reason: str) -> NoReturn:
    if os.environ.get("TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
