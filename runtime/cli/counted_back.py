"""Commands about one run: its id is an argument, or `-r RUN` as in `az ml run`.

The argument may be counted back from the last run: `-1`, `-2`.
"""

from collections.abc import Sequence
from typing import Final

import click
from click.core import ParameterSource

_NAMED: Final = ("-r", "--run")
_AS_AZ: Final = f"{__name__}.as_az"
_AZ: Final = ("az_output", "az_query", "az_metadata_file")


class CountedBack(click.Command):
    """A command whose argument may be `-1`, the last run, which is no option, or `-r RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args, named = _without_name(args)
        ctx.meta[_AS_AZ] = bool(named)
        back = [arg for arg in args if arg[:1] == "-" and arg[1:].isdecimal()]
        if (back or named) and "--" not in args:
            args = [*(arg for arg in args if arg not in back), "--", *back, *named]
        return super().parse_args(ctx, args)


def as_az() -> bool:
    """Return whether the running command was given `-r`, `-o`, `--query` or `-t`, as az is."""
    ctx = click.get_current_context()
    given = (ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in _AZ)
    return bool(ctx.meta.get(_AS_AZ)) or any(given)


def _without_name(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments without `-r RUN`, and the runs it named."""
    rest, named, waiting = list[str](), list[str](), False
    for arg in args:
        option, equals, value = arg.partition("=")
        if waiting:
            named.append(arg)
            waiting = False
        elif arg in _NAMED:
            waiting = True
        elif equals and option in _NAMED:
            named.append(value)
        else:
            rest.append(arg)
    return ([*rest, _NAMED[0]] if waiting else rest), named
