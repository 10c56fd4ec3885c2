"""Manual input: cells are read as their columns' types, or refused by row and column."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.input.manual_input import ManualInput


def table(*rows: list[Any], **columns: str) -> dict[str, Any]:
    return {"columns": [{"name": name, "dtype": dtype} for name, dtype in columns.items()], "rows": list(rows)}


@pytest.mark.parametrize(
    ("dtype", "cell", "value"),
    [
        ("Int8", "-7", -7),
        ("UInt64", "18446744073709551615", 2**64 - 1),
        ("Int128", str(2**100), 2**100),
        ("Float64", "1.5e3", 1500.0),
        ("Decimal(10, 2)", "12.5", Decimal("12.50")),
        ("Boolean", "Yes", True),
        ("Date", "2024-12-31", date(2024, 12, 31)),
        ("Date", date(2024, 12, 31), date(2024, 12, 31)),
        ('Datetime("ms")', "2024-12-31 18:30:00", datetime(2024, 12, 31, 18, 30)),  # noqa: DTZ001
        ("Categorical", "a", "a"),
        ('Enum(["lo", "hi"])', "hi", "hi"),
        ("List(Int64)", [1, None], [1, None]),
        ("Binary", "ab", b"ab"),
        ("Int64", "", None),
        ("Int64", None, None),
        ("String", "", ""),
        ("String", None, None),
    ],
)
def test_cells_are_read_as_their_type(run_ports: Any, dtype: str, cell: Any, value: Any) -> None:
    found = run_ports("manual_input", {}, **table([cell], c=dtype))
    assert found["c"].to_list() == [value]


@pytest.mark.parametrize(
    ("dtype", "cell"),
    [
        ("Int64", "x"),
        ("Int8", "300"),
        ("Int64", 1.5),
        ("Date", "31.12.2024"),
        ("Boolean", "maybe"),
        ('Enum(["lo"])', "hi"),
        ("Decimal(4, 1)", "1.25"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_by_row_and_column(dtype: str, cell: Any) -> None:
    node = ManualInput.model_validate(table([None, 1], [cell, 2], c=dtype, d="Int64"))
    with pytest.raises(SettingsError, match="row 2, column 'c'") as caught:
        node.schema({})
    assert caught.value.field == "rows.1.0"


def test_tables_of_any_shape(run_ports: Any) -> None:
    assert run_ports("manual_input", {}, columns=[]).shape == (0, 0)
    assert run_ports("manual_input", {}, **table(a="Date")).schema == {"a": pl.Date}
    with pytest.raises(SettingsError, match="row 2 has 1 cells, but there are 2 columns") as caught:
        ManualInput.model_validate(table([1, 2], [1], a="Int64", b="Int64")).schema({})
    assert caught.value.field == "rows.1"
    with pytest.raises(ValidationError, match="two columns are called 'a'"):
        ManualInput.model_validate({"columns": [{"name": "a"}, {"name": "a"}]})
    with pytest.raises(ValidationError, match="is not a data type"):
        ManualInput.model_validate(table(a="Integer"))
