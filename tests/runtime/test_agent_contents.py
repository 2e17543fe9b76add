"""The store of a machine: what is there is used again, nothing leaves its folder, old things go."""

import io
import os

import pytest

from runtime.agent.contents import ContentError, Contents, Tree
from runtime.agent.environments import Environments
from runtime.agent.files import OutsideError
from runtime.targets.ssh_trees import Listed, made


def tree_of(*paths):
    return Listed.of([made(path, path.encode()) for path in paths], [])


def contents_of(listed):
    return io.BytesIO(b"".join(listed.contents.values())).read


@pytest.fixture
def store(tmp_path):
    return Contents(tmp_path / "root")


def kept(store, listed):
    tree = Tree(listed.text)
    store.keep(tree)
    store.store(listed.sizes, contents_of(listed))
    return tree


def test_a_tree_is_laid_out_from_what_was_stored(store, tmp_path):
    listed = Listed.of(
        [made("work/a.txt", b"a"), made("bin/run", b"#!/bin/sh\n", executable=True)], ["inputs/x"]
    )
    tree = kept(store, listed)
    assert store.missing(tree) == []
    assert store.tree(tree.id).text == listed.text
    store.lay_out(tree, tmp_path / "run")
    assert (tmp_path / "run" / "work" / "a.txt").read_bytes() == b"a"
    assert os.access(tmp_path / "run" / "bin" / "run", os.X_OK)
    assert (tmp_path / "run" / "inputs" / "x").is_dir()
    (tmp_path / "run" / "work" / "a.txt").write_text("changed by the run")
    store.lay_out(tree, tmp_path / "again")
    assert (tmp_path / "again" / "work" / "a.txt").read_bytes() == b"a"


@pytest.mark.parametrize("path", ["../a", "/a", "work/..", "work/"])
def test_no_file_is_laid_out_outside_of_its_folder(store, tmp_path, path):
    tree = kept(store, tree_of(path))
    with pytest.raises(OutsideError):
        store.lay_out(tree, tmp_path / "run")


def test_a_content_that_is_not_what_it_is_called_is_not_stored(store):
    listed = tree_of("a")
    with pytest.raises(ContentError):
        store.store(listed.sizes, io.BytesIO(b"b").read)
    with pytest.raises(EOFError):
        store.store(listed.sizes, io.BytesIO(b"").read)
    assert store.missing(Tree(listed.text)) == list(listed.contents)


def test_what_was_used_last_is_pruned_last(store, tmp_path):
    old, new = kept(store, tree_of("old")), kept(store, tree_of("new"))
    for file in (tmp_path / "root").rglob("*"):
        os.utime(file, (1, 1))
    store.lay_out(new, tmp_path / "run")
    store.prune(3)
    assert (store.missing(old), store.missing(new)) == (["".join(old.contents)], [])
    with store.used():
        store.prune(0)
    assert store.missing(new) == []


def test_an_environment_is_built_by_one_and_stays_while_a_run_uses_it(tmp_path):
    first, second = Environments(tmp_path), Environments(tmp_path)
    waited = []

    def beat():
        waited.append(1)
        first.keep("a", {"lock": "six==1"})

    assert first.take("a", beat) is None
    (tmp_path / "environments" / "a" / "file").write_text("content")
    assert second.take("a", beat) == {"lock": "six==1"}
    assert waited
    (tmp_path / "runs" / "r").mkdir(parents=True)
    first.use(tmp_path / "runs" / "r", "a")
    first.prune(0)
    assert second.record("a") is not None
    (tmp_path / "runs" / "r" / "environment").unlink()
    first.prune(0)
    assert second.record("a") is None


def test_the_next_run_of_an_unchanged_tree_takes_the_spare_copy(store, tmp_path):
    tree = kept(store, tree_of("work/a", "work/b"))
    assert not store.take_spare(tree.id, tmp_path / "first")
    store.keep_spare(tree)
    store.keep_spare(tree)
    assert store.take_spare(tree.id, tmp_path / "first")
    assert (tmp_path / "first" / "work" / "b").read_bytes() == b"work/b"
    assert not store.take_spare(tree.id, tmp_path / "second")


def test_there_is_one_spare_copy_and_a_folder_that_is_there_is_left_alone(store, tmp_path):
    old, new = kept(store, tree_of("old")), kept(store, tree_of("new"))
    store.keep_spare(old)
    store.keep_spare(new)
    assert [file.name for file in (tmp_path / "root" / "spares").iterdir()] == [new.id]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bin").mkdir()
    assert not store.take_spare(new.id, tmp_path / "run")
    assert not store.take_spare(old.id, tmp_path / "other")


def test_small_contents_that_just_came_need_not_be_read_again(store, tmp_path):
    listed = tree_of("a", "b")
    tree = Tree(listed.text)
    store.keep(tree)
    small = store.store(listed.sizes, contents_of(listed))
    assert set(small) == set(tree.contents)
    assert store.missing(tree) == []
    store.lay_out(tree, tmp_path / "run", small)
    assert (tmp_path / "run" / "b").read_bytes() == b"b"


def test_a_run_is_laid_out_while_what_it_brought_is_stored(store, tmp_path):
    listed = tree_of("a", "b")
    tree = Tree(listed.text)
    store.keep(tree)
    with pytest.raises(ContentError):
        store.lay_out_new(tree, tmp_path / "run", listed.sizes, b"ax")
    assert not (tmp_path / "run").exists()
    store.lay_out_new(tree, tmp_path / "run", listed.sizes, b"ab")
    assert (tmp_path / "run" / "b").read_bytes() == b"b"
    store.settle()
    assert store.missing(tree) == []
