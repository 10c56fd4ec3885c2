"""Join: rows of two inputs whose keys are equal, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import JoinKeys, LeftColumn, Name, RightColumn, Settings
from flowfile_engine.nodes.keys import check_key_types

FILTERING = ("semi", "anti")


class LeftOutput(Settings):
    """A column that the left input gives."""

    column: LeftColumn = Field(title="Column")
    rename: Name | None = Field(default=None, title="New name", description="Empty: its own name")


class RightOutput(Settings):
    """A column that the right input gives."""

    column: RightColumn = Field(title="Column")
    rename: Name | None = Field(default=None, title="New name", description="Empty: its own name")


class Join(Node):
    """Put rows of the left and the right input side by side where their keys are equal.

    With `semi` and `anti` the right input only decides which rows of the left one stay. Keys that are null are equal to
    nothing, as in SQL, unless asked otherwise. Merged keys come once, under the left input's name (the right one's in a
    right join); keep both to see which side had no match.
    """

    type: Literal["join"] = "join"
    info = NodeInfo(
        title="Join",
        group="combine",
        icon="join",
        inputs=("left", "right"),
        spread="key",
        tags=("merge", "lookup", "vlookup", "match", "inner", "left", "outer", "semi", "anti"),
    )

    keys: JoinKeys = Field(title="Keys", description="Pairs of columns that must be equal")
    how: Literal["inner", "left", "right", "full", "semi", "anti"] = Field(
        default="inner",
        title="How",
        description="Which rows stay: those with a match (inner), all of one side or of both (left, right, full), "
        "or left rows with or without a match (semi, anti)",
    )
    left_columns: list[LeftOutput] = Field(
        default=[], title="Columns of the left input", description="Empty: all columns"
    )
    right_columns: list[RightOutput] = Field(
        default=[], title="Columns of the right input", description="Empty: all columns"
    )
    suffix: Name = Field(
        default="_right",
        title="Suffix",
        description="Added to a column of the right input whose name the left one has, too",
    )
    coalesce: bool = Field(
        default=True, title="Merge key columns", description="Give each pair of keys as one column instead of two"
    )
    nulls_equal: bool = Field(default=False, title="Nulls are equal", description="Let a null key match a null key")
    validation: Literal["m:m", "m:1", "1:m", "1:1"] = Field(
        default="m:m",
        title="Expect",
        description="Stop if keys that should be unique on the left (1:) or on the right (:1) are not",
    )
    maintain_order: Literal["none", "left", "right", "left_right", "right_left"] = Field(
        default="none",
        title="Keep the order of",
        description="`none` is the quickest: rows may then come in another order at each run",
    )

    @field_validator("validation")
    @classmethod
    def _only_where_polars_can(cls, value: str, info: ValidationInfo) -> str:
        if value != "m:m" and info.data.get("how") in (*FILTERING, "right"):
            raise ValueError(f"{value} cannot be checked in a {info.data['how']} join; swap the inputs of a right join")
        return value

    def lower(self, pl: PolarsNamespace, left: Frame, right: Frame) -> Frame:
        left_on = [key.left for key in self.keys]
        right_on = [key.right for key in self.keys]
        left_names, right_names = self._names_of_merged_keys()
        helpers: list[str] = []
        if self.left_columns:
            left, left_on, helpers = _chosen(pl, left, self.left_columns, left_on, "left", left_names)
        if self.right_columns and self.how not in FILTERING:
            right, right_on, more = _chosen(pl, right, self.right_columns, right_on, "right", right_names)
            helpers = helpers + more
        settings: dict[str, Any] = {"nulls_equal": self.nulls_equal, "maintain_order": self.maintain_order}
        if self.how not in FILTERING:
            settings |= {"suffix": self.suffix, "validate": self.validation, "coalesce": self.coalesce}
        joined = left.join(right, left_on=left_on, right_on=right_on, how=self.how, **settings)
        return joined.drop(helpers, strict=False) if helpers else joined

    def _names_of_merged_keys(self) -> tuple[dict[str, str], dict[str, str]]:
        """For keys that only the side chose whose key column merging takes away: the name to keep them by."""
        if not self.coalesce or self.how in FILTERING:
            return {}, {}
        left, right = _output_names(self.left_columns), _output_names(self.right_columns)
        if self.how == "right":
            return {}, {key.right: left[key.left] for key in self.keys if key.left in left}
        return {key.left: right[key.right] for key in self.keys if key.right in right}, {}

    def check_columns(self, inputs: Inputs) -> None:
        super().check_columns(inputs)
        pairs = [(key.left, key.right) for key in self.keys]
        check_key_types(inputs.get("left"), inputs.get("right"), pairs, "keys")

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.compatibility import duplicates_at

        with duplicates_at("suffix", hint="choose another suffix, or rename a column"):
            return super().schema(inputs)

    def summary(self) -> str:
        pairs = [k.left if k.left == k.right else f"{k.left} = {k.right}" for k in self.keys]
        return f"{self.how} on {', '.join(pairs)}"

    examples = (
        Example(
            title="Orders with the names of their customers",
            settings={"keys": [{"left": "customer", "right": "id"}], "how": "left", "maintain_order": "left"},
            inputs={
                "left": Table({"order": [1, 2, 3], "customer": [10, 20, 30]}),
                "right": Table({"id": [10, 20], "name": ["ann", "bob"]}),
            },
            output=Table({"order": [1, 2, 3], "customer": [10, 20, 30], "name": ["ann", "bob", None]}),
            ordered=True,
        ),
        Example(
            title="Only some columns, one of them renamed",
            settings={
                "keys": [{"left": "id", "right": "id"}],
                "left_columns": [{"column": "name"}],
                "right_columns": [{"column": "id"}, {"column": "name", "rename": "manager"}],
            },
            inputs={
                "left": Table({"id": [1, 2], "name": ["ann", "bob"]}),
                "right": Table({"id": [1, 2], "name": ["carol", "dave"]}),
            },
            output=Table({"name": ["ann", "bob"], "id": [1, 2], "manager": ["carol", "dave"]}),
        ),
        Example(
            title="Customers that never ordered",
            settings={"keys": [{"left": "id", "right": "customer"}], "how": "anti"},
            inputs={
                "left": Table({"id": [10, 20], "name": ["ann", "bob"]}),
                "right": Table({"customer": [10, 10]}),
            },
            output=Table({"id": [20], "name": ["bob"]}),
        ),
        Example(
            title="All rows of both sides, with both keys kept",
            settings={"keys": [{"left": "k", "right": "k"}], "how": "full", "coalesce": False},
            inputs={
                "left": Table({"k": [1, None], "a": ["x", "y"]}),
                "right": Table({"k": [1, None], "b": ["p", "q"]}),
            },
            output=Table(
                {
                    "k": [1, None, None],
                    "a": ["x", "y", None],
                    "k_right": [1, None, None],
                    "b": ["p", None, "q"],
                }
            ),
        ),
    )


def _output_names(chosen: Sequence[LeftOutput | RightOutput]) -> dict[str, str]:
    """The name under which each chosen column comes out first."""
    names: dict[str, str] = {}
    for item in chosen:
        names.setdefault(item.column, item.column if item.rename is None else item.rename)
    return names


def _chosen(
    pl: PolarsNamespace,
    frame: Frame,
    chosen: Sequence[LeftOutput | RightOutput],
    keys: list[str],
    side: str,
    merged: dict[str, str],
) -> tuple[Frame, list[str], list[str]]:
    """The frame with the chosen columns and the keys; what the keys are called now; the names to drop afterwards."""
    names = _output_names(chosen)
    columns: list[Any] = [
        item.column if item.rename is None else pl.col(item.column).alias(item.rename) for item in chosen
    ]
    helpers: list[str] = []
    for key in keys:
        if key not in names:
            names[key] = merged.get(key, f"__{side}_key_{len(helpers)}")
            columns.append(key if names[key] == key else pl.col(key).alias(names[key]))
            if key not in merged:
                helpers.append(names[key])
    return frame.select(columns), [names[key] for key in keys], helpers
