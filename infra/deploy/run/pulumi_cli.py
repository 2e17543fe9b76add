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
from infra.contract.json_types import Document
from infra.contract.project import Project

Operation = Literal["preview", "up", "refresh", "destroy"]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What the CLI reported: counts by operation, and the stack's outputs (secrets hidden)."""

    changes: Mapping[str, int]
    outputs: Document


def require_cli(stack: str, *, cloud: str) -> None:
    """Refuse what the CLI cannot do.

    Raises ``MissingExtraError`` without a CLI, ``UsageError`` for the local cloud: the CLI's
    azure-native plugin was never tried against it.
    """
    if shutil.which("pulumi") is None:
        raise MissingExtraError(
            "`--engine pulumi` needs the Pulumi CLI, which is not on PATH.",
            remedy="Install it from https://www.pulumi.com/docs/install, or leave `--engine` out.",
        )
    if cloud == "local":
        raise UsageError(
            f"Stack {stack!r} has `aml:cloud: local`, which the Pulumi CLI cannot deploy to.",
            remedy="Leave `--engine pulumi` out: the embedded engine deploys to the local cloud.",
        )


def hand_over(
    project: Project,
    stack: str,
    operation: Operation,
    *,
    backend_url: str,
    passphrase: str | None,
    expect_no_changes: bool,
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
        return _run(handed, operation, expect_no_changes=expect_no_changes, say=say)
    except automation.CommandError as error:
        raise DeployError(
            f"The Pulumi CLI failed during `{operation}`; its output is above.",
            remedy="Fix the errors it reports, then try again.",
        ) from error


def _run(
    stack: automation.Stack,
    operation: Operation,
    *,
    expect_no_changes: bool,
    say: Callable[[str], None],
) -> HandedOver:
    if operation == "preview":
        preview = stack.preview(on_output=say, expect_no_changes=expect_no_changes)
        return HandedOver({str(op): n for op, n in preview.change_summary.items()}, {})
    if operation == "up":
        up = stack.up(on_output=say, expect_no_changes=expect_no_changes)
        outputs = {k: "[secret]" if v.secret else v.value for k, v in up.outputs.items()}
        return HandedOver(_counts(up.summary), outputs)
    run = stack.refresh if operation == "refresh" else stack.destroy
    return HandedOver(_counts(run(on_output=say).summary), {})


def _counts(summary: automation.UpdateSummary) -> dict[str, int]:
    return {str(op): number for op, number in (summary.resource_changes or {}).items()}
