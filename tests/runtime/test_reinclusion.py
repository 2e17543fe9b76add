"""Notes on files that Azure ML's own clients would treat differently, and on the default rules."""

import pytest

from runtime.snapshots.files import list_files
from runtime.snapshots.patterns import parse_rules
from runtime.snapshots.reinclusion import cli_sends, sdk_sends


def make(folder, ignore, *paths):
    (folder / ".amlignore").write_text(ignore)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return list_files(folder)


@pytest.mark.parametrize(
    ("lines", "path", "sdk", "cli"),
    [
        ("outputs\n!outputs/keep.txt", "outputs/keep.txt", False, True),
        ("data/\n!data/keep.txt", "data/keep.txt", True, True),
        ("data/\n!data/keep.txt", "data/other.txt", False, False),
        ("*\n!/otter/", "otter/a.py", False, True),
        ("*\n!*/\n!*.py", "a/x.py", False, True),
        ("foo\n!foo/", "foo/x", False, True),
        ("*.csv\n!a.csv", "a.csv", True, True),
        ("", "a", True, True),
        ("é?\n!éa", "éa", True, True),
    ],
)
def test_what_the_other_clients_send(lines, path, sdk, cli):
    rules = parse_rules(lines)
    assert (sdk_sends(rules, path), cli_sends(rules, path)) == (sdk, cli)


def test_a_file_below_an_excluded_folder(tmp_path):
    listing = make(tmp_path, "data/\n!data/keep.txt\n", "data/keep.txt", "data/big.bin", "a.py")
    assert [found.path for found in listing.files] == [".amlignore", "a.py"]
    (note,) = listing.notes
    assert note == (
        "data/keep.txt is left out although `!data/keep.txt` (.amlignore:2) re-includes it: as in"
        " git, nothing below a folder that `data/` (.amlignore:1) excludes can be re-included."
        " Azure ML's SDK and CLI would send it"
    )


def test_files_of_a_re_included_folder(tmp_path):
    paths = [f"otter/{name}.py" for name in "abcde"]
    listing = make(tmp_path, "*\n!/otter/\n!*.md\n", *paths, "x.md")
    assert [found.path for found in listing.files] == ["x.md"]
    assert len(listing.notes) == 1
    assert "and 2 more are left out although `!/otter/` (.amlignore:2)" in listing.notes[0]
    assert "`*` (.amlignore:1) excludes them by name" in listing.notes[0]
    assert listing.notes[0].endswith("Azure ML's CLI v2 would send them")


def test_a_file_that_only_git_sends(tmp_path):
    listing = make(tmp_path, "*\n!*/\n!*.py\n", "a/x.py")
    assert [found.path for found in listing.files] == ["a/x.py"]
    (note,) = listing.notes
    assert note == (
        "a/x.py is sent, as the ignore rules mean in git; Azure ML's SDK v1 would leave it out"
    )


@pytest.mark.parametrize("ignore", ["data/\n!data/keep.txt\n", "*.csv\n!a.csv\n", "data/\n", ""])
def test_rules_that_change_nothing_are_not_mentioned(tmp_path, ignore):
    assert make(tmp_path, ignore, "data/x", "a.csv").notes == []


def test_what_the_default_rules_leave_out_is_told_in_one_line(tmp_path):
    listing = make(tmp_path, "", ".git/HEAD", ".venv/x", *(f"{n}/__pycache__/x" for n in "abc"))
    (note,) = listing.notes
    assert note == (
        ".git, .venv, a/__pycache__ and 2 more are left out by default;"
        " `!__pycache__` in .amlignore includes __pycache__"
    )


def test_re_including_every_folder_does_not_mean_the_default_ones(tmp_path):
    listing = make(tmp_path, "*\n!*/\n!*.py\n", ".venv/x.py", ".git/hooks/x.py")
    assert listing.files == []


def test_what_a_rule_of_the_user_excludes_is_not_told(tmp_path):
    assert make(tmp_path, ".venv\n__pycache__\n", ".venv/x", "a/__pycache__/x").notes == []
