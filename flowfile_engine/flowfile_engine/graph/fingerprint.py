"""Fingerprints: names of results that change exactly when the result could.

A step's fingerprint hashes what its node is and does, its resolved settings (secrets as references), Polars' version,
the state of the files that it reads and the fingerprints above it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Collection
from functools import cache
from pathlib import Path

import polars as pl

import flowfile_engine
from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import Edge
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.io.state import files_state
from flowfile_engine.nodes.base import Node

LENGTH = 32
"""Characters of a fingerprint: 128 bits, in hexadecimal."""


@cache
def engine_fingerprint() -> str:
    """A hash of the engine's own source and Polars' version: results of another engine are never taken for ours."""
    digest = hashlib.sha256(pl.__version__.encode())
    root = Path(flowfile_engine.__file__).parent
    for path in sorted([*root.glob("*.py"), *root.glob("nodes/**/*.py"), *root.glob("io/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _own_source(node_type: type[Node]) -> str:
    """A hash of the file of a node type that is not the engine's own."""
    if node_type.__module__.split(".")[0] == flowfile_engine.__name__:
        return ""
    path = inspect.getsourcefile(node_type)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path is not None else ""


def fingerprints(graph: EtlGraph, *, run_id: str = "", only: Collection[NodeId] | None = None) -> None:
    """Set `hash` of every step that has a node; the hash of a volatile one holds for this run alone.

    Args:
        graph: the graph.
        run_id: the run that volatile steps belong to.
        only: the steps to do this for, with all that they read; None: every step.
    """
    for step in graph.topological_sort():
        if only is None or step.node_id in only:
            step.hash = _fingerprint(graph, step, run_id)


def _fingerprint(graph: EtlGraph, step: NodeStep, run_id: str) -> str:
    node = step.node
    if node is None:
        return ""

    def of(edge: Edge) -> list[str | None]:
        return [graph.step(edge.source).hash, edge.output]

    parts = {
        "engine": engine_fingerprint(),
        "type": [node.type_name(), node.version, _own_source(type(node))],
        "settings": node.model_dump(mode="json"),
        "inputs": step.gather(of),
        "sources": files_state(node.source_files()),
        "run": run_id if node.is_volatile() else "",
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
