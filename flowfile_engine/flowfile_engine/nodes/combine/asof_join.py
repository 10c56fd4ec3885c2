"""As-of join: each row beside the nearest earlier (or later) row of another input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from flowfile_engine.errors import DataError, SettingsError
from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import FieldKind, JoinKey, LeftColumn, Name, RightColumn
from flowfile_engine.nodes.keys import check_key_types


class AsofJoin(Node):
    """Put beside each row of the left input the one row of the right input that is nearest in time or number.

    `backward` takes the last row at or before it, `forward` the first at or after it, `nearest` the closer of the two.
    Both inputs are sorted here, so the result comes in the order of the left input's column. A row without a near
    one stays, with nulls; nulls are near to nothing.
    """

    type: Literal["asof_join"] = "asof_join"
    info = NodeInfo(
        title="As-of join",
        group="combine",
        icon="asof-join",
        inputs=("left", "right"),
        tags=("nearest", "time", "latest", "previous", "quotes", "prices"),
    )

    left_on: LeftColumn = Field(title="Column of the left input", description="A time, a date or a number")
    right_on: RightColumn = Field(title="Column of the right input", description="Of the same type")
    by: Annotated[list[JoinKey], FieldKind("join_keys", None)] = Field(
        default=[],
        title="Within",
        description="Pairs of columns that must be equal; empty: all rows belong together",
    )
    strategy: Literal["backward", "forward", "nearest"] = Field(default="backward", title="Take the row")
    tolerance: int | float | str | None = Field(
        default=None,
        title="No further than",
        description="A number for numbers; for times and dates a text like 10m, 2h, 3d or 1mo. Empty: however far",
    )
    allow_exact_matches: bool = Field(default=True, title="Equal is near", description="Else strictly before or after")
    coalesce: bool = Field(
        default=True,
        title="Merge the columns",
        description="Give the left input's column only, not the right one's too",
    )
    suffix: Name = Field(
        default="_right",
        title="Suffix",
        description="Added to a column of the right input whose name the left one has, too",
    )

    def lower(self, pl: PolarsNamespace, left: Frame, right: Frame) -> Frame:
        schema = left.collect_schema()
        self._check_tolerance(schema)
        by: dict[str, Any] = {}
        if self.by:
            by = {"by_left": [key.left for key in self.by], "by_right": [key.right for key in self.by]}
        # A null on the right is near to nothing and equal to nothing: without it, Polars cannot match it by mistake.
        known = right.filter([pl.col(name).is_not_null() for name in [self.right_on, *by.get("by_right", [])]])
        joined = left.sort(self.left_on, maintain_order=True).join_asof(
            known.sort(self.right_on, maintain_order=True),
            left_on=self.left_on,
            right_on=self.right_on,
            **by,
            strategy=self.strategy,
            tolerance=self.tolerance,
            allow_exact_matches=self.allow_exact_matches,
            coalesce=self.coalesce,
            suffix=self.suffix,
            check_sortedness=False,
        )
        if not self.coalesce or self.left_on == self.right_on:
            return joined
        # Polars keeps the right column if its name is another one; the left input may have that name as well.
        return joined.drop(self.right_on + self.suffix if self.right_on in schema else self.right_on)

    def _check_tolerance(self, left: Schema) -> None:
        """Refuse a tolerance of the wrong sort: Polars would panic, or take days for nanoseconds."""
        from flowfile_engine.compatibility import kind_of

        if self.tolerance is None:
            return
        timely = kind_of(left[self.left_on]) in ("temporal", "duration")
        if timely != isinstance(self.tolerance, str):
            raise SettingsError(
                f"{self.tolerance!r} is no distance between values of {self.left_on!r}, which is {left[self.left_on]}",
                hint='for example "10m", "2h", "3d"' if timely else "a number is expected",
                field="tolerance",
            )

    def check_columns(self, inputs: Inputs) -> None:
        super().check_columns(inputs)
        left, right = inputs.get("left"), inputs.get("right")
        check_key_types(left, right, [(key.left, key.right) for key in self.by], "by")
        check_key_types(left, right, [(self.left_on, self.right_on)], "right_on", list_field=False)
        if left is not None:
            _check_ordered(left, self.left_on, self.strategy)

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.compatibility import duplicates_at

        with duplicates_at("suffix", hint="choose another suffix, or rename a column"):
            return super().schema(inputs)

    def summary(self) -> str:
        same = self.left_on == self.right_on
        within = _listed([key.left for key in self.by])
        return f"{self.strategy} on {self.left_on if same else f'{self.left_on} ~ {self.right_on}'}{within}"

    examples = (
        Example(
            title="The price that held when each trade was made",
            settings={"left_on": "time", "right_on": "since", "by": [{"left": "share", "right": "share"}]},
            inputs={
                "left": Table({"time": [5, 9, 1], "share": ["a", "b", "a"]}),
                "right": Table({"since": [8, 1, 4], "share": ["b", "b", "a"], "price": [30, 20, 10]}),
            },
            output=Table({"time": [1, 5, 9], "share": ["a", "a", "b"], "price": [None, 10, 30]}),
            ordered=True,
        ),
        Example(
            title="The nearest reading, at most two hours away",
            settings={"left_on": "at", "right_on": "read", "strategy": "nearest", "tolerance": "2h", "coalesce": False},
            inputs={
                "left": Table({"at": ["2024-01-01T10:00:00", "2024-01-01T20:00:00"]}, dtypes={"at": 'Datetime("us")'}),
                "right": Table(
                    {"read": ["2024-01-01T11:30:00", "2024-01-01T06:00:00"], "value": [1.5, 2.5]},
                    dtypes={"read": 'Datetime("us")'},
                ),
            },
            output=Table(
                {
                    "at": ["2024-01-01T10:00:00", "2024-01-01T20:00:00"],
                    "read": ["2024-01-01T11:30:00", None],
                    "value": [1.5, None],
                },
                dtypes={"at": 'Datetime("us")', "read": 'Datetime("us")'},
            ),
            ordered=True,
        ),
    )


def _check_ordered(left: Schema, name: str, strategy: str) -> None:
    """Refuse a column whose values have no order, or for `nearest` no distance."""
    from flowfile_engine.compatibility import kind_of

    kind = kind_of(left[name])
    if kind in ("number", "temporal", "duration") or (kind == "text" and strategy != "nearest"):
        return
    raise DataError(
        f"{name!r} is {left[name]}, which is neither a time nor a number",
        hint="give it a type with an order first, with a Select node",
        field="left_on",
    )


def _listed(names: Sequence[str]) -> str:
    return f" within {', '.join(names)}" if names else ""
