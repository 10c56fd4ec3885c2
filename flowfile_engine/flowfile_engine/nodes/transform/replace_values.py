"""Replace values: others in the place of some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.dtypes import dtype_text, parse_dtype
from flowfile_engine.errors import RecordingError, SettingsError
from flowfile_engine.expressions import regex_problem
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Columns, DType, Scalar, Settings
from flowfile_engine.nodes.lowering import convert, is_plain, typed_literal
from flowfile_engine.nodes.targets import Target, dtypes_of_target, shown_target
from flowfile_engine.values import fits, typed_value

if TYPE_CHECKING:
    import polars


class Replacement(Settings):
    """What is looked for, and what comes in its place."""

    old: Scalar = Field(default=None, title="Old", description="Empty: missing values")
    new: Scalar = Field(default=None, title="New", description="Empty: becomes missing")


class ReplaceValues(Node):
    """Replace values by others, in one column or many.

    `value` replaces whole values of any type, missing ones included. `part` replaces pieces inside texts, all at once:
    what one pair has put in is not replaced by another. `regex` replaces what a regular expression matches, pair after
    pair; `$1` in the new text stands for the first group.

    What no pair names stays, or becomes missing, or a default: choose under "all other values". Give a result type
    where codes become texts. Ignoring case works on texts (for `part`, on the letters A to Z only).
    """

    type: Literal["replace_values"] = "replace_values"
    info = NodeInfo(
        title="Replace Values",
        group="transform",
        icon="replace_values",
        spread="rows",
        tags=("map", "recode", "substitute", "find", "regex", "clean", "lookup"),
    )

    apply_to: Target = Field(default="columns", title="Replace in", description="Named columns, or all of a kind")
    columns: Columns = Field(default=[], title="Columns", validate_default=True)
    match: Literal["value", "part", "regex"] = Field(
        default="value", title="Look for", description="Whole values, parts of texts, or a regular expression"
    )
    case: Literal["match", "ignore"] = Field(default="match", title="Capitals")
    replacements: Annotated[list[Replacement], Field(min_length=1)] = Field(title="Replacements")
    others: Literal["keep", "null", "default"] = Field(
        default="keep", title="All other values", description="Of whole values: stay, become missing, or the default"
    )
    default: Scalar = Field(default=None, title="Default", description="For all other values")
    dtype: DType | None = Field(default=None, title="Result type", description="Empty: the column's own")

    @field_validator("columns")
    @classmethod
    def _columns_are_given(cls, columns: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("apply_to") == "columns" and not columns:
            raise PydanticCustomError("missing", "a column is needed")
        return columns

    @field_validator("replacements")
    @classmethod
    def _texts_are_given(cls, pairs: list[Replacement], info: ValidationInfo) -> list[Replacement]:
        match = info.data.get("match")
        for pair in pairs:
            if match in ("part", "regex") and (pair.old is None or pair.old == "" or pair.new is None):
                raise ValueError("parts of texts are replaced by texts: none can be missing, and the old one not empty")
            if match == "regex" and regex_problem(str(pair.old)):
                raise ValueError(f"{pair.old!r} is not a regular expression: {regex_problem(str(pair.old))}")
        return pairs

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        changed = []
        for dtype, names in dtypes_of_target(main.collect_schema(), self.apply_to, self.columns).items():
            named = self.apply_to == "columns"
            pairs = list(enumerate(self.replacements))
            if not named:
                pairs = [(index, pair) for index, pair in pairs if _may_hold(dtype, pair, self.match)]
                if not pairs:
                    continue
            chosen = pl.selectors.by_name(names) if named else pl.selectors.by_dtype(dtype)
            if self.match == "value":
                changed.append(self._whole(pl, chosen, dtype, pairs))
            else:
                changed.append(self._parts(chosen, dtype, names))
        return main.with_columns(changed)

    def _whole(
        self,
        pl: PolarsNamespace,
        chosen: polars.Expr,
        dtype: polars.DataType,
        pairs: list[tuple[int, Replacement]],
    ) -> polars.Expr:
        target = dtype if self.dtype is None else parse_dtype(self.dtype)
        ignoring = self.case == "ignore" and type(dtype).__name__ == "String"
        olds: list[Any] = []
        news: list[Any] = []
        for index, pair in pairs:
            field = f"replacements.{index}"
            old = _plain(pl, pair.old, dtype, f"{field}.old")
            old = old.lower() if ignoring and type(old) is str else old
            if type(old) in (bool, int, float, str, type(None)) and old in olds:
                raise SettingsError(f"{pair.old!r} is replaced twice", field=f"{field}.old")
            olds.append(old)
            news.append(_plain(pl, pair.new, target, f"{field}.new"))
        match self.others:
            case "keep":
                default = chosen if target == dtype else convert(pl, chosen, dtype, target)
            case "null":
                default = None
            case _:
                default = pl.lit(_plain(pl, self.default, target, "default"), dtype=target)
        found = chosen.str.to_lowercase() if ignoring else chosen
        return found.replace_strict(olds, news, default=default, return_dtype=target)

    def _parts(self, chosen: polars.Expr, dtype: polars.DataType, names: list[str]) -> polars.Expr:
        if type(dtype).__name__ != "String":
            message = f"parts are replaced in text, but the column {names[0]!r} is {dtype_text(dtype)}"
            raise SettingsError(message, hint="turn it into String with Select", field="columns")
        if self.match == "part":
            return chosen.str.replace_many(
                [_text(pair.old) for pair in self.replacements],
                [_text(pair.new) for pair in self.replacements],
                ascii_case_insensitive=self.case == "ignore",
                leftmost=True,
            )
        prefix = "(?i)" if self.case == "ignore" else ""
        for pair in self.replacements:
            chosen = chosen.str.replace_all(prefix + _text(pair.old), _text(pair.new))
        return chosen

    def summary(self) -> str:
        first = self.replacements[0]
        more = f" and {len(self.replacements) - 1} more" if len(self.replacements) > 1 else ""
        return f"{first.old!r} by {first.new!r}{more} in {shown_target(self.apply_to, self.columns)}"

    examples = (
        Example(
            title="Codes become words",
            settings={
                "columns": ["status"],
                "replacements": [{"old": 1, "new": "open"}, {"old": 2, "new": "closed"}],
                "others": "default",
                "default": "unknown",
                "dtype": "String",
            },
            inputs={"main": Table({"status": [1, 2, 9, None]})},
            output=Table({"status": ["open", "closed", "unknown", "unknown"]}),
            ordered=True,
        ),
        Example(
            title="Missing values written as text, in all text columns",
            settings={
                "apply_to": "string",
                "case": "ignore",
                "replacements": [{"old": "n/a", "new": None}, {"old": "", "new": None}],
            },
            inputs={"main": Table({"a": ["x", "N/A"], "b": ["", "y"], "c": [1, 2]})},
            output=Table({"a": ["x", None], "b": [None, "y"], "c": [1, 2]}),
            ordered=True,
        ),
        Example(
            title="Turn dates around by a regular expression",
            settings={
                "columns": ["day"],
                "match": "regex",
                "replacements": [{"old": "(\\d+)/(\\d+)/(\\d+)", "new": "$3-$2-$1"}],
            },
            inputs={"main": Table({"day": ["31/12/2024", "soon"]})},
            output=Table({"day": ["2024-12-31", "soon"]}),
            ordered=True,
        ),
    )


def _may_hold(dtype: polars.DataType, pair: Replacement, match: str) -> bool:
    if match != "value":
        return type(dtype).__name__ == "String"
    if type(pair.old) not in (bool, int, float, str, type(None)):
        message = "which columns can hold a parameter's value is known only when the script runs"
        raise RecordingError(message, hint="name the columns", field="replacements")
    return not dtype.is_nested() and (pair.old is None or fits(pair.old, dtype)) and fits(pair.new, dtype)


def _plain(pl: PolarsNamespace, value: Any, dtype: polars.DataType, field: str) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return typed_value(value, dtype, field, exact=True)
    found = typed_literal(pl, value, dtype, field)
    if not is_plain(found):
        message = f"a parameter's text cannot be read as {dtype_text(dtype)} inside a list of replacements"
        raise RecordingError(message, hint="write the value itself, or use a Formula", field=field)
    return found


def _text(value: Any) -> Any:
    return str(value) if type(value) in (bool, int, float) else value
