"""Ignore patterns mean what they mean to git: a table, and git itself as the judge."""

import random
import shutil
import subprocess

import pytest

from runtime.snapshots.files import list_files
from runtime.snapshots.patterns import IgnoreRules, parse_rules


@pytest.mark.parametrize(
    ("lines", "path", "out"),
    [
        ("", "a", False),
        ("a", "a", True),
        ("a", "b/a", True),
        ("a", "ab", False),
        ("/a", "a", True),
        ("/a", "b/a", False),
        ("b/a", "b/a", True),
        ("b/a", "c/b/a", False),
        ("a/", "a", False),
        ("a/", "a/", True),
        ("*.pyc", "b/c.pyc", True),
        ("b/*.pyc", "b/c/d.pyc", False),
        ("a?c", "abc", True),
        ("/a?c", "abc", True),
        ("/a?c", "a/c", False),
        ("[ab]", "b", True),
        ("[!ab]", "b", False),
        ("[a-c]x", "bx", True),
        ("/a[!x]b", "ayb", True),
        ("/a[!x]b", "a/b", False),
        ("/a[^x]b", "a/b", False),
        ("/a[.-0]b", "a/b", False),
        ("/a[[:punct:]]b", "a/b", False),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("a/**", "a/", False),
        ("a/**", "a/b", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("# a", "# a", False),
        (r"\#a", "#a", True),
        (r"\!a", "!a", True),
        ("a ", "a", True),
        ("a\\ ", "a ", True),
        ("a\r", "a", True),
        ("a\n!a", "a", False),
        ("!a\na", "a", True),
        ("a\n!/b/a", "b/a", False),
        ("*\n!/otter/", "otter/", False),
        ("*\n!/otter/", "otter/x.py", True),
        ("[", "[", False),
        ("a[", "a[", False),
    ],
)
def test_patterns(lines, path, out):
    rules = IgnoreRules(parse_rules(lines))
    assert rules.excluded(path.rstrip("/"), folder=path.endswith("/")) is out


PIECES = (
    "a", "b", "foo", "data", "*", "?", "/", "/**/", "**/", "/**", "[ab]", "[!a]", "[^a]", "[a-f]*",
    ".txt", "*.txt", "\\#h", "\\!n", " ", "[]y]", "[[:alpha:]]", "[z-a]", "[\\]]", "x[]]y", "**",
    "***", "é", "[é]", "??", "[!z-a]", "[[:punct:]a]", "[a-\\]]", "[:a]", "[[:nope:]]", "[[:]", "[",
    "\\", "[--b]", "[a-]", "[[:space:]-z]", "/", "/", "*/",
)  # fmt: skip
NAMES = (
    "a",
    "b",
    "foo",
    "foo.txt",
    "a.b",
    "data",
    "x]y",
    "[z]",
    "a b",
    "#h",
    "!n",
    "bar.py",
    "é",
    "-",
)


def grow(folder, depth, draw):
    for name in draw.sample(NAMES, 5):
        if depth and draw.random() < 0.5:
            (folder / name).mkdir()
            grow(folder / name, depth - 1, draw)
        else:
            (folder / name).touch()


def pattern(draw):
    made = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 3)))
    return draw.choice(("", "", "", "!")) + draw.choice(("", "", "/")) + made


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge")
@pytest.mark.parametrize("seed", range(40))
def test_git_agrees(tmp_path, seed):
    draw = random.Random(seed)  # noqa: S311 - made-up patterns are no secret
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    grow(tmp_path, 3, draw)
    lines = [pattern(draw) for _ in range(6)]
    (tmp_path / ".gitignore").write_text("\n".join([*lines, "!/.gitignore"]) + "\n")
    asked = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "-o", "--exclude-per-directory=.gitignore"],
        capture_output=True,
        check=True,
    )
    theirs = sorted(asked.stdout.decode().split("\0")[:-1])
    assert [file.path for file in list_files(tmp_path).files] == theirs, lines
