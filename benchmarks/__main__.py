"""Measure Flowfile: `python -m benchmarks [--scale 1] [--only NAME ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import footprint, memory, prediction, previews, running
from benchmarks.session import Session
from benchmarks.tpch.data import TpchError

SUBJECTS: dict[str, Callable[[Session], object]] = {
    "fixed-cost": running.measure_fixed_cost,
    "queries": running.measure_queries,
    "again": running.measure_again,
    "previews": previews.measure_previews,
    "delay": previews.measure_delay,
    "many-nodes": running.measure_many_nodes,
    "two-outputs": running.measure_two_outputs,
    "prediction": prediction.measure_prediction,
    "long-chain": prediction.measure_long_chain,
    "start": footprint.measure_start,
    "installation": footprint.measure_installation,
    "memory": memory.measure_ceiling,
}

BUSY = 0.5
"""A load above which the figures say more about the machine than about the product."""


def main() -> None:
    """Run the subjects asked for; ends with 1 where a figure is over its threshold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Flowfile beside Polars.")
    parser.add_argument("--scale", "-s", type=float, default=1, help="TPC-H scale factor (default: 1)")
    parser.add_argument("--folder", type=Path, help="where the TPC-H tables are, or are made (default: a cache folder)")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, metavar="NAME", help=f"of {', '.join(SUBJECTS)}")
    arguments = parser.parse_args()
    # The queries begin with the fixed cost, which they need.
    names = arguments.only or [name for name in SUBJECTS if name != "fixed-cost"]
    try:
        with Session(arguments.scale, arguments.folder) as session:
            if os.getloadavg()[0] > BUSY:
                session.console.print("[yellow]Other processes are at work. Runs yield to them, so they seem slow.[/]")
            for name in names:
                SUBJECTS[name](session)
            over = [figure.name for figure in session.figures if not figure.holds]
    except TpchError as error:
        sys.exit(f"error: {error}")
    if over:
        sys.exit(f"over the threshold: {', '.join(over)}")


if __name__ == "__main__":
    main()
