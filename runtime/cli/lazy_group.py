"""A group of commands, each imported when it is called."""

from collections.abc import Mapping
from typing import Any

import click

from infra.contract.load import load


class LazyGroup(click.Group):
    """A group that imports a command when it is called, or when the group's help lists it.

    ``paths`` maps a command's name to ``module:attribute``.
    """

    def __init__(self, *args: Any, paths: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._paths = paths

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._paths})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._paths:
            return super().get_command(ctx, cmd_name)
        command: click.Command = load(self._paths[cmd_name])
        return command
