"""Flows, parameters and nodes as the command line names them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_support import BY_CITY, LEAST, TYPED

from flowfile.cli.flows import memory_size, open_flow
from flowfile_engine.errors import FlowfileError, FlowFileFormatError, NotFoundError, ParameterError

Flow = Callable[..., Path]


def test_only_given_parameters_are_kept_and_the_last_one_counts(flow: Flow) -> None:
    path = flow(BY_CITY, LEAST)
    assert open_flow(path).parameters == {}
    assert open_flow(path, ["least=1", "least=2"]).parameters == {"least": 2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("leats=3", r"no parameter 'leats' \(it has: least\)"),
        ("least=many", "parameter 'least' takes a"),
        ("least", "given as name=value, not 'least'"),
        ("=3", "given as name=value, not '=3'"),
    ],
)
def test_wrong_parameters(flow: Flow, given: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        open_flow(flow(BY_CITY, LEAST), [given])


def test_relative_paths_start_from_the_flows_folder(flow: Flow, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    opened = open_flow(flow(TYPED).relative_to(folder.parent))
    assert opened.base_dir == folder


def test_nodes_are_found_by_their_id_whatever_its_type(flow: Flow) -> None:
    opened = open_flow(flow(TYPED + TYPED.replace("id: typed", "id: 7")))
    assert (opened.node("typed"), opened.node("7")) == ("typed", 7)
    with pytest.raises(NotFoundError, match=r"did you mean 'typed'\?"):
        opened.node("tpyed")
    with pytest.raises(NotFoundError, match="it has: typed, 7"):
        opened.node("elsewhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flowfile: [1", "not YAML"),
        ("hello: world", "a flow file begins with `flowfile: 1`"),
        ("flowfile: 99", "update Flowfile to open it"),
        ("flowfile: 1\nsteps: []", "steps"),
    ],
)
def test_what_is_no_flow(folder: Path, text: str, message: str) -> None:
    path = folder / "bad.flow.yaml"
    path.write_text(text)
    with pytest.raises(FlowFileFormatError, match=message):
        open_flow(path)


def test_sizes() -> None:
    assert (memory_size(None), memory_size("4G"), memory_size("1.5 MiB")) == (None, 4 << 30, 3 << 19)
    with pytest.raises(FlowfileError, match="not 'lots'"):
        memory_size("lots")
