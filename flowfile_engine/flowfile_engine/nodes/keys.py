"""Keys that two inputs are joined by: what several node types check about them."""

from __future__ import annotations

from collections.abc import Sequence

from flowfile_engine.errors import DataError
from flowfile_engine.nodes.base import Schema


def check_key_types(
    left: Schema | None, right: Schema | None, pairs: Sequence[tuple[str, str]], field: str, *, list_field: bool = True
) -> None:
    """Refuse pairs of keys whose types Polars does not compare.

    Args:
        left: schema of the left input, None if it is not known yet.
        right: schema of the right input, None if it is not known yet.
        pairs: names of a column on the left and one on the right.
        field: the setting that holds the pairs, for the error.
        list_field: the setting is a list of pairs, so that the error names the one.

    Raises:
        DataError: two types do not match.
    """
    from flowfile_engine.compatibility import joinable
    from flowfile_engine.dtypes import dtype_text

    if left is None or right is None:
        return
    for index, (left_name, right_name) in enumerate(pairs):
        if not joinable(left[left_name], right[right_name]):
            left_type, right_type = dtype_text(left[left_name]), dtype_text(right[right_name])
            raise DataError(
                f"{left_name!r} of the left input is {left_type}, {right_name!r} of the right input is {right_type}: "
                "they are never equal",
                hint="give both the same type before they meet, with a Select node",
                field=f"{field}.{index}" if list_field else field,
            )
