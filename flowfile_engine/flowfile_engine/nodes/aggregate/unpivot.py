"""Unpivot: columns become rows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from flowfile_engine.errors import DataError
from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import Columns, Name

Kind = Literal["all", "numeric", "string", "temporal", "boolean"]


class Unpivot(Node):
    """Turn columns into rows: one row for each cell, with the name of its column and its value.

    The values must have a type in common: whole numbers and decimals have, numbers and texts become texts. The rows
    come in no certain order.
    """

    type: Literal["unpivot"] = "unpivot"
    info = NodeInfo(
        title="Unpivot",
        group="aggregate",
        icon="unpivot",
        spread="rows",
        tags=("melt", "long", "gather", "wide to long"),
    )

    index: Columns = Field(default=[], title="Keep", description="Columns that stay beside each value")
    on: Columns = Field(
        default=[], title="Columns", description="They become rows. Empty: all of the kind chosen below"
    )
    kind: Kind = Field(
        default="all", title="Kind of columns", description="If no columns are chosen: all of these but the kept ones"
    )
    variable_name: Name = Field(default="variable", title="Name of the column for names", validate_default=True)
    value_name: Name = Field(default="value", title="Name of the column for values", validate_default=True)
    as_text: bool = Field(
        default=False, title="Values as text", description="So that columns of any types can stand in one"
    )

    @field_validator("variable_name", "value_name")
    @classmethod
    def _free(cls, value: str, info: ValidationInfo) -> str:
        if value in info.data.get("index", []) or value == info.data.get("variable_name"):
            raise ValueError(f"another column of the result is called {value!r}")
        return value

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        chosen = self._chosen(pl)
        schema = main.collect_schema()
        columns = self.on if self.on else main.select(chosen).collect_schema().names()
        self._check_types({name: schema[name] for name in columns if name in schema})
        if self.as_text:
            main = main.select([*[pl.col(name) for name in self.index], self._texts(pl)])
        return main.unpivot(chosen, index=self.index, variable_name=self.variable_name, value_name=self.value_name)

    def _chosen(self, pl: PolarsNamespace) -> Any:
        if self.on:
            return self.on
        selectors = pl.selectors
        of_kind = selectors.all() if self.kind == "all" else getattr(selectors, self.kind)()
        return of_kind - selectors.by_name(self.index) if self.index else of_kind

    def _texts(self, pl: PolarsNamespace) -> Any:
        chosen = pl.col(self.on) if self.on else self._chosen(pl)
        return chosen.cast(pl.String)

    def _check_types(self, columns: dict[str, Any]) -> None:
        """Refuse values that cannot stand in one column; Polars would panic."""
        from flowfile_engine.compatibility import common_dtype, kind_of
        from flowfile_engine.dtypes import dtype_text

        first: dict[Any, str] = {}
        for name, dtype in columns.items():
            first.setdefault(dtype, name)
            if self.as_text and kind_of(dtype) in ("nested", "duration", "object"):
                raise DataError(f"{name!r} is {dtype_text(dtype)}, which cannot be written as text", field="as_text")
        if self.as_text or common_dtype(first) is not None:
            return
        (one, one_name), (other, other_name) = _apart(first)
        raise DataError(
            f"{one_name!r} is {dtype_text(one)} and {other_name!r} is {dtype_text(other)}: no type holds both",
            hint="unpivot fewer columns, or take the values as text",
            field="as_text",
        )

    def check_columns(self, inputs: Inputs) -> None:
        super().check_columns(inputs)
        both = [name for name in self.on if name in self.index]
        if both:
            raise DataError(f"{both[0]!r} cannot both stay and become rows", field="on")

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.compatibility import duplicates_at

        with duplicates_at("index", hint="each column can be kept once"):
            return super().schema(inputs)

    def summary(self) -> str:
        chosen = ", ".join(self.on) if self.on else ("all columns" if self.kind == "all" else f"{self.kind} columns")
        return f"{chosen} to rows"

    examples = (
        Example(
            title="A row for each quarter",
            settings={"index": ["shop"], "on": ["Q1", "Q2"], "variable_name": "quarter", "value_name": "sales"},
            inputs={"main": Table({"shop": ["a", "b"], "Q1": [1, 3], "Q2": [2, 4]})},
            output=Table({"shop": ["a", "b", "a", "b"], "quarter": ["Q1", "Q1", "Q2", "Q2"], "sales": [1, 3, 2, 4]}),
        ),
        Example(
            title="All numbers, whatever the columns are called",
            settings={"index": ["id"], "kind": "numeric"},
            inputs={"main": Table({"id": [1], "x": [1.5], "y": [2], "note": ["n"]})},
            output=Table({"id": [1, 1], "variable": ["x", "y"], "value": [1.5, 2.0]}),
        ),
    )


def _apart(types: dict[Any, str]) -> list[tuple[Any, str]]:
    """Two types without one in common (or the first two, if only all together have none)."""
    from flowfile_engine.compatibility import common_dtype

    pairs = list(types.items())
    for pair in pairs[1:]:
        if common_dtype([pairs[0][0], pair[0]]) is None:
            return [pairs[0], pair]
    return pairs[:2]
