"""Commands whose arguments may be runs counted back from the last: `-1`, `-2`."""

import click


class CountedBack(click.Command):
    """A command whose argument may be `-1`, the last run, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        back = [arg for arg in args if arg[:1] == "-" and arg[1:].isdecimal()]
        if back and "--" not in args:
            args = [*(arg for arg in args if arg not in back), "--", *back]
        return super().parse_args(ctx, args)
