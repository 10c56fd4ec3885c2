"""Building and editing a graph: what cannot be is refused when it is made."""

from __future__ import annotations

import random

import pytest

from flowfile_engine.errors import GraphError, NodeId, NodeTypeError
from flowfile_engine.graph.document import Edge, FlowDocument, Parameter, Position, StepDocument
from flowfile_engine.graph.graph import EtlGraph

ONE_ROW = {"columns": [{"name": "a", "dtype": "Int64"}], "rows": [[1]]}


@pytest.fixture
def graph() -> EtlGraph:
    """source → first → second, and a join that nothing is drawn to."""
    graph = EtlGraph()
    graph.add_node_step("source", ONE_ROW, node_type="manual_input")
    graph.add_node_step("first", {}, node_type="unique")
    graph.add_node_step("second", {}, node_type="unique")
    graph.add_node_step("join", {"keys": [{"left": "a", "right": "a"}]}, node_type="join")
    graph.connect("source", "first")
    graph.connect("first", "second")
    return graph


def order(graph: EtlGraph) -> list[NodeId]:
    return [step.node_id for step in graph.topological_sort()]


@pytest.mark.parametrize(
    ("edge", "says"),
    [
        ({"source": "second", "target": "first"}, "would close a cycle"),
        ({"source": "first", "target": "first"}, "would close a cycle"),
        ({"source": "source", "target": "second"}, "is connected already"),
        ({"source": "source", "target": "first"}, "is connected already"),
        ({"source": "nobody", "target": "join", "input": "left"}, "has no node 'nobody'"),
        ({"source": "source", "target": "nobody"}, "has no node 'nobody'"),
        ({"source": "source", "target": "join"}, "has no input 'main'"),
        ({"source": "source", "target": "join", "input": "left", "output": "rejected"}, "has no output 'rejected'"),
    ],
)
def test_an_impossible_edge_is_refused_and_changes_nothing(graph: EtlGraph, edge: dict[str, str], says: str):
    before = graph.document()
    with pytest.raises(GraphError, match=says):
        graph.connect(**edge)
    assert graph.document() == before
    assert order(graph) == ["source", "first", "second", "join"]


def test_a_refused_edge_says_what_there_is(graph: EtlGraph):
    with pytest.raises(GraphError) as caught:
        graph.connect("source", "join", input="centre")
    assert caught.value.node_id == "join"
    assert caught.value.hint == "its inputs are left, right"
    with pytest.raises(GraphError) as caught:
        graph.connect("first", "source")
    assert "its inputs" not in caught.value.hint


def test_nothing_leaves_a_step_that_only_writes(graph: EtlGraph):
    graph.add_node_step("out", {"path": "out.csv"}, node_type="write")
    graph.connect("second", "out")
    graph.add_node_step("after", {}, node_type="unique")
    with pytest.raises(GraphError, match="has no output") as caught:
        graph.connect("out", "after")
    assert caught.value.hint == "it has no outputs"


def test_a_port_for_several_takes_several_in_order(graph: EtlGraph):
    graph.add_node_step("union", {}, node_type="union")
    graph.connect("second", "union")
    graph.connect("source", "union")
    assert [edge.source for edge in graph.step("union").incoming] == ["second", "source"]
    with pytest.raises(GraphError, match="has that edge already"):
        graph.connect("source", "union")


def test_two_edges_of_a_named_port_have_different_names(graph: EtlGraph):
    graph.add_node_step("sql", {"query": "SELECT 1 AS x"}, node_type="sql_query")
    graph.connect("source", "sql", name="orders")
    graph.connect("source", "sql", name="again")
    with pytest.raises(GraphError, match="already"):
        graph.connect("first", "sql", name="orders")
    assert graph.step("sql").gather(lambda edge: edge.source) == {"main": {"orders": "source", "again": "source"}}


def test_edges_without_a_name_do_not_take_another_ones(graph: EtlGraph):
    graph.add_node_step("sql", {"query": "SELECT 1 AS x"}, node_type="sql_query")
    graph.connect("source", "sql", name="input_2")
    graph.connect("first", "sql")
    graph.connect("second", "sql")
    gathered = graph.step("sql").gather(lambda edge: edge.source)["main"]
    assert sorted(gathered.values()) == ["first", "second", "source"]
    assert gathered["input_2"] == "source"


def test_an_id_is_taken_once_and_a_type_must_exist(graph: EtlGraph):
    with pytest.raises(GraphError, match="two nodes are called 'first'"):
        graph.add_node_step("first", {}, node_type="unique")
    with pytest.raises(NodeTypeError) as caught:
        graph.add_node_step("x", {}, node_type="uniqe")
    assert caught.value.hint == "did you mean 'unique'?"
    assert "x" not in graph


def test_ids_are_texts_or_whole_numbers_and_differ():
    graph = EtlGraph()
    graph.add_node_step(1, ONE_ROW, node_type="manual_input")
    graph.add_node_step("two", {}, node_type="unique")
    graph.connect(1, "two")
    again = EtlGraph(FlowDocument.model_validate_json(graph.document().model_dump_json()))
    assert order(again) == [1, "two"]
    assert again.document() == graph.document()


def test_a_number_and_its_text_are_no_two_ids():
    graph = EtlGraph()
    graph.add_node_step(1, ONE_ROW, node_type="manual_input")
    with pytest.raises(GraphError, match="'1'"):
        graph.add_node_step("1", ONE_ROW, node_type="manual_input")


def test_removing_a_step_removes_its_edges_and_its_place(graph: EtlGraph):
    graph.layout["first"] = Position(x=1, y=2)
    graph.remove_node_step("first")
    assert graph.edges == []
    assert graph.step("source").outgoing == []
    assert graph.step("second").incoming == []
    assert graph.layout == {}
    assert order(graph) == ["source", "second", "join"]
    with pytest.raises(GraphError):
        graph.remove_node_step("first")


def test_disconnecting_frees_the_port(graph: EtlGraph):
    [edge] = graph.step("second").incoming
    graph.disconnect(edge)
    with pytest.raises(GraphError, match="no edge from"):
        graph.disconnect(edge)
    graph.connect("source", "second")
    graph.connect("second", "join", input="left")
    assert order(graph).index("second") < order(graph).index("join")


def test_both_sides_of_a_join_may_read_one_step(graph: EtlGraph):
    graph.connect("source", "join", input="left")
    graph.connect("source", "join", input="right")
    assert graph.upstream(["join"]) == {"source", "join"}
    assert graph.downstream(["source"]) == {"source", "first", "second", "join"}


def test_the_order_respects_every_edge_and_does_not_depend_on_chance():
    chance = random.Random(7)
    for _ in range(20):
        graph = EtlGraph()
        ids = [f"n{index}" for index in range(30)]
        for node_id in chance.sample(ids, len(ids)):
            graph.add_node_step(node_id, {}, node_type="union")
        for target in range(1, 30):
            for source in {chance.randrange(target) for _ in range(3)}:
                graph.connect(ids[source], ids[target])
        places = {node_id: place for place, node_id in enumerate(order(graph))}
        assert all(places[edge.source] < places[edge.target] for edge in graph.edges)
        assert order(EtlGraph(graph.document())) == order(graph)


def test_a_document_with_a_cycle_is_refused():
    steps = [StepDocument(id=name, type="union") for name in "abc"]
    edges = [Edge(source=source, target=target) for source, target in ("ab", "bc", "ca")]
    with pytest.raises(GraphError, match=r"a, b, c read each other in a cycle"):
        EtlGraph(FlowDocument(steps=steps, edges=edges))


def test_a_cycle_is_named_without_what_hangs_below_it():
    steps = [StepDocument(id=name, type="union") for name in ("below", "a", "b")]
    edges = [Edge(source="b", target="below"), Edge(source="a", target="b"), Edge(source="b", target="a")]
    with pytest.raises(GraphError, match=r"a, b read each other") as caught:
        EtlGraph(FlowDocument(steps=steps, edges=edges))
    assert caught.value.node_id in ("a", "b")


def test_a_step_keeps_its_place_when_it_is_added_again(graph: EtlGraph):
    removed = graph.step("first").document
    edges = [edge for edge in graph.edges if "first" in (edge.source, edge.target)]
    before = graph.document()
    graph.remove_node_step("first")
    graph.add_step(removed, index=1)
    for edge in edges:
        graph.connect(edge.source, edge.target)
    assert graph.document() == before


def test_replacing_a_step_keeps_its_type_and_edges(graph: EtlGraph):
    replaced = graph.step("first").document.model_copy(update={"settings": {"keep": "none"}})
    step = graph.replace_step(replaced)
    assert step.node is not None
    assert step.node.model_dump()["keep"] == "none"
    assert [edge.target for edge in step.outgoing] == ["second"]
    with pytest.raises(GraphError, match="is of type 'unique'"):
        graph.replace_step(replaced.model_copy(update={"type": "union"}))


def test_a_document_is_not_changed_by_its_graph(graph: EtlGraph):
    document = graph.document()
    text = document.model_dump_json()
    other = EtlGraph(document)
    other.remove_node_step("second")
    other.set_parameters({"p": Parameter()})
    other.layout["x"] = Position(x=0, y=0)
    assert document.model_dump_json() == text
