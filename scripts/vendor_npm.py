"""Vendored browser packages: fetch them again, or check that what is here is what was pinned.

    python scripts/vendor_npm.py           fetch with `npm pack`, verify, unpack
    python scripts/vendor_npm.py --check   only compare the files here with the lock (no network)

`vendor_npm.json` pins each package's version and the SHA-512 of its archive (the registry's own
`integrity`), and says which of its files go where. Nothing is unpacked from an archive whose hash
differs; the licence always comes along. Which registry npm asks is npm's own configuration.
"""

import json
import subprocess
import sys
import tarfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NotRequired, TypedDict

HERE = Path(__file__).parent
LOCK = HERE / "vendor_npm.json"
STATIC = HERE.parent / "src/hiwar/assets/static"
FILE_BYTES_MAX = 2 * 1024 * 1024


class Package(TypedDict):
    """One row of the lock: `files` maps a path in the archive to one below `assets/static`."""

    name: str
    version: str
    files: dict[str, str]
    integrity: NotRequired[str]
    hashes: NotRequired[dict[str, str]]


class Lock(TypedDict):
    """The whole lock."""

    packages: list[Package]


def main() -> int:
    """Exit code 0 when every file is as pinned."""
    lock: Lock = json.loads(LOCK.read_text(encoding="utf-8"))
    if "--check" not in sys.argv[1:]:
        for package in lock["packages"]:
            _fetch(package)
        LOCK.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    wrong = differing_files(lock)
    for name in wrong:
        print(f"not as pinned: {name}", file=sys.stderr)
    return 1 if wrong else 0


def differing_files(lock: Lock) -> list[str]:
    """The vendored files that are missing or differ from the lock."""
    wrong = []
    for package in lock["packages"]:
        for name, expected in package.get("hashes", {}).items():
            path = STATIC / name
            if not path.is_file() or _integrity(path.read_bytes()) != expected:
                wrong.append(name)
    return wrong


def _fetch(package: Package) -> None:
    spec = f"{package['name']}@{package['version']}"
    with TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", spec], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        found = _integrity(archive.read_bytes())
        expected = package.setdefault("integrity", found)
        if found != expected:
            raise SystemExit(f"{spec}: the archive is {found}, pinned is {expected}")
        with tarfile.open(archive) as opened:
            package["hashes"] = {
                target: _unpack(opened, source, STATIC / target)
                for source, target in package["files"].items()
            }


def _unpack(archive: tarfile.TarFile, source: str, target: Path) -> str:
    member = archive.getmember(f"package/{source}")
    file = archive.extractfile(member)
    if file is None or member.size > FILE_BYTES_MAX:
        raise SystemExit(f"{source}: not a plain file of at most {FILE_BYTES_MAX} bytes")
    content = file.read()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return _integrity(content)


def _integrity(content: bytes) -> str:
    return "sha512-" + b64encode(sha512(content).digest()).decode("ascii")


if __name__ == "__main__":
    raise SystemExit(main())
