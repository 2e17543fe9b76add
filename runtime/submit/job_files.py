"""Jobs of CLI v2, ready to be submitted: read, and compared with the deployed workspace."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.manifest import Manifest
from infra.contract.private import private_folder
from runtime.definitions.job import JobFile, read_job
from runtime.definitions.job_spark import read_spark_job
from runtime.definitions.settings_given import Setting

_EMPTY: Final = "empty"
_PARTS: Final = ("subscriptions", "resourcegroups", "workspaces")


def job_run(file: Path, settings: Sequence[Setting], home: Path) -> JobFile:
    """Return a job; one without code gets an empty folder below ``home``, the `.aml` folder."""
    return with_code(read_job(file, settings), home)


def spark_run(file: Path, settings: Sequence[Setting], home: Path) -> JobFile:
    """Return a Spark job, as ``job_run`` returns a command job."""
    return with_code(read_spark_job(file, settings), home)


def with_code(job: JobFile, home: Path) -> JobFile:
    """Return a job that has a folder to send: one without code gets an empty one."""
    if job.has_code:
        return job
    empty = private_folder(home / _EMPTY)
    return replace(job, spec=replace(job.spec, source_directory=empty))


def check_workspaces(job: JobFile, manifest: Manifest | None) -> None:
    """Raise ``DefinitionError`` for an id of another workspace than the deployed one."""
    own = _parts(manifest.workspace.id) if manifest else None
    for workspace, line in job.workspaces:
        if _parts(workspace) != own:
            where = manifest.workspace.id if manifest else "none is deployed"
            raise DefinitionError(
                f"It names the workspace {workspace}; this stack's is another: {where}.",
                remedy="Select the workspace's stack with `-s STACK`, or write the name alone:"
                " `azureml:NAME`.",
                at=f"{job.file}:{line}",
            )


def _parts(workspace: str) -> Sequence[str]:
    """Return what an id and the short form in a datastore's address have in common."""
    words = workspace.lower().strip("/").split("/")
    return [words[words.index(part) + 1] for part in _PARTS if part in words]
