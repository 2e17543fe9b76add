"""`aml targets`: where runs can go, from the stack's manifest."""

from pathlib import Path

import click

from infra.contract.errors import NotDeployedError
from infra.contract.manifest import TargetEntry
from runtime.cli.render import print_json, print_table
from runtime.cli.session import open_scene

_LOCAL = TargetEntry(kind="local", id="this machine")


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Read targets from this file.")
@click.option("--json", "as_json", is_flag=True, help="Print them as data.")
def targets(stack: str | None, manifest: Path | None, *, as_json: bool) -> None:
    """List the targets of a stack; `local` is always there."""
    scene = open_scene(stack, manifest)
    found = {"local": _LOCAL}
    try:
        found |= scene.targets.manifest().targets
    except NotDeployedError as error:
        click.echo(f"{error.detail} {error.remedy}", err=True)
    if as_json:
        print_json({name: entry.model_dump(exclude_none=True) for name, entry in found.items()})
        return
    print_table(
        ("TARGET", "KIND", "SIZE", "NODES", "PRIORITY"),
        [_row(name, entry) for name, entry in found.items()],
    )


def _row(name: str, entry: TargetEntry) -> tuple[str, ...]:
    nodes = "-" if entry.max_nodes is None else f"{entry.min_nodes or 0}-{entry.max_nodes}"
    return name, entry.kind, entry.vm_size or "-", nodes, entry.priority or "-"
