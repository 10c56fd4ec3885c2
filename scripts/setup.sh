#!/usr/bin/env bash
# Makes .venv: the packages in editable form, and the tools that check them. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed, $python is $("$python" --version 2>&1). Set PYTHON to a newer one." >&2
    exit 1
}

[ -x .venv/bin/python ] || "$python" -m venv .venv
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --constraint constraints.txt uv

install() {
    # Compiled once here: a service's start would otherwise compile what it imports, each time where that is not kept.
    .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python \
        --constraints constraints.txt --build-constraints constraints.txt "$@"
}
install --editable . --group dev
install --no-deps --group sample-data
.venv/bin/python -m compileall -q flowfile/flowfile flowfile_*/flowfile_*
