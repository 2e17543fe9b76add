"""Snapshots: which files they hold, reuse, limits."""

import os
import stat
import time

import pytest

from infra.contract.errors import DefinitionError
from runtime.model.runs import SnapshotFile
from runtime.snapshots.files import list_files
from runtime.snapshots.limits import MAX_BYTES, check_count, check_size
from runtime.snapshots.store import SnapshotStore, object_file, tree_id, write_tree


@pytest.fixture
def source(tmp_path):
    """Return a source folder whose files were written a while ago."""
    folder = tmp_path / "source"
    write(folder, {"train.py": "print(1)", "data/a.csv": "1,2", "data/b.csv": "3,4"})
    return folder


def write(folder, files):
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        settle(file)


def settle(file):
    """Make a file look as if it had been written long before it is read."""
    os.utime(file, (1_000_000_000, 1_000_000_000))
    time.sleep(0.06)  # the change time cannot be set


@pytest.fixture
def store(tmp_path):
    return SnapshotStore(tmp_path / "store", {})


def paths(folder):
    return [file.path for file in list_files(folder).files]


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ({}, [".gitkeep", "data/a.csv", "data/b.csv", "train.py"]),
        ({".gitignore": "data/"}, [".gitignore", ".gitkeep", "train.py"]),
        ({".amlignore": "*.csv"}, [".amlignore", ".gitkeep", "train.py"]),
        (
            {".amlignore": "", ".gitignore": "data/"},
            [".amlignore", ".gitignore", ".gitkeep", "data/a.csv", "data/b.csv", "train.py"],
        ),
        (
            {"data/.gitignore": "*"},
            [".gitkeep", "data/.gitignore", "data/a.csv", "data/b.csv", "train.py"],
        ),
        (
            {".gitignore": "data/\n!data/a.csv"},
            [".gitignore", ".gitkeep", "train.py"],
        ),
    ],
    ids=["none", "git", "aml", "aml wins", "nested is not read", "no way back into a folder"],
)
def test_one_ignore_file_at_the_root(source, ignore, left):
    write(source, {".gitkeep": "", **ignore})
    assert paths(source) == left


def test_repositories_and_environments_are_excluded_by_default(source):
    write(source, {".git/HEAD": "", ".aml/x": "", ".venv/x": "", "a/__pycache__/x.pyc": ""})
    assert paths(source) == ["data/a.csv", "data/b.csv", "train.py"]


def test_the_schema_of_stack_files_is_left_out_and_not_worth_a_line(source):
    write(source, {"stacks/stack.schema.json": "{}"})
    listing = list_files(source)
    assert "stacks/stack.schema.json" not in [found.path for found in listing.files]
    assert listing.notes == []


def test_stack_files_are_left_out_by_default_and_said(source):
    write(source, {"Pulumi.yaml": "", "stacks/Pulumi.dev.yaml": "", "stacks/Pulumi.my.dev.yml": ""})
    listing = list_files(source)
    assert listing.files[0].path == "Pulumi.yaml"
    assert not any(found.path.startswith("stacks") for found in listing.files)
    (note,) = listing.notes
    assert note.startswith("stacks/Pulumi.dev.yaml, stacks/Pulumi.my.dev.yml are left out by def")
    assert "`!Pulumi.*.yaml` in .amlignore" in note


def test_a_stack_file_is_included_where_a_rule_names_it(source):
    write(source, {"Pulumi.dev.yaml": "", "Pulumi.prod.yaml": "", ".amlignore": "!*/\n!*.yaml\n"})
    assert "Pulumi.dev.yaml" not in paths(source)
    write(source, {".amlignore": "!Pulumi.dev.yaml\n"})
    assert "Pulumi.dev.yaml" in paths(source)
    assert "Pulumi.prod.yaml" not in paths(source)


def test_a_default_exclusion_can_be_reversed(source):
    write(source, {".venv/x": "", ".amlignore": "!.venv\n"})
    assert ".venv/x" in paths(source)


def test_only_links_inside_the_folder_are_followed(source, tmp_path):
    write(tmp_path, {"secret.txt": "s"})
    (source / "inside.py").symlink_to("train.py")
    (source / "outside.txt").symlink_to(tmp_path / "secret.txt")
    (source / "folder").symlink_to("data")
    (source / "broken").symlink_to("nowhere")
    listing = list_files(source)
    assert [f.path for f in listing.files] == ["data/a.csv", "data/b.csv", "inside.py", "train.py"]
    assert sorted(listing.notes) == [
        "broken is a link to nothing and is left out",
        "folder is a link to a folder and is left out",
        "outside.txt is a link out of the source folder and is left out",
    ]


def test_a_link_to_itself_is_left_out_with_a_note(source):
    (source / "loop").symlink_to("loop")
    listing = list_files(source)
    assert "loop" not in [f.path for f in listing.files]
    assert listing.notes == ["loop is a link to itself and is left out"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"bad\xff", r"bad\xff"), (b"two\nlines", r"two\nlines"), (b"Icon\r", r"Icon\r")],
)
def test_a_name_that_cannot_be_stored_is_left_out_with_a_note(source, name, shown):
    (source / os.fsdecode(name)).touch()
    listing = list_files(source)
    assert len(listing.files) == 3
    assert listing.notes == [f"{shown} has a name that no cloud can store and is left out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_left_out_with_a_note(source):
    (source / "data/a.csv").chmod(0)
    listing = list_files(source)
    assert "data/a.csv" not in [f.path for f in listing.files]
    assert listing.notes == ["data/a.csv cannot be read and is left out"]


def test_a_source_folder_must_exist(tmp_path):
    with pytest.raises(DefinitionError, match="no folder"):
        list_files(tmp_path / "absent")


def test_an_unchanged_tree_is_the_same_snapshot(source, store):
    first, second = store.take(source), store.take(source)
    assert second.snapshot.id == first.snapshot.id
    assert (first.snapshot.reused, second.snapshot.reused) == (False, True)
    assert (first.stored_files, second.stored_files) == (3, 0)


def test_the_same_tree_elsewhere_is_the_same_snapshot(source, store, tmp_path):
    first = store.take(source)
    source.rename(tmp_path / "moved")
    assert store.take(tmp_path / "moved").snapshot.id == first.snapshot.id


def test_one_changed_byte_is_one_stored_file(source, store):
    first = store.take(source)
    (source / "data/a.csv").write_text("1,3")
    second = store.take(source)
    assert second.snapshot.id != first.snapshot.id
    assert (second.stored_files, second.stored_bytes) == (1, 3)


def test_a_byte_changed_at_once_without_changing_the_size_is_noticed(source, store):
    ids = set()
    for number in range(5):
        (source / "train.py").write_text(f"print({number})")
        ids.add(store.take(source).snapshot.id)
    assert len(ids) == 5


def test_an_edit_that_restores_the_modification_time_is_noticed(source, store):
    before = store.take(source).snapshot.id
    (source / "train.py").write_text("print(2)")
    settle(source / "train.py")
    assert store.take(source).snapshot.id != before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: (s / "train.py").chmod(0o755), id="executable"),
        pytest.param(lambda s: (s / "train.py").rename(s / "main.py"), id="renamed"),
        pytest.param(lambda s: (s / "train.py").unlink(), id="deleted"),
        pytest.param(lambda s: (s / "new.py").touch(), id="added"),
    ],
)
def test_what_changes_a_snapshot(source, store, change):
    before = store.take(source).snapshot.id
    change(source)
    assert store.take(source).snapshot.id != before


def test_times_do_not_change_a_snapshot(source, store):
    before = store.take(source).snapshot.id
    os.utime(source / "train.py", (5, 5))
    assert store.take(source).snapshot.id == before


def test_a_tree_survives_a_round_trip(source, store, tmp_path):
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o700)
    snapshot = store.load(store.take(source).snapshot.id)
    write_tree(snapshot, tmp_path / "work")
    assert (tmp_path / "work/data/a.csv").read_text() == "1,2"
    assert (tmp_path / "work/run.sh").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "work/train.py").stat().st_mode & stat.S_IXUSR


def test_a_run_cannot_change_the_store(source, store, tmp_path):
    snapshot = store.take(source).snapshot
    write_tree(snapshot, tmp_path / "work")
    (tmp_path / "work/train.py").write_text("changed")
    file = next(file for file in snapshot.files if file.path == "train.py")
    assert object_file(snapshot.store, file.sha256).read_text() == "print(1)"


def test_an_unchanged_file_is_not_read(source, store, tmp_path):
    digest = next(f.sha256 for f in store.take(source).snapshot.files if f.path == "train.py")
    (memory,) = (tmp_path / "store/seen").iterdir()
    memory.write_text(memory.read_text().replace(digest, "0" * 64))
    with pytest.raises(DefinitionError, match=r"train\.py changed while"):
        store.take(source)  # what is remembered is believed, until the content is stored


@pytest.mark.parametrize("age_ns", [-1_000_000_000, 0, 40_000_000])
def test_a_file_is_read_again_if_it_was_changed_just_before_it_was_read(source, tmp_path, age_ns):
    """A second write in the same clock tick may leave size and time stamps unchanged."""
    status = (source / "train.py").stat()
    store = SnapshotStore(tmp_path / "store", {}, now_ns=lambda: status.st_ctime_ns + age_ns)
    taken = store.take(source).snapshot
    digest = next(file.sha256 for file in taken.files if file.path == "train.py")
    (memory,) = (tmp_path / "store/seen").iterdir()
    memory.write_text(memory.read_text().replace(digest, "0" * 64))
    assert store.take(source).snapshot.id == taken.id


def test_a_corrupt_cache_of_a_folder_only_costs_time(source, store, tmp_path):
    first = store.take(source)
    for file in (tmp_path / "store/seen").iterdir():
        file.write_text("{")
    assert store.take(source).snapshot.id == first.snapshot.id


def test_a_missing_snapshot_is_an_error(store):
    with pytest.raises(DefinitionError, match="no snapshot abc"):
        store.load("abc")


def test_a_tree_that_is_too_big_names_its_largest_files():
    sizes = {f"f{number}": number * 1024**2 for number in range(30)}
    with pytest.raises(DefinitionError) as refused:
        check_size(sizes, at="source")
    assert "435.0 MiB; the limit is 300.0 MiB" in refused.value.detail
    assert "  f29 29.0 MiB" in refused.value.detail
    assert ".amlignore" in refused.value.remedy
    check_size({"a": MAX_BYTES}, at="source")


def files(count):
    return [SnapshotFile(f"f{number}", f"{number}", 1) for number in range(count)]


def test_only_changed_files_are_counted():
    check_count(files(2_000), [], {}, at="source")
    check_count(files(4_000), {(f.path, f.sha256) for f in files(2_000)}, {}, at="source")
    check_count(files(4_000), [], {"AML_SNAPSHOT_NO_FILE_LIMIT": "1"}, at="source")
    with pytest.raises(DefinitionError) as refused:
        check_count(files(2_001), [], {}, at="source")
    assert "2,001 added or changed files" in refused.value.detail
    assert "AML_SNAPSHOT_NO_FILE_LIMIT" in refused.value.remedy


def test_the_id_depends_on_which_file_has_which_content():
    one = tree_id([SnapshotFile("a", "1", 1), SnapshotFile("b", "2", 1)])
    other = tree_id([SnapshotFile("a", "2", 1), SnapshotFile("b", "1", 1)])
    assert one != other
