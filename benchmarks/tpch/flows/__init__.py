"""The ten TPC-H queries as flows, drawn with nodes of the palette only."""

from pathlib import Path

from flowfile_engine import flow_file
from flowfile_engine.graph.document import FlowDocument

ANSWER = "answer"
"""The last step of each flow."""

_NAMES = ("q1", "q3", "q5", "q6", "q9", "q10", "q12", "q13", "q18", "q21")
FLOWS = {name: Path(__file__).parent / f"{name}{flow_file.ENDING}" for name in _NAMES}


def tpch_flow(name: str, data: Path | None = None) -> FlowDocument:
    """A query as a flow; its parameter `data` is the folder of the tables.

    Args:
        name: of the query, as `q1`.
        data: the parameter's default in place of the one in the file.
    """
    document = flow_file.read(FLOWS[name])
    if data is not None:
        document.parameters["data"].default = str(data)
    return document
