"""`aml compute`: its own commands, and those of `az ml compute` where a line has its options."""

from typing import Final

import click

from infra.contract.load import load

_OWN: Final = "infra.commands.compute:compute"
_AZ: Final = "runtime.cli.az_computes:compute"
_AZ_OPTIONS: Final = frozenset(
    {
        *("-n", "--name", "-g", "--resource-group", "-w", "--workspace-name", "--subscription"),
        *("-o", "--output", "--query", "-t", "--type", "--max-results"),
    }
)


class Computes(click.Group):
    """Two groups under one name: a line with an option of `az ml compute` is meant as one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_own().list_commands(ctx), *_az().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _own().get_command(ctx, cmd_name) or _az().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if any(each.partition("=")[0] in _AZ_OPTIONS for each in args[1:]):
            command = _az().get_command(ctx, args[0])
            if command is not None:
                return args[0], command, args[1:]
        return super().resolve_command(ctx, args)


def _own() -> click.Group:
    found: click.Group = load(_OWN, extra="infra")
    return found


def _az() -> click.Group:
    found: click.Group = load(_AZ, extra="infra")
    return found


compute = Computes(
    "compute",
    help="List, start, stop and add a workspace's computes.\n\n"
    "With the options of `az ml compute` (`-n NAME`, `--query`, …), as that does.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
