"""Reads a workspace and its computes from the service, and writes the stack file for them."""

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from infra.arm import bodies
from infra.arm.client import Client, checked
from infra.catalogue.names import parse_arm_id
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.project import Project
from infra.deploy.importing.computes import Computes
from infra.deploy.importing.entries import WORKSPACE, ImportedWorkspace, imported, write_import
from infra.deploy.stack.endpoints import destination
from infra.spec.editing import StackFile
from infra.spec.load import inspect_text
from infra.spec.problems import Problem, file_error

_MISSING = 404
_COMPUTE = re.compile(r"aml:computes\[(\d+)\]")


def fetched(
    project: Project, workspace_id: str, file: Path, only: Sequence[str] = ()
) -> ImportedWorkspace:
    """Return the declaration of a workspace and its computes, or of the computes in ``only``."""
    where = parse_arm_id(workspace_id)
    if where.type.lower() != WORKSPACE.name.lower():
        raise UsageError(
            f"{workspace_id!r} is the id of a {where.type}.", remedy="Give the id of a workspace."
        )
    kind = "local" if where.subscription.lower() == SUBSCRIPTION else "azure"
    config = {"subscriptionId": where.subscription}
    goes_to = destination(
        "local" if kind == "local" else "azure", config, home=project.home, file=file
    )
    with closing(Client(goes_to.endpoint, goes_to.credential)) as client:
        path = bodies.url_path(str(where))
        answer = client.send("GET", path, api_version=WORKSPACE.api_version)
        if answer.status == _MISSING:
            raise UsageError(
                f"There is no workspace {where.name!r} in resource group {where.resource_group!r}.",
                remedy="Correct the id, or the names in it.",
                at=str(where),
            )
        workspace = checked(answer, at=str(where)).document
        computes = Computes(client, str(where))
        names = only or list(computes.all())
        return imported(workspace, [computes.one(name).document for name in names])


def write_file(found: ImportedWorkspace, file: Path) -> None:
    """Write it into ``file``, without computes that no stack file can declare as they are.

    Refused as a whole if the file would have other problems.
    """
    edited = written(found, StackFile.read(file).text(), file)
    edited.write()


def written(found: ImportedWorkspace, text: str, file: Path) -> StackFile:
    """Return the stack file ``text`` with the import in it; ``found`` loses what cannot be said."""
    while True:
        edited = StackFile(text, file)
        write_import(found, edited)
        problems = inspect_text(edited.text()).problems
        if not problems:
            return edited
        computes = edited.entries()["aml:computes"] if found.computes else []
        wrong = {name: each for each in problems if (name := _compute(computes, each))}
        new = {str(each["name"]) for each in found.computes}
        if not wrong.keys() & new:
            raise file_error(problems, file)
        for name in wrong.keys() & new:
            found.leave(name, str(wrong[name].message).rstrip("."))


def _compute(computes: Sequence[Document], problem: Problem) -> str:
    """Return the name of the compute that a problem is about, or nothing."""
    match = _COMPUTE.match(problem.path)
    return str(computes[int(match[1])].get("name")) if match else ""
