"""Which versions run here; shown by `hiwar version`, `hiwar doctor` and written into bench results."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("av", "aiortc", "numpy", "uvloop", "httptools", "Django")


def versions() -> dict[str, str]:
    """Name to version, Hiwar first."""
    found = {"hiwar": _version("hiwar"), "python": platform.python_version()}
    return found | {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
