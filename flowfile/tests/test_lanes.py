"""The graph beside the list of nodes."""

from hypothesis import given
from hypothesis import strategies as st

from flowfile.cli.lanes import MAX_LANES, draw
from flowfile_engine.graph.document import Edge, FlowDocument, StepDocument


def drawn(nodes: str, *edges: str) -> list[str]:
    """The lines of a graph of one-letter nodes, with edges such as `ab`."""
    flow = FlowDocument(
        steps=[StepDocument(id=name, type="any") for name in nodes],
        edges=[Edge(source=source, target=target) for source, target in edges],
    )
    return [f"{line.before}●{line.after}".rstrip() + f" {line.step.id}" for line in draw(flow)]


def test_a_chain_is_one_lane() -> None:
    assert drawn("abc", "ab", "bc") == ["● a", "● b", "● c"]


def test_two_inputs_meet() -> None:
    assert drawn("abc", "ac", "bc") == ["● a", "│ ● b", "●─╯ c"]


def test_a_branch_leaves_and_its_source_goes_on() -> None:
    assert drawn("abc", "ab", "ac") == ["● a", "├─● b", "● c"]


def test_a_diamond() -> None:
    assert drawn("abcd", "ab", "ac", "bd", "cd") == ["● a", "├─● b", "● │ c", "●─╯ d"]


def test_a_line_crosses_lanes_that_it_does_not_touch() -> None:
    assert drawn("abcde", "ab", "be", "cd", "ad", "de", "ae") == ["● a", "├─● b", "│ │ ● c", "├─│─● d", "●─┴─╯ e"]


def test_branches_stay_together_whatever_the_order_of_the_file() -> None:
    assert drawn("abxyc", "ab", "bc", "xy", "yc") == ["● a", "● b", "│ ● x", "│ ● y", "●─╯ c"]


def test_separate_flows_follow_each_other() -> None:
    assert drawn("axby", "ab", "xy") == ["● a", "● b", "● x", "● y"]


def test_with_too_many_open_ends_no_lines_are_drawn() -> None:
    steps = [StepDocument(id=number, type="any") for number in range(MAX_LANES + 2)]
    edges = [Edge(source=number, target=MAX_LANES + 1) for number in range(MAX_LANES + 1)]
    assert {(line.before, line.after) for line in draw(FlowDocument(steps=steps, edges=edges))} == {("", "")}


def test_a_cycle_is_drawn_as_far_as_it_goes() -> None:
    assert sorted(line[-1] for line in drawn("abc", "ab", "ba", "bc", "cc")) == ["a", "b", "c"]


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=40))
def test_each_node_comes_once_and_after_what_it_reads(pairs: list[tuple[int, int]]) -> None:
    edges = [Edge(source=low, target=high) for low, high in pairs if low < high]
    flow = FlowDocument(steps=[StepDocument(id=number, type="any") for number in range(16)], edges=edges)
    place = {line.step.id: index for index, line in enumerate(draw(flow))}
    assert sorted(map(int, place)) == list(range(16))
    assert all(place[edge.source] < place[edge.target] for edge in edges)
