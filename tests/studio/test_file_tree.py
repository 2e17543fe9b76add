"""Files of a run as a tree of folders."""

from runtime.studio.file_tree import tree_of


def test_files_are_below_their_folders():
    tree = tree_of([("outputs/b", 2), ("outputs/a", 1), ("log", 3)])
    assert tree.files == [("log", "log", 3)]
    assert tree.folders["outputs"].files == [("a", "outputs/a", 1), ("b", "outputs/b", 2)]
    assert (tree.count, tree.size) == (3, 6)


def test_folders_with_one_folder_are_one():
    (name,) = tree_of([("a/b/c/x", 1), ("a/b/c/d/e/y", 1)]).folders
    assert name == "a/b/c"
    assert list(tree_of([("a/b/c/x", 1), ("a/b/c/d/e/y", 1)]).folders[name].folders) == ["d/e"]


def test_no_files_are_an_empty_tree():
    assert tree_of([]).count == 0
