"""Which columns of a materialized result are used below it: asked of Polars' own projection pushdown.

The steps between two materialized results are lowered onto stand-ins that hold no rows and note which columns are
asked of them. Nothing about any node type is known here.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars.io.plugins import register_io_source

from flowfile_engine import usercode
from flowfile_engine.errors import FlowfileError
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.run.flow import Frames, Output, PreparedFlow


class Probe:
    """A frame without rows that notes what a query reads of it.

    Attributes:
        read: the columns read; None: all of them, or not known.
        asked: whether a query came to it at all.
    """

    def __init__(self, schema: pl.Schema) -> None:
        self.schema = schema
        self.read: set[str] | None = set()
        self.asked = False

    def frame(self) -> pl.LazyFrame:
        """The frame to build on."""
        return register_io_source(self._rows, schema=self.schema)

    def _rows(
        self,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        self.asked = True
        if with_columns is None:
            self.read = None
        elif self.read is not None:
            self.read |= set(with_columns)
        frame = pl.DataFrame(schema=self.schema)
        if predicate is not None:
            frame = frame.filter(predicate)
        yield frame if with_columns is None else frame.select(with_columns)


def columns_read(
    flow: PreparedFlow, leaves: dict[Output, pl.Schema], wanted: dict[Output, list[str] | None]
) -> dict[Output, set[str] | None]:
    """The columns of some outputs that computing other outputs reads.

    Args:
        leaves: the outputs that would be read, with their schemas.
        wanted: the outputs that are computed from them, and which of their columns (None: all).

    Returns:
        For each leaf the columns read; None: all, also where it could not be found out.
    """
    probes = {output: Probe(schema) for output, schema in leaves.items()}
    frames = Frames(flow, {output: probe.frame() for output, probe in probes.items()})
    try:
        plans = []
        for (node_id, output), columns in wanted.items():
            # Not `outputs`: a leaf that is wanted itself would be lowered over real data, and executed below.
            plan = frames.output(node_id, output)
            plans.append(plan if columns is None else plan.select(columns))
        # The in-memory engine visits every source, also where an empty one decides the result.
        with usercode.errors_explained():
            pl.collect_all(plans, engine="in-memory", optimizations=frames.flags())
    except (*POLARS_ERRORS, FlowfileError):
        return dict.fromkeys(leaves)
    return {output: probe.read if probe.asked else None for output, probe in probes.items()}
