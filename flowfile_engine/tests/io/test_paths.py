"""Paths: relative ones, patterns, and the folders that may be touched."""

import os

import pytest

from flowfile_engine.errors import PathForbiddenError
from flowfile_engine.io.paths import files_at, resolve_path
from flowfile_engine.io.state import files_state


def test_relative_paths_start_at_the_base_folder(tmp_path):
    assert resolve_path("data/x.csv", tmp_path) == tmp_path / "data/x.csv"
    assert resolve_path("data/*.csv", tmp_path) == tmp_path / "data/*.csv"


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_path("~/x.csv") == tmp_path / "x.csv"


@pytest.mark.parametrize("text", ["../x.csv", "/etc/passwd", "a/../../x", "*/../../x", "link/x.csv", "x\0y", "~root/x"])
def test_nothing_leads_out_of_the_roots(tmp_path, text):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    with pytest.raises(PathForbiddenError):
        resolve_path(text, root, [root])


def test_a_pattern_does_not_match_through_a_link_that_leads_out(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "secret.csv"
    root.mkdir()
    outside.write_text("a\n1\n")
    (root / "innocent.csv").symlink_to(outside)
    with pytest.raises(PathForbiddenError):
        resolve_path("*.csv", root, [root])


def test_a_folder_that_holds_a_link_out_is_refused(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "secret.csv"
    (root / "data").mkdir(parents=True)
    outside.write_text("a\n1\n")
    (root / "data" / "innocent.csv").symlink_to(outside)
    with pytest.raises(PathForbiddenError):
        resolve_path("data", root, [root])


def test_a_link_inside_the_roots_is_followed(tmp_path):
    (tmp_path / "a.csv").write_text("a\n")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert resolve_path("b.csv", tmp_path, [tmp_path]) == tmp_path / "a.csv"


def test_the_state_tells_every_change(tmp_path):
    file = tmp_path / "a"
    states = [files_state([file])]
    file.write_text("1")
    states.append(files_state([file]))
    os.utime(file, ns=(1, 1))
    states.append(files_state([file]))
    other = tmp_path / "b"
    other.write_text("2")
    os.utime(other, ns=(1, 1))
    other.rename(file)
    states.append(files_state([file]))
    assert len(set(states)) == len(states)
    assert files_state([file]) == states[-1]
    assert files_state([]) == ""


def test_files_of_folders_and_patterns(tmp_path):
    for name in ("a.csv", "sub/b.csv", ".h.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = lambda path: [file.name for file in files_at(str(path))]  # noqa: E731
    assert sorted(names(tmp_path)) == [".h.csv", "a.csv", "b.csv"]
    assert names(tmp_path / "*.csv") == [".h.csv", "a.csv"]
    assert sorted(names(tmp_path / "**/*.csv")) == [".h.csv", "a.csv", "b.csv"]
    assert names(tmp_path / "none*") == []
