"""The error for a stack that has no manifest here, and the command that helps.

Apart, because it reads stack files, which only an error has to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, PlatformError
from infra.contract.inheritance import merged, stack_extended
from infra.contract.json_types import JsonObject
from infra.contract.project import MANIFESTS, find_project

_STACK_FILES: Final = "Pulumi.*.yaml"
_LISTED: Final = 3


@dataclass(frozen=True, slots=True)
class DeclaredWorkspace:
    """The workspace that a stack file names; what it leaves out is empty."""

    name: str
    group: str = ""
    subscription: str = ""
    local: bool = False

    @property
    def command(self) -> str:
        """The command that submits to it from a clone that never deployed it."""
        group = f" -g {self.group}" if self.group else ""
        subscription = f" --subscription {self.subscription}" if self.subscription else ""
        return f"`aml use {self.name}{group}{subscription}`"

    def means(self, workspace_id: str) -> bool:
        """Return whether this is the workspace with an ARM id, as far as the file says."""
        parts = workspace_id.lower().split("/")
        named = (self.name, self.group, self.subscription)
        return self.name.lower() == parts[-1] and all(
            not part or part.lower() in parts for part in named
        )


def never_deployed(file: Path, stack: str, meant: str = "") -> NotDeployedError:
    """Return the error for a stack whose manifest, ``file``, does not exist.

    ``meant`` is put before the remedy. A local cloud has nothing that others deployed.
    """
    if file.parent.name != MANIFESTS:
        return NotDeployedError(
            "There is no such manifest.",
            remedy=f"{meant}Write it with `aml targets --export`, where the stack was deployed.",
            at=str(file),
        )
    known = declared_workspaces()
    declared = known.get(stack)
    up, manifest = stack_command("up", stack), "name a manifest with `--manifest FILE`"
    elsewhere = _of_other_stacks(stack, known) if declared is None else ""
    if elsewhere:
        remedy = f"Run {elsewhere}, if others have deployed it; or"
    elif declared is None:
        remedy = f"Run {up}, or `aml use WORKSPACE -g GROUP` if others have deployed it; or"
    elif declared.local:
        remedy = f"Run {up}, or"
    else:
        remedy = f"Run {declared.command} if others have deployed it, else {up}; or"
    remedy = f"{remedy} {manifest}"
    detail = f"Stack {stack!r} was never deployed from here ({file.name} does not exist)."
    if any(file.parents[1].glob(f"state/.pulumi/stacks/*/{stack}.json*")):
        detail = (
            f"Stack {stack!r} has state, but no manifest here ({file.name} does not exist): the"
            " Pulumi CLI deployed it, its deployment has not finished, or it was destroyed."
        )
    return NotDeployedError(
        detail,
        remedy=f"{meant}{remedy}; `local` and `docker` need no stack.",
        at=str(file),
    )


def _of_other_stacks(stack: str, known: Mapping[str, DeclaredWorkspace]) -> str:
    """Return what submits to the first stacks of Azure here, if ``stack`` itself has no file."""
    fit = {name: each for name, each in known.items() if not each.local}
    if not fit or (find_project().stacks / f"Pulumi.{stack}.yaml").exists():
        return ""
    listed = [f"{each.command} for stack {name!r}" for name, each in fit.items()]
    return " or ".join(listed[:_LISTED])


def declared_workspaces() -> dict[str, DeclaredWorkspace]:
    """Return the workspace of each stack file of the project around the working folder.

    Files that cannot be read, and those that leave the name to the program, are left out.
    """
    try:
        project = find_project()
    except PlatformError:
        return {}
    files = sorted(project.stacks.glob(_STACK_FILES))
    found = {file.name.split(".", 1)[1][:-5]: _declared(file) for file in files}
    return {stack: declared for stack, declared in found.items() if declared is not None}


def _with_base(config: JsonObject, file: Path) -> JsonObject:
    base = stack_extended(config)
    if base is None:
        return config
    try:
        document = plain((file.parent / f"Pulumi.{base}.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, YamlError):
        return config
    inherited = document.get("config") if isinstance(document, dict) else None
    return merged(config, inherited)[0] if isinstance(inherited, dict) else config


def _declared(file: Path) -> DeclaredWorkspace | None:
    try:
        document = plain(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, YamlError):
        return None
    config = document.get("config") if isinstance(document, dict) else None
    if isinstance(config, dict):
        config = _with_base(config, file)
    workspace = config.get("aml:workspace") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(workspace, dict):
        return None
    name, group = workspace.get("name"), workspace.get("resource_group")
    subscription = config.get("azure-native:subscriptionId")
    if not isinstance(name, str):
        return None
    return DeclaredWorkspace(
        name,
        group if isinstance(group, str) else "",
        subscription if isinstance(subscription, str) else "",
        config.get("aml:cloud") == "local",
    )
