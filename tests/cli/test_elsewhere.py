"""Command lines of `az ml` that are not offered say what to do instead."""

import re

import click
import pytest

from runtime.cli.elsewhere import COMMANDS
from runtime.cli.root import aml, run


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_there_is_not_says_what_to_do_instead(capsys, command):
    assert run(command.split()) == 2
    said = capsys.readouterr().err
    assert "error: Invalid usage" in said
    assert " ".join(COMMANDS[command].split()) in " ".join(said.split())


@pytest.mark.parametrize("hint", sorted(set(COMMANDS.values())))
def test_the_commands_that_a_hint_names_are_there(hint):
    for line in re.findall(r"`aml ([^`]+)`", hint):
        at, context = aml, click.Context(aml, info_name="aml")
        for word in line.split():
            if not isinstance(at, click.Group):
                break
            found = at.get_command(context, word)
            assert found is not None, line
            at, context = found, click.Context(found, parent=context, info_name=word)


def test_a_mistyped_command_of_a_group_names_the_nearest(capsys):
    assert run(["job", "sohw"]) == 2
    assert "Did you mean 'show'?" in capsys.readouterr().err
