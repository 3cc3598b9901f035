#!/bin/sh
# Pin everything, with hashes, for every platform: sh scripts/lock.sh  (needs uv; run after changing pyproject.toml)
set -eu
cd "$(dirname "$0")/.."
common="--universal --generate-hashes --no-header --no-emit-find-links --python-version 3.11 --quiet"
uv pip compile $common pyproject.toml -o requirements/run.txt
uv pip compile $common --extra dev pyproject.toml -o requirements/dev.txt
