"""`aml targets`: where runs can execute, from the stack's manifest."""

from collections.abc import Mapping
from pathlib import Path

import click

from infra.contract.errors import NotDeployedError, UnknownNameError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from infra.contract.manifest import TargetEntry, read_manifest
from runtime.cli.render import print_data, print_json, print_table, print_text, say
from runtime.cli.session import command_session
from runtime.submit.choosing import ignored, refused, taken
from runtime.targets.deployed import unusable

_LOCAL = TargetEntry(kind="local", id="this machine")
_DOCKER = TargetEntry(kind="docker", id="the docker engine of this shell")


@click.command()
@click.argument("name", required=False, metavar="[TARGET]")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "--manifest", type=click.Path(path_type=Path), help="Read the targets from this manifest file."
)
@click.option(
    "--export",
    is_flag=True,
    help="Print the manifest, which holds no secret, for `aml use --targets FILE` elsewhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the targets as JSON.")
def targets(
    name: str | None, stack: str | None, manifest: Path | None, *, export: bool, as_json: bool
) -> None:
    """List the targets of a stack, or show what one of them cannot do, and why.

    `local`, this machine, and `docker`, containers of its docker engine, need no stack.
    """
    session = command_session(stack, manifest)
    if export:
        found_manifest = read_manifest(session.targets.manifest_file, stack=session.stack)
        print_text(found_manifest.to_json())
        return
    found = {"local": _LOCAL, "docker": _DOCKER}
    try:
        found |= read_manifest(session.targets.manifest_file, stack=session.stack).targets
    except NotDeployedError as error:
        say(f"{error.detail} {error.remedy}")
    if name is not None:
        found = {name: _named(found, name, session.stack)}
    if as_json:
        print_json({each: _document(entry) for each, entry in found.items()})
        return
    print_table(
        ("TARGET", "KIND", "SIZE", "NODES", "PRIORITY", "TAKES RUNS"),
        [_row(each, entry) for each, entry in found.items()],
    )
    if name is not None and not _why_not(found[name]):
        print_data("")
        print_table(("RUNS WITH", "ARE"), _limits(found[name].kind))
        say("All else that a run may ask for is honoured.")


def _named(found: Mapping[str, TargetEntry], name: str, stack: str) -> TargetEntry:
    if name not in found:
        raise UnknownNameError(
            f"Stack {stack!r} has no target {name!r}.", remedy=nearest(name, found, noun="target")
        )
    return found[name]


def _limits(kind: str) -> list[tuple[str, str]]:
    rows = [(feature, f"refused: {why}") for feature, why in refused(kind).items()]
    return rows + [(name, f"taken, without effect: {why}") for name, why in ignored(kind).items()]


def _row(name: str, entry: TargetEntry) -> tuple[str, ...]:
    nodes = "" if entry.max_nodes is None else f"{entry.min_nodes or 0}-{entry.max_nodes}"
    why = _why_not(entry)
    takes = f"no: {why}" if why else "yes"
    return name, entry.kind, entry.vm_size or "", nodes, entry.priority or "", takes


def _document(entry: TargetEntry) -> JsonObject:
    why = _why_not(entry)
    takes: JsonObject = {"takes_runs": not why}
    if why:
        takes["reason"] = why
    else:
        takes |= {
            "takes": list(taken(entry.kind)),
            "refuses": refused(entry.kind),
            "ignores": ignored(entry.kind),
        }
    return entry.document() | takes


def _why_not(entry: TargetEntry) -> str:
    here = any(entry is each for each in (_LOCAL, _DOCKER))
    return "" if here else unusable(entry.kind)
