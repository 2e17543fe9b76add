"""How a command ends: exit codes, and one form for everything that is refused."""

import os
from pathlib import Path

import click
import pytest

from infra.contract import errors
from infra.contract.errors import PlatformError
from runtime.cli import root


def classes(base=PlatformError):
    below = [each for sub in base.__subclasses__() for each in classes(sub)]
    return [each for each in (base, *below) if each.__module__ == errors.__name__]


@pytest.mark.parametrize(
    ("arguments", "detail", "remedy"),
    [
        (["outpts"], "There is no command 'outpts'.", "Did you mean 'outputs'? (all: "),
        (["ml", "job", "list"], "There is no command 'ml'.", "Leave `ml` out: "),
        (["dataset", "register"], "There is no command 'dataset'.", "Register data with "),
        (["up", "--nonsense"], "No such option '--nonsense'.", "Read `aml up --help`."),
        (["stack", "nonsense"], "No such command 'nonsense'.", "Read `aml stack --help`."),
        (["up", "-s"], "Option '-s' requires an argument.", "Read `aml --help`."),
        (["up", "--parallel", "0"], "Invalid value for '--parallel':", "Read `aml up --help`."),
        (["run", "show"], "Missing argument 'RUN_ID'.", "Read `aml run show --help`."),
        (["runs", "--status", "Done"], "Invalid value for '--status':", "Read `aml runs --help`."),
    ],
)
def test_wrong_arguments_are_refused_in_one_form(capsys, arguments, detail, remedy):
    assert root.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: Invalid usage\n\n{detail}")
    assert f"\n\nhint: {remedy}" in err


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_documented_exit_code(kind):
    line = next(line for line in errors.__doc__.splitlines() if kind.__name__ in line)
    assert line.split(kind.__name__)[1].split()[0] == str(kind.exit_code)


NOT_UTF_8 = os.fsdecode(b"x\xff")


@pytest.mark.parametrize(
    "arguments",
    [["run", "show", NOT_UTF_8], ["submit", "--tag", f"a={NOT_UTF_8}", "train.py"]],
    ids=["run show", "submit --tag"],
)
def test_bytes_that_are_no_text_are_refused(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    Path("train.py").touch()
    assert root.run(arguments) == 2
    assert r"x\xff' is not valid UTF-8." in capsys.readouterr().err
    assert root.run(["runs"]) == 0
    assert "train" not in capsys.readouterr().out


@click.command()
def broken():
    raise ZeroDivisionError


def test_a_bug_keeps_its_traceback(capsys, monkeypatch):
    entry = root.Entry("tests.cli.test_errors:broken", "Break.", "Tests")
    monkeypatch.setitem(root.COMMANDS, "broken", entry)
    assert root.run(["broken"]) == 70
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "This is a bug in aml-platform" in err


def test_help_and_version_are_no_errors(capsys):
    assert root.run(["--help"]) == 0
    assert root.run(["--version"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("aml, version ")
