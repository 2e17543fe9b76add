"""Folders and files below `.aml` are closed to other users, whatever the umask."""

import os

import pytest

from infra.contract.private import keep_out_of_snapshots, private_file, private_folder


@pytest.fixture(autouse=True)
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o777


def test_each_new_folder_is_closed(tmp_path):
    folder = private_folder(tmp_path / "a/b/c")
    assert [mode(each) for each in (folder, *folder.parents[:2])] == [0o700] * 3


def test_a_folder_that_exists_is_left_as_it_is(tmp_path):
    (tmp_path / "shared").mkdir()
    private_folder(tmp_path / "shared/a")
    assert mode(tmp_path / "shared") == 0o777


def test_a_home_that_was_left_open_is_closed(tmp_path):
    (tmp_path / ".aml/runs").mkdir(parents=True)
    private_folder(tmp_path / ".aml/runs/one")
    assert mode(tmp_path / ".aml") == 0o700


def test_a_file_is_closed_and_keeps_its_content(tmp_path):
    assert mode(private_file(tmp_path / "new")) == 0o600
    (tmp_path / "old").write_text("kept")
    assert mode(private_file(tmp_path / "old")) == 0o600
    assert (tmp_path / "old").read_text() == "kept"


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ({}, {".amlignore": ".aml/\n"}),
        ({".gitignore": "*.pyc"}, {".gitignore": "*.pyc\n.aml/\n"}),
        (
            {".gitignore": "a\n", ".amlignore": "b\n"},
            {".gitignore": "a\n", ".amlignore": "b\n.aml/\n"},
        ),
        ({".gitignore": "/.aml/\n"}, None),
        ({".amlignore": ".*\n"}, None),
    ],
)
def test_what_other_clients_read_names_the_home(tmp_path, there, after):
    for name, text in there.items():
        (tmp_path / name).write_text(text)
    changed = keep_out_of_snapshots(tmp_path / ".aml")
    assert (changed is None) is (after is None)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == (after or there)
    assert keep_out_of_snapshots(tmp_path / ".aml") is None


def test_a_home_elsewhere_is_in_nobodys_upload(tmp_path):
    assert keep_out_of_snapshots(tmp_path / "elsewhere") is None
    assert not list(tmp_path.iterdir())
