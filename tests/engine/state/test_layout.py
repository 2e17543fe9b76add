import gzip
import os
from pathlib import Path

import pytest

from infra.contract.errors import StateError, UsageError
from infra.engine.state.archive import KEPT_BACKUPS, superfluous
from infra.engine.state.layout import stack_files, stack_names, state_folder

HOME = Path("/home/me")
DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("file://~", "/home/me"),
        ("file://~/state", "/home/me/state"),
        ("~/state", "/home/me/state"),
        ("file:///var/lib/state", "/var/lib/state"),
        ("file:///with%20space?no_tmp_dir=true", "/with space"),
        ("/plain/path", "/plain/path"),
        (Path("/a/path"), "/a/path"),
    ],
)
def test_state_folder(where, expected):
    assert state_folder(where, HOME) == Path(expected)


@pytest.mark.parametrize("where", ["file://./state", "file://state", "state"])
def test_a_relative_folder_is_below_the_working_one(where):
    assert state_folder(where) == Path.cwd() / "state"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "ü", "x" * 101])
def test_a_name_that_pulumi_refuses_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="name of a stack"):
        stack_files(tmp_path, "proj", name)


def test_stacks_are_listed_by_exact_suffix(tmp_path):
    folder = tmp_path / ".pulumi/stacks/proj"
    folder.mkdir(parents=True)
    beside = ["dev.json.attrs", "dev.json.bak", "dev.json.tmp", "old.json.journal", "notes.txt"]
    for name in ["dev.json", "prod.json.gz", "qa.json.zst", "dev.json.gz", *beside]:
        (folder / name).touch()
    assert stack_names(tmp_path, "proj") == ["dev", "prod", "qa"]
    assert stack_names(tmp_path, "none") == []


def test_the_newest_form_of_a_checkpoint_counts(tmp_path):
    files = stack_files(tmp_path, "proj", "dev")
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(b"old")
    packed = files.checkpoint.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(b"new"))
    os.utime(files.checkpoint, (1, 1))
    assert files.read() == b"new"


@pytest.mark.parametrize(
    ("suffix", "message"), [(".json.gz", "cannot be read"), (".json.zst", "zstd")]
)
def test_a_form_that_cannot_be_read_is_refused(tmp_path, suffix, message):
    files = stack_files(tmp_path, "proj", "dev")
    files.checkpoint.parent.mkdir(parents=True)
    file = files.checkpoint.with_suffix(suffix)
    file.write_bytes(b"not packed")
    with pytest.raises(StateError, match=message) as caught:
        files.read()
    assert caught.value.at == str(file)


def backups(*moments_ns):
    return [Path(f"dev.{moment}.json") for moment in moments_ns]


def test_the_last_backups_are_kept():
    assert superfluous(backups(*range(1, KEPT_BACKUPS + 1))) == []


def test_of_older_backups_the_last_of_each_day_is_kept():
    old = backups(1, 2, DAY_NS, DAY_NS + 5, 2 * DAY_NS)
    recent = backups(*range(9 * DAY_NS, 9 * DAY_NS + KEPT_BACKUPS))
    assert superfluous([*old, *recent]) == [old[0], old[2]]
