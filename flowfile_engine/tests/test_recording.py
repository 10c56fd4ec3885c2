"""Recording: what a lowering calls is written down so that it gives the same again, or it is refused."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import polars
import pytest
from polars.testing import assert_frame_equal

from flowfile_engine.errors import FlowfileError, RecordingError
from flowfile_engine.recording import Recorder, Script, recorded_frame, recorded_polars, recorded_value

MAIN = polars.DataFrame(
    {
        "a": [1, 2, 3, 4],
        "b": [1.5, None, 2.5, float("nan")],
        "s": ["x,y", "u", "v,w", None],
        "d": [dt.date(2024, 1, day) for day in (1, 2, 3, 4)],
        "t": [dt.datetime(2024, 1, 1, hour, tzinfo=dt.UTC) for hour in range(4)],
        "l": [[1, 2], [3], [], None],
        "k": ["p", "q", "p", "q"],
    }
).lazy()
RIGHT = polars.DataFrame({"k": ["p", "q"], "z": [10, 20], "a": [7, 8]}).lazy()
FRAMES = {"main": MAIN, "right": RIGHT}

Lowering = Callable[..., Any]


def ways(*lowerings: Lowering) -> Any:
    return pytest.mark.parametrize("lower", [pytest.param(each, id=f"line {_line(each)}") for each in lowerings])


def _line(lowering: Lowering) -> int:
    return lowering.__code__.co_firstlineno


def taken(lower: Lowering) -> dict[str, polars.LazyFrame]:
    return {name: FRAMES[name] for name in list(inspect.signature(lower).parameters)[1:]}


def recorded(lower: Lowering) -> str:
    """The statements that a lowering is recorded as; they assign `result`."""
    script = Script()
    frames = {name: recorded_frame(name, frame.collect_schema()) for name, frame in taken(lower).items()}
    result = lower(recorded_polars(), **frames)
    name = Recorder(script).write(result, "result")
    return "\n".join([*sorted(script.imports), *script.lines, f"result = {name}"])


def run(code: str, **names: Any) -> Any:
    scope: dict[str, Any] = {**FRAMES, **names}
    exec(compile(code, "recorded.py", "exec"), scope)
    return scope["result"]


def numeric_columns(main: Any) -> list[str]:
    return [name for name, dtype in main.collect_schema().items() if dtype.is_numeric()]


def shared(pl: Any, main: Any) -> Any:
    sums = main.group_by("k").agg(pl.col("a").sum().alias("t"))
    return main.join(sums, on="k", maintain_order="left").join(sums, on="k", suffix="_2", maintain_order="left")


def chosen_by_schema(pl: Any, main: Any) -> Any:
    for name, dtype in main.collect_schema().items():
        match dtype:
            case pl.Int64():
                main = main.with_columns(pl.col(name) + 1)
            case _:
                pass
    return main


def choices(pl: Any, main: Any) -> Any:
    choice = pl.when(pl.col("a") > 3).then(pl.lit("hi"))
    for number in (2, 1):
        choice = choice.when(pl.col("a") > number).then(pl.lit(f"m{number}"))
    return main.with_columns(choice.otherwise(None).alias("w"))


@ways(
    lambda pl, main: main.select(pl.col("a").cast(pl.Float32).alias("A"), pl.col("s")),
    lambda pl, main: main.filter((pl.col("a") > 1) & ~(pl.col("b").is_null()) | (pl.col("d") >= dt.date(2024, 1, 3))),
    lambda pl, main: main.with_columns(
        x=(1 + pl.col("a")) * 2 - 3 / (pl.col("a") - 10) ** 2,
        y=-(pl.col("a") + 1),
        z=2 ** pl.col("a"),
        w=pl.col("a") - (pl.col("a") - 1),
        v=(-pl.col("a")) ** 2,
        u=-(pl.col("a") ** 2),
        q=7 // pl.col("a") % 3,
        p=100 - pl.col("a") - 1,
        o=True ^ (pl.col("a") > 2),
        n=~(pl.col("a") == 1),
        m=(-pl.col("a")).abs(),
        k2=(~(pl.col("a") > 1)).cast(pl.Int8),
    ),
    choices,
    lambda pl, main: main.with_columns([pl.col(name).fill_null(0) for name in numeric_columns(main)]),
    lambda pl, main: main.select(
        [name for name, t in main.collect_schema().items() if t == pl.Int64 or t in (pl.Date, pl.String)]
    ),
    lambda pl, main: main.with_columns(
        [
            pl.col(name).dt.year().alias(f"{name}_y")
            for name, t in main.collect_schema().items()
            if isinstance(t, pl.Datetime) or t == pl.Date
        ]
    ),
    lambda pl, main: main.with_columns(pl.col("s").str.split(",").list.get(0, null_on_oob=True).alias("first")),
    lambda pl, main: main.explode("l", empty_as_null=True),
    lambda pl, main: main.filter(functools.reduce(operator.and_, [pl.col(n).is_not_null() for n in ("a", "b", "s")])),
    lambda pl, main: main.with_columns(t=sum([pl.col("a"), pl.col("b")])),
    lambda pl, main: main.group_by("k", maintain_order=True).agg(
        *[getattr(pl.col("a"), function)().alias(f"a_{function}") for function in ("sum", "min", "max")], pl.len()
    ),
    lambda pl, main: main.with_columns(
        (pl.col("a") / pl.col("a").sum().over("k")).alias("share"),
        pl.col("a").rank().over("k", order_by="d").alias("r"),
    ),
    lambda pl, main, right: main.join(right, on="k", how="left", suffix="_r", validate="m:1", maintain_order="left"),
    lambda pl, main, right: main.join(
        right.select(pl.all().name.prefix("r_")),
        left_on=[pl.col("k").str.to_uppercase()],
        right_on=[pl.col("r_k").str.to_uppercase()],
        maintain_order="left",
    ),
    lambda pl, main: main.select(
        pl.selectors.numeric() - pl.selectors.by_name("a"),
        (pl.selectors.string() | pl.selectors.date()).name.suffix("_x"),
    ),
    shared,
    lambda pl, main: main.pipe(lambda frame: frame.head(2)).pipe(lambda frame: frame.tail(1)),
    lambda pl, main: main.with_columns(pl.sql_expr("a*2+1").alias("q")),
    lambda pl, main: main.sql("SELECT k, SUM(a) AS s FROM self GROUP BY k ORDER BY k"),
    lambda pl, main, right: pl.SQLContext(frames={"m": main, "r": right}).execute(
        "SELECT m.a, r.z FROM m JOIN r ON m.k = r.k ORDER BY m.a", eager=False
    ),
    lambda pl, main, right: pl.concat([main, right], how="diagonal_relaxed"),
    lambda pl, main: main.rename({name: name.upper() for name in main.collect_schema().names()}),
    lambda pl, main: main.with_columns(pl.col("b").replace(float("nan"), float("inf"))),
    lambda pl, main: main.with_columns(
        pl.lit(None, dtype=pl.List(pl.Struct({"q": pl.Datetime("us", "UTC")}))).alias("e"),
        pl.col("k").cast(pl.Enum(["p", "q"])),
        pl.col("a").cast(pl.Decimal(10, 2)).alias("dec"),
    ),
    lambda pl, main: main.with_columns(**{"my col": pl.col("a") + 1, "if": pl.col("a")}),
    lambda pl, main: main.unpivot(on=["a", "b"], index="k"),
    lambda pl, main: main.pivot(
        on="k", on_columns=["p", "q"], index="d", values="a", aggregate_function="sum", maintain_order=True
    ),
    lambda pl, main: main.select(main.collect_schema().names()[:2]),
    lambda pl, main: main if len(main.collect_schema()) > 3 else main.head(1),
    chosen_by_schema,
    lambda pl: pl.LazyFrame(
        {"a": [1, None], "d": [dt.date(2024, 1, 1), None]}, schema={"a": pl.Int64, "d": pl.Date}
    ),
    lambda pl, main: main.filter(pl.col("s") == 'quo"te\'s \\ \n\t{a} ${b} é 🦆 \x00'),
    lambda pl, main: main.select(pl.lit(-1).alias("x"), pl.lit(10**30).alias("y")),
    lambda pl, main: main.select(pl.col(["a", "b"]).sum().name.suffix("_total"), pl.nth(2).len()),
)  # fmt: skip
def test_what_is_recorded_does_the_same(lower: Lowering):
    expected = lower(polars, **taken(lower))
    assert_frame_equal(run(recorded(lower)).collect(), expected.collect())


@ways(
    lambda pl, main: main.rename(lambda name: name.upper()),
    lambda pl, main: main.select(pl.col(name) for name in ("a", "b")),
    lambda pl, main: main.filter(1 < pl.col("a") < 4),
    lambda pl, main: main.filter(pl.col("a") > 1 and pl.col("b") > 0),
    lambda pl, main: main.filter(not pl.col("a").is_null()),
    lambda pl, main: main.filter(pl.col("a") in [1, 2]),
    lambda pl, main: main.select(pl.col("a").alias(f"{pl.col('a')}")),
    lambda pl, main: main.select(pl.col("a").alias(str(pl.col("a")))),
    lambda pl, main: main.with_columns(pl.col("a").map_elements(lambda x: x + 1, return_dtype=pl.Int64)),
    lambda pl, main: main.filter(pl.col("k") == main.collect()["k"][0]),
    lambda pl, main: main.select([each for each in (pl.col("a"), pl.col("b")) if each not in [pl.col("a")]]),
    lambda pl, main: main.select(pl.col(["a", "k"]).name.map(str.upper)),
    lambda pl, main: main.filter(polars.lit(True) & (pl.col("a") > 1)),
    lambda pl, main: main.filter(polars.col("a") > 1),
    lambda pl, main: main.filter(pl.col("a").is_in(polars.Series([1, 2]))),
    lambda pl, main: main.filter(list(pl.col("a"))),
    lambda pl, main: main.select([pl.lit(0)] * len(pl.col("a"))),
    lambda pl, main: main.select(pl.col("i" if isinstance(pl.col("a"), pl.Series) else "a")),
    lambda pl, main: main.map_batches(lambda frame: frame),
    lambda pl, main: main.with_columns(pl.col("a").map_batches(lambda values: values)),
)  # fmt: skip
def test_what_cannot_be_recorded_is_refused(lower: Lowering):
    with pytest.raises((RecordingError, TypeError)):
        recorded(lower)


@ways(
    lambda pl, main: main.select(pl.col(list({"a", "b"}))),
    lambda pl, main: main.filter(pl.col("a").is_in(pl.Series([1, 2]).implode())),
)  # fmt: skip
def test_what_might_be_recorded_is_right_if_it_is(lower: Lowering):
    try:
        code = recorded(lower)
    except RecordingError:
        return
    assert_frame_equal(run(code).collect(), lower(polars, **taken(lower)).collect(), check_column_order=False)


def test_a_shared_frame_is_written_once():
    code = recorded(shared)
    assert code.count("group_by") == 1


def test_a_secret_in_options_is_looked_up_by_the_script():
    secret = recorded_value("hunter2", 'os.environ["KEY"]', "import os")
    script = Script()
    frame = recorded_polars().scan_parquet("s3://b/x", storage_options={"aws_secret_access_key": secret})
    Recorder(script).write(frame, "result")
    assert 'storage_options={"aws_secret_access_key": os.environ["KEY"]}' in script.lines[0]
    assert "import os" in script.imports


@pytest.mark.parametrize(
    "use",
    [
        lambda value: 1 if value else 2,
        lambda value: f"{value}",
        lambda value: str(value),
        lambda value: [1][value - 1 : value],
        lambda value: range(value),
        lambda value: {5: "x"}[value],
        lambda value: int(value),
        lambda value: sorted([value, 1]),
        lambda value: value == 5 and 1,
        lambda value: "x" * value,
        lambda value: [0] * value,
        lambda value: math_of(value),
    ],
)  # fmt: skip
def test_a_parameters_value_never_freezes_into_a_script(use: Callable[[Any], Any]):
    script = Script()
    try:
        made = recorded_polars().lit(use(recorded_value(5, 'params["n"]')))
        Recorder(script).write(made, "result")
    except (FlowfileError, TypeError, KeyError):
        return
    assert 'params["n"]' in "\n".join(script.lines)


def math_of(value: Any) -> Any:
    return value + 1 - 2 * value


def test_what_is_made_of_a_parameter_is_made_by_the_script():
    value = recorded_value(5, 'params["n"]')
    script = Script()
    frame = recorded_frame("main", MAIN.collect_schema())
    pl = recorded_polars()
    Recorder(script).write(frame.filter(pl.col("a") * 2 < math_of(value) + 10).head(value), "result")
    assert_frame_equal(
        run("\n".join(script.lines), pl=polars, params={"n": 2}).collect(),
        MAIN.filter(polars.col("a") < 4).head(2).collect(),
    )
