"""`python -m flowfile_worker`: the Worker from the command line."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from flowfile_engine.errors import FlowfileError
from flowfile_worker.settings import PERFORM, PORT, PoolSettings, ServiceSettings, default_cache_folder

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text: str) -> int:
    """A number of bytes: `800M`, `1.5G`, `2 GiB`.

    Raises:
        ValueError: it is none.
    """
    number = text.strip().upper().removesuffix("B").removesuffix("I").strip()
    unit = number[-1:] if number[-1:] in _UNITS else ""
    value = int(float(number.removesuffix(unit)) * _UNITS[unit])
    if value <= 0:
        raise ValueError(text)
    return value


def parse(arguments: list[str] | None = None) -> ServiceSettings:
    """The settings that a command line and the environment ask for."""
    defaults = PoolSettings(cache_folder=default_cache_folder())
    parser = argparse.ArgumentParser(prog="flowfile_worker", description="Runs Flowfile's tasks in child processes.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; other than loopback only with a token")
    add("--port", type=int, default=PORT, help="0: any free one")
    add("--allowed-host", action="append", default=[], help="a name that requests may use for this service")
    add("--cache-dir", type=Path, default=defaults.cache_folder, help="where results are kept")
    add("--cache-size", type=size, default=defaults.cache_bytes, help="how much of them, such as 20G")
    add("--memory-limit", type=size, default=defaults.memory_limit, help="what one task may take, such as 4G")
    add("--max-runs", type=int, default=defaults.max_runs, help="runs at once; further ones wait")
    add("--idle-seconds", type=float, default=defaults.idle_seconds, help="when to let spare children go")
    add("--parent-pid", type=int, help="end when this process does")
    add("--watch-stdin", action="store_true", help="end when standard input does")
    add("--perform", default=PERFORM, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    pool = PoolSettings(
        cache_folder=options.cache_dir.absolute(),
        cache_bytes=options.cache_size,
        memory_limit=options.memory_limit,
        max_runs=max(options.max_runs, 1),
        idle_seconds=options.idle_seconds,
        perform=options.perform,
        owns_process=True,
    )
    return ServiceSettings(
        host=options.host,
        port=options.port,
        token=os.environ.get("FLOWFILE_INTERNAL_TOKEN") or None,
        allowed_hosts=tuple(options.allowed_host),
        parent_pid=options.parent_pid,
        watch_stdin=options.watch_stdin,
        pool=pool,
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    settings = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # The web framework is no part of what `--help` needs.
    from flowfile_worker.service import serve

    try:
        serve(settings)
    except FlowfileError as error:
        sys.stderr.write(f"flowfile_worker: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
