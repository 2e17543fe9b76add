"""Hands a stack to the Pulumi CLI (`--engine pulumi`), over the same files and the same state.

A thin shell around Pulumi's Automation API: it changes nothing about what the CLI does. It is used
only if named: a CLI on PATH never switches the engine.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pulumi import automation

from infra.contract.errors import DeployError, MissingExtraError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.project import Project
from infra.contract.project_file import read_project_file
from infra.deploy.run.plugins import OWN_PLUGIN
from infra.deploy.run.runner import PACKAGE
from infra.engine.planning.targets import Targets, as_pattern

Operation = Literal["preview", "up", "refresh", "destroy"]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What the CLI reported: counts by operation, and the stack's outputs (secrets hidden)."""

    changes: Mapping[str, int]
    outputs: Document


def require_cli(project: Project, stack: str, *, cloud: str) -> None:
    """Refuse what the CLI cannot do.

    Raises ``MissingExtraError`` without a CLI, ``UsageError`` for the local cloud where the
    project does not name our provider: Pulumi's own knows nothing of it.
    """
    if shutil.which("pulumi") is None:
        raise MissingExtraError(
            "`--engine pulumi` needs the Pulumi CLI, which is not on PATH.",
            remedy="Install it from https://www.pulumi.com/docs/install, or leave `--engine` out.",
        )
    if cloud == "local" and not names_own_plugin(project):
        raise UsageError(
            f"Stack {stack!r} has `aml:cloud: local`, which Pulumi's own provider cannot deploy"
            " to.",
            remedy="Name this product's provider in `plugins.providers` of Pulumi.yaml:"
            f" {{name: {PACKAGE}, path: {OWN_PLUGIN}}}. Or leave `--engine pulumi` out.",
        )


def names_own_plugin(project: Project) -> bool:
    """Return whether the CLI is to use a plugin of the project for azure-native."""
    file = project.root / "Pulumi.yaml"
    plugins = read_project_file(file).get("plugins") if file.is_file() else None
    listed = plugins.get("providers") if isinstance(plugins, dict) else None
    return any(isinstance(each, dict) and each.get("name") == PACKAGE for each in listed or ())


def hand_over(
    project: Project,
    stack: str,
    operation: Operation,
    *,
    backend_url: str,
    passphrase: str | None,
    expect_no_changes: bool,
    targets: Targets,
    run_program: bool,
    say: Callable[[str], None],
) -> HandedOver:
    """Run one operation of the Pulumi CLI on a stack; its output goes through ``say``.

    It does not prompt. Raises ``DeployError`` when the CLI fails.
    """
    variables = {"PULUMI_BACKEND_URL": os.environ.get("PULUMI_BACKEND_URL", backend_url)}
    if passphrase is not None:
        variables["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    try:
        workspace = automation.LocalWorkspace(work_dir=str(project.root), env_vars=variables)
        handed = automation.Stack.create_or_select(stack, workspace)
        more = {"expect_no_changes": expect_no_changes, "run_program": run_program}
        wanted = {name: True for name, given in more.items() if given}
        return _run(handed, operation, {**wanted, **limits(targets), "on_output": say})
    except automation.CommandError as error:
        raise DeployError(
            f"The Pulumi CLI failed during `{operation}`; its output is above.",
            remedy="Fix the errors it reports, then try again.",
        ) from error


def limits(targets: Targets) -> JsonObject:
    """Return the options of the Automation API that limit an operation. Pure."""
    name = "target" if targets.include else "exclude"
    named = [as_pattern(each) for each in targets.include or targets.exclude]
    dependents = {f"{name}_dependents": True} if targets.dependents else {}
    return {name: named, **dependents} if named else {}


def _run(stack: automation.Stack, operation: Operation, options: JsonObject) -> HandedOver:
    if operation == "preview":
        preview = stack.preview(**options)
        return HandedOver({str(op): n for op, n in preview.change_summary.items()}, {})
    if operation == "up":
        up = stack.up(**options)
        outputs = {k: "[secret]" if v.secret else v.value for k, v in up.outputs.items()}
        return HandedOver(_counts(up.summary), outputs)
    run = stack.refresh if operation == "refresh" else stack.destroy
    return HandedOver(_counts(run(**options).summary), {})


def _counts(summary: automation.UpdateSummary) -> dict[str, int]:
    return {str(op): number for op, number in (summary.resource_changes or {}).items()}
