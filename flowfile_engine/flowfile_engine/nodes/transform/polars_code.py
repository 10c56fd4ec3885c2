"""Polars code: a step written in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Port, Schema, Table
from flowfile_engine.nodes.fields import PythonCode

if TYPE_CHECKING:
    from flowfile_engine.recording import Script


class PolarsCode(Node):
    """Write a step in Python, with Polars at hand as `pl`.

    The first input is the LazyFrame `main` (also `df`), all inputs are in the dict `inputs` under the names of their
    edges. The result is the last expression, or what is assigned to `result` or `output`. Code that stays lazy runs as
    part of the whole plan, and its columns are known before it runs; code that collects is only known after.
    """

    type: Literal["polars_code"] = "polars_code"
    info = NodeInfo(
        title="Polars code",
        group="transform",
        icon="polars-code",
        inputs=(Port("main", multiple=True, named=True, optional=True),),
        tags=("python", "script", "custom"),
    )
    runs_user_code: ClassVar[bool] = True

    code: PythonCode = Field(title="Code", description="Ends with an expression that gives a frame")

    def lower(self, pl: PolarsNamespace, main: dict[str, Frame] | None) -> Frame:
        from flowfile_engine.usercode import run

        inputs = dict(main or {})
        first = next(iter(inputs.values()), None)
        return run(self.code, {"pl": pl, "inputs": inputs} | ({"main": first, "df": first} if inputs else {}))

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.usercode import computes

        return None if computes(self.code) else super().schema(inputs)

    def written_as(self, script: Script, inputs: Mapping[str, Any]) -> list[str]:
        from flowfile_engine.recording import Recorder
        from flowfile_engine.usercode import as_function

        recorder = Recorder(script)
        frames: dict[str, Any] = inputs["main"] or {}
        function, result = script.fresh("polars_code"), script.fresh(script.step or "coded")
        script.definitions.append(as_function(self.code, function, next(iter(frames), None)))
        script.line(f"{result} = {function}({recorder.source(dict(frames)).flat()}).lazy()")
        return [result]

    def summary(self) -> str:
        lines = (line.strip() for line in self.code.splitlines())
        return next((line for line in lines if line and not line.startswith(("#", "import ", "from "))), "")[:80]

    examples = (
        Example(
            title="The last expression is the result",
            settings={"code": 'amounts = pl.col("amount")\nmain.filter(amounts > amounts.mean())'},
            inputs={"main": {"orders": Table({"amount": [1, 2, 9]})}},
            output=Table({"amount": [9]}),
            ordered=True,
        ),
        Example(
            title="Several inputs, by the names of their edges",
            settings={
                "code": "rates = inputs['rates'].select('currency', 'rate')\n"
                "result = inputs['orders'].join(rates, on='currency', how='left', maintain_order='left').select(\n"
                "    pl.col('amount') * pl.col('rate')\n"
                ")"
            },
            inputs={
                "main": {
                    "orders": Table({"amount": [10.0, 20.0], "currency": ["EUR", "USD"]}),
                    "rates": Table({"currency": ["USD", "EUR"], "rate": [0.5, 1.0]}),
                }
            },
            output=Table({"amount": [10.0, 10.0]}),
            ordered=True,
        ),
    )
