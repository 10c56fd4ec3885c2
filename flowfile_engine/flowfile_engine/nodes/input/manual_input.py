"""Manual input: a table that a person types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import DType, FieldKind, Name, Settings


class ManualColumn(Settings):
    """A column of a typed table."""

    name: Name = Field(title="Name")
    dtype: DType = Field(default="String", title="Type")


class ManualInput(Node):
    """A small table that is typed here and kept in the flow.

    Cells are read as their column's type: `2024-12-31` in a Date column is a date. An empty cell is null, except in
    text columns, where only an absent one is.
    """

    type: Literal["manual_input"] = "manual_input"
    info = NodeInfo(
        title="Manual input",
        group="input",
        icon="manual-input",
        inputs=(),
        tags=("type", "paste", "constant", "inline"),
    )

    columns: list[ManualColumn] = Field(title="Columns")
    rows: Annotated[list[list[Any]], FieldKind("table", None)] = Field(
        default=[], title="Rows", description="A list of cells for each row"
    )

    @field_validator("columns")
    @classmethod
    def _distinct(cls, value: list[ManualColumn]) -> list[ManualColumn]:
        names = [column.name for column in value]
        double = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if double is not None:
            raise ValueError(f"two columns are called {double!r}")
        return value

    def lower(self, pl: PolarsNamespace) -> Frame:
        from flowfile_engine.dtypes import parse_dtype

        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise SettingsError(
                    f"row {place + 1} has {len(row)} cells, but there are {len(self.columns)} columns",
                    field=f"rows.{place}",
                )
        types = {column.name: parse_dtype(column.dtype) for column in self.columns}
        data = {
            name: [_cell(row[column], dtype, f"rows.{place}.{column}", name) for place, row in enumerate(self.rows)]
            for column, (name, dtype) in enumerate(types.items())
        }
        return pl.LazyFrame(data, schema=types)

    def summary(self) -> str:
        return f"{len(self.rows)} rows, {len(self.columns)} columns"

    examples = (
        Example(
            title="A lookup table",
            settings={
                "columns": [{"name": "code", "dtype": "Int64"}, {"name": "meaning", "dtype": "String"}],
                "rows": [["1", "open"], ["2", "closed"], [None, ""]],
            },
            output=Table({"code": [1, 2, None], "meaning": ["open", "closed", ""]}),
            ordered=True,
        ),
        Example(
            title="Dates and decimals, typed as text",
            settings={
                "columns": [{"name": "day", "dtype": "Date"}, {"name": "price", "dtype": "Decimal(10, 2)"}],
                "rows": [["2024-12-31", "12.50"], ["", "3"]],
            },
            output=Table(
                {"day": ["2024-12-31", None], "price": ["12.50", "3.00"]},
                dtypes={"day": "Date", "price": "Decimal(10, 2)"},
            ),
            ordered=True,
        ),
    )


def _cell(value: Any, dtype: Any, field: str, column: str) -> Any:
    """A typed cell as a value of its column's type.

    Raises:
        SettingsError: it does not fit; names the row and the column.
    """
    from flowfile_engine.compatibility import kind_of
    from flowfile_engine.values import typed_value

    kind = kind_of(dtype)
    if not isinstance(value, str | bool | int | float) or kind in ("nested", "object"):
        return value  # null, or (by Python only) a value that needs no reading, such as a date
    if kind != "text" and isinstance(value, str) and not value.strip():
        return None
    if kind == "binary":
        return str(value).encode()
    try:
        return typed_value(value, dtype, field, exact=True)
    except SettingsError as error:
        row = int(field.split(".")[1]) + 1
        raise SettingsError(f"row {row}, column {column!r}: {error.message}", hint=error.hint, field=field) from error
