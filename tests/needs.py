"""What a test needs beside Python: where it is missing the test is skipped with the reason, and where
`TESTS_REQUIRE_ALL=1` (in CI) it fails instead."""

import os
import shutil

import pytest


def need_program(name: str) -> str:
    """The path of a program, or the test is skipped (fails where everything is required)."""
    found = shutil.which(name)
    if found:
        return found
    reason = f"{name} is not installed"
    if os.environ.get("TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
