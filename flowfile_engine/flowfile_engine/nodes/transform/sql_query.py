"""SQL query: a SELECT over the inputs."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Port, Table
from flowfile_engine.nodes.fields import SqlQuery as SqlText

# Texts, quoted names and comments are taken whole, so that nothing inside them is mistaken for SQL.
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<name>"[^"]*"|`[^`]*`)|(?P<comment>--[^\n]*|/\*.*?\*/)""", re.DOTALL
)
_READS_FILE = re.compile(r"""\b((?:read|scan)_\w+)["`]?\s*\(""", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[\s(]*(\w+)")


class SqlQuery(Node):
    """Ask the inputs with SQL.

    Each input is a table under the name of its edge, and under `input_1`, `input_2`, ... in the order of the edges. A
    single input is also called `self`. Rows come in no certain order without `ORDER BY`.
    """

    type: Literal["sql_query"] = "sql_query"
    info = NodeInfo(
        title="SQL query",
        group="transform",
        icon="sql-query",
        inputs=(Port("main", multiple=True, named=True),),
        tags=("select", "where", "group by", "join", "polars sql"),
    )

    query: SqlText = Field(title="Query", description="One SELECT, as Polars reads it")

    @field_validator("query")
    @classmethod
    def _only_asks(cls, value: str) -> str:
        bare = _TOKEN.sub(lambda found: found["name"] or ("''" if found["text"] else " "), value)
        reads = _READS_FILE.search(bare)
        if reads:
            raise ValueError(f"{reads[1]} reads a file past the flow: connect a node that reads it")
        first = _FIRST_WORD.match(bare)
        if first is None or first[1].lower() not in ("select", "with", "from", "values"):
            raise ValueError("a query that begins with SELECT or WITH is expected")
        return value

    def lower(self, pl: PolarsNamespace, main: dict[str, Frame]) -> Frame:
        from flowfile_engine.compatibility import polars_errors_at

        frames = {f"input_{number}": frame for number, frame in enumerate(main.values(), 1)} | main
        if len(main) == 1:
            frames["self"] = frames["input_1"]
        known = ", ".join(main) if len(main) > 1 else "self"
        with polars_errors_at("query", hint=f"the tables are {known}"):
            result = pl.SQLContext(frames=frames, eager=False).execute(self.query)
            result.collect_schema()
        return result

    def summary(self) -> str:
        return " ".join(self.query.split())[:80]

    examples = (
        Example(
            title="One input is called self",
            settings={"query": "SELECT shop, SUM(amount) AS total FROM self GROUP BY shop ORDER BY shop"},
            inputs={"main": {"orders": Table({"shop": ["b", "a", "b"], "amount": [1, 2, 3]})}},
            output=Table({"shop": ["a", "b"], "total": [2, 4]}),
            ordered=True,
        ),
        Example(
            title="Several inputs are called as their edges are",
            settings={
                "query": "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.id ORDER BY o.id"
            },
            inputs={
                "main": {
                    "orders": Table({"id": [1, 2], "customer": [7, 8]}),
                    "customers": Table({"id": [7], "name": ["ann"]}),
                }
            },
            output=Table({"id": [1, 2], "name": ["ann", None]}),
            ordered=True,
        ),
    )
