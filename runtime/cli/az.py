"""The options that `az ml` has on every command, so that `az ml X` of an old script is `aml X`.

Names of a workspace are checked: a command never acts on another workspace than the one it names.
Results are printed as the Azure CLI prints them: JSON by default, `--query` and `--output`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import UsageError
from infra.contract.load import load
from infra.contract.manifest import Manifest, read_manifest
from infra.contract.private import private_file
from runtime.cli.render import print_data, print_json, print_table
from runtime.submit.session import ProjectSession

Command = TypeVar("Command", bound=Callable[..., object])
FORMATS: Final = ("json", "jsonc", "none", "table", "tsv", "yaml", "yamlc")


@dataclass(frozen=True, kw_only=True, slots=True)
class AzOptions:
    """What every command of `az ml` takes. ``metadata_file`` is a copy of the result as JSON."""

    path: Path = Path()
    resource_group: str | None = None
    workspace: str | None = None
    subscription: str | None = None
    output: str = "json"
    query: str | None = None
    metadata_file: Path | None = None

    def require_workspace(self, session: ProjectSession) -> Manifest:
        """Return the manifest of the deployed stack; ``UsageError`` if another one is named."""
        manifest = read_manifest(session.targets.manifest_file, stack=session.stack)
        parts = parse_arm_id(manifest.workspace.id)
        deployed = {
            "workspace": manifest.workspace.name,
            "resource group": parts.resource_group or "",
            "subscription": parts.subscription,
        }
        named = {
            "workspace": self.workspace,
            "resource group": self.resource_group,
            "subscription": self.subscription,
        }
        others = [
            f"{kind} {wanted!r} (deployed: {deployed[kind]!r})"
            for kind, wanted in named.items()
            if wanted and wanted.lower() != deployed[kind].lower()
        ]
        if others:
            raise UsageError(
                f"Stack {session.stack!r} did not deploy {', '.join(others)}.",
                remedy="Select the stack that did with `aml stack select`, or omit the options.",
            )
        return manifest

    def require_new_file(self) -> None:
        """Raise ``UsageError`` if the file for the result exists, before anything is done."""
        if self.metadata_file is not None and self.metadata_file.exists():
            raise UsageError(
                f"{self.metadata_file} already exists.",
                remedy="Name another file with `-t`, or delete this one.",
            )

    def show(self, document: object) -> None:
        """Print a result as ``--query`` and ``--output`` ask for; write it to a file too."""
        if self.metadata_file is not None:
            text = json.dumps(document, indent=2, default=str) + "\n"
            private_file(self.metadata_file).write_text(text, encoding="utf-8")
        found = queried(document, self.query)
        match self.output:
            case "none":
                return
            case "tsv":
                for line in tsv_lines(found):
                    print_data(line)
            case "table":
                _print_table(found)
            case "yaml" | "yamlc":
                print_data(load("runtime.environments.conda_yaml:write_yaml")(found).rstrip())
            case _:
                print_json(found)


def az_options(
    *, metadata: bool = True, path: bool = True, version: bool = False
) -> Callable[[Command], Command]:
    """Add the options to a command, which reads them with ``given``.

    ``metadata``: whether the command takes ``-t``; ``path``: whether it takes ``--path``;
    ``version``: whether its ``-v`` is a version, as in the CLI v2.
    """
    short = ("-v",) if path and not version else ()
    loud = click.option(*short, "--verbose", is_flag=True, expose_value=False, help=_ACCEPTED)

    def decorate(command: Command) -> Command:
        every = (*(_PATH if path else ()), *_EVERY, *(_METADATA if metadata else ()))
        for option in reversed((*every, loud, *_QUIET)):
            command = option(command)
        return command

    return decorate


def given() -> AzOptions:
    """Return the options of the running command; refuse a file for the result that exists."""
    meta = click.get_current_context().meta
    kept: AzOptions = meta.get(_KEPT, AzOptions())
    kept.require_new_file()
    return kept


def _option(*names: str, field: str, **settings: Any) -> Callable[[Command], Command]:
    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        kept = context.meta.get(_KEPT, AzOptions())
        context.meta[_KEPT] = replace(kept, **{field: value})

    return click.option(*names, f"az_{field}", callback=keep, expose_value=False, **settings)


_KEPT: Final = f"{__name__}.options"
_PATH: Final = (
    _option(
        "--path",
        field="path",
        type=click.Path(path_type=Path),
        default=Path(),
        help="Project folder. Default: the current folder.",
    ),
)
_EVERY: Final = (
    _option("-g", "--resource-group", field="resource_group", help="Checked against the stack."),
    _option("-w", "--workspace-name", field="workspace", help="Checked against the stack."),
    _option(
        "--subscription",
        "--subscription-id",
        field="subscription",
        help="Checked against the stack.",
    ),
    _option(
        "-o",
        "--output",
        field="output",
        type=click.Choice(FORMATS),
        default="json",
        show_default=True,
        help="Format of the result.",
    ),
    _option("--query", field="query", metavar="JMESPATH", help="Print this part of the result."),
)
_ACCEPTED: Final = "Accepted for old scripts; has no effect."
_QUIET: Final = tuple(
    click.option(name, is_flag=True, expose_value=False, help=_ACCEPTED)
    for name in ("--debug", "--only-show-errors")
)
_METADATA: Final = (
    _option(
        "-t",
        "--output-metadata-file",
        field="metadata_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write the result to a new file, too.",
    ),
)


def queried(document: object, query: str | None) -> object:
    """Return the part of a document that a JMESPath expression selects."""
    if query is None:
        return document
    search = load("jmespath:search", extra="azureml")
    try:
        found: object = search(query, document)
    except load("jmespath.exceptions:JMESPathError", extra="azureml") as error:
        raise UsageError(
            f"--query is not JMESPath: {error}.", remedy="See https://jmespath.org/tutorial.html."
        ) from error
    return found


def tsv_lines(found: object) -> list[str]:
    """Return a result as the Azure CLI's ``tsv``: a line a row, values separated by tabs."""
    rows: Sequence[object] = found if isinstance(found, list) else [found]
    return ["\t".join(_cells(each)) for each in rows]


def _cells(row: object) -> list[str]:
    if isinstance(row, dict):
        row = list(row.values())
    if isinstance(row, list):
        return ["None" if each is None else str(each) for each in row if not _nested(each)]
    return ["None" if row is None else str(row)]


def _nested(value: object) -> bool:
    return isinstance(value, dict | list)


def _is_column(values: Sequence[object]) -> bool:
    """Return whether a table has a column of these: single values, of which there are some."""
    said = any(value is not None and value != "" for value in values)
    return said and not any(_nested(value) for value in values)


def _print_table(found: object) -> None:
    rows: Sequence[object] = found if isinstance(found, list) else [found]
    documents = [each if isinstance(each, dict) else {"Result": each} for each in rows]
    every = dict.fromkeys(name for each in documents for name in each)
    names = [name for name in every if _is_column([each.get(name) for each in documents])]
    cells = [
        ["" if each.get(name) is None else str(each[name]) for name in names] for each in documents
    ]
    print_table([f"{name[:1].upper()}{name[1:]}" for name in names], cells)
