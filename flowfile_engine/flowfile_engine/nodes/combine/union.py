"""Union: the rows of several inputs, one below the other."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from flowfile_engine.errors import DataError
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Port, Schema, Table


class Union(Node):
    """Stack the rows of all inputs, in the order in which they are connected.

    Columns meet by name, wherever they stand, or by position, under the names of the first input.
    """

    type: Literal["union"] = "union"
    info = NodeInfo(
        title="Union",
        group="combine",
        icon="union",
        inputs=(Port("main", multiple=True),),
        tags=("append", "concat", "stack", "vertical", "diagonal"),
    )

    by: Literal["name", "position"] = Field(default="name", title="Match columns by")
    missing: Literal["error", "null"] = Field(
        default="null",
        title="A column that an input does not have",
        description="Stop, or fill it with nulls. By position, all inputs must have the same number of columns",
    )
    relaxed: bool = Field(
        default=False,
        title="Bring types together",
        description="Columns of different types get a type that holds both, as whole numbers and text give text",
    )
    source_column: str = Field(
        default="",
        title="Column for the input's number",
        description="Tells for each row which input it came from, from 1. Empty: no such column",
    )

    def lower(self, pl: PolarsNamespace, main: list[Frame]) -> Frame:
        schemas = [frame.collect_schema() for frame in main]
        if self.by == "position":
            main, schemas = self._named_alike(main, schemas)
        elif self.missing == "error":
            _check_same_names(schemas)
        self._check_types(schemas)
        if self.source_column != "":
            self._check_free(schemas)
            main = [
                frame.with_columns(pl.lit(number, dtype=pl.UInt32).alias(self.source_column))
                for number, frame in enumerate(main, 1)
            ]
        # A column that holds nothing but nulls in one input takes the others' type; Polars calls that relaxed, too.
        relaxed = self.relaxed or any(_is_null(dtype) for schema in schemas for dtype in schema.dtypes())
        return pl.concat(main, how="diagonal_relaxed" if relaxed else "diagonal")

    def _named_alike(self, main: list[Frame], schemas: list[Schema]) -> tuple[list[Frame], list[Schema]]:
        """The frames with the names of the first one."""
        names = schemas[0].names()
        frames, renamed = [], []
        for number, (frame, schema) in enumerate(zip(main, schemas, strict=True), 1):
            if len(schema) != len(names):
                raise DataError(
                    f"input {number} has {len(schema)} columns, the first one has {len(names)}",
                    hint="match by name, or select the same number of columns",
                    field="by",
                )
            own = schema.names()
            frames.append(frame if own == names else frame.rename(dict(zip(own, names, strict=True))))
            renamed.append(type(schema)(zip(names, schema.dtypes(), strict=True)))
        return frames, renamed

    def _check_types(self, schemas: list[Schema]) -> None:
        """Refuse columns that cannot stand in one column, naming the column and the inputs."""
        from flowfile_engine.compatibility import common_dtype
        from flowfile_engine.dtypes import dtype_text

        seen: dict[str, dict[Any, int]] = {}
        for number, schema in enumerate(schemas, 1):
            for name, dtype in schema.items():
                if not _is_null(dtype):
                    seen.setdefault(name, {}).setdefault(dtype, number)
        for name, types in seen.items():
            if len(types) > 1 and not (self.relaxed and common_dtype(types) is not None):
                (one, first), *_, (other, second) = types.items()
                raise DataError(
                    f"{name!r} is {dtype_text(one)} in input {first} and {dtype_text(other)} in input {second}",
                    hint="give both the same type" + ("" if self.relaxed else ", or let types be brought together"),
                    field="relaxed",
                )

    def _check_free(self, schemas: list[Schema]) -> None:
        for number, schema in enumerate(schemas, 1):
            if self.source_column in schema:
                raise DataError(
                    f"input {number} has a column {self.source_column!r} already",
                    hint="choose another name",
                    field="source_column",
                )

    def summary(self) -> str:
        return f"by {self.by}" + (", types brought together" if self.relaxed else "")

    examples = (
        Example(
            title="Two months, the second with a column more",
            settings={},
            inputs={"main": [Table({"day": [1], "sales": [5]}), Table({"sales": [7], "day": [2], "note": ["x"]})]},
            output=Table({"day": [1, 2], "sales": [5, 7], "note": [None, "x"]}),
            ordered=True,
        ),
        Example(
            title="By position, with the number of the input",
            settings={"by": "position", "source_column": "month"},
            inputs={"main": [Table({"sales": [5]}), Table({"turnover": [7]})]},
            output=Table({"sales": [5, 7], "month": [1, 2]}, dtypes={"month": "UInt32"}),
            ordered=True,
        ),
        Example(
            title="Whole numbers and decimals together",
            settings={"relaxed": True},
            inputs={"main": [Table({"a": [1]}), Table({"a": [2.5]})]},
            output=Table({"a": [1.0, 2.5]}),
            ordered=True,
        ),
    )


def _is_null(dtype: Any) -> bool:
    return type(dtype).__name__ == "Null"


def _check_same_names(schemas: list[Schema]) -> None:
    first = schemas[0]
    for number, schema in enumerate(schemas[1:], 2):
        for here, there, missing in (
            (number, 1, [name for name in first if name not in schema]),
            (1, number, [name for name in schema if name not in first]),
        ):
            if missing:
                raise DataError(
                    f"input {here} has no column {missing[0]!r}, input {there} has one",
                    hint="fill missing columns with nulls, or select the same columns",
                    field="missing",
                )
