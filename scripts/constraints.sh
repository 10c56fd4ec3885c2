#!/usr/bin/env bash
# Resolves every extra and group for all platforms and writes the pins, without addresses, to constraints.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

pins() {
    .venv/bin/uv pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-annotate "$@"
}

{
    echo "# Written by scripts/constraints.sh: the newest versions that resolve together."
    {
        pins pyproject.toml --all-extras --group dev --group node
        pins --no-deps --group sample-data
    } | LC_ALL=C sort
} >constraints.new
mv constraints.new constraints.txt
