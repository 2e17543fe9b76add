"""Reads a workspace and its computes from the service, and writes the stack file for them."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from infra.arm import bodies
from infra.arm.client import Client, checked
from infra.catalogue.names import parse_arm_id
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.project import Project
from infra.deploy.importing.computes import Computes
from infra.deploy.importing.entries import WORKSPACE, ImportedWorkspace, imported, write_import
from infra.deploy.stack.endpoints import destination
from infra.spec.editing import StackFile
from infra.spec.load import inspect_text
from infra.spec.problems import file_error

_MISSING = 404


def fetched(
    project: Project, workspace_id: str, file: Path, only: Sequence[str] = ()
) -> ImportedWorkspace:
    """Return the declaration of a workspace and its computes, or of the computes in ``only``."""
    where = parse_arm_id(workspace_id)
    if where.type.lower() != WORKSPACE.name.lower():
        raise UsageError(
            f"{workspace_id!r} is the id of a {where.type}.", remedy="Give the id of a workspace."
        )
    kind = "local" if where.subscription == SUBSCRIPTION else "azure"
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
    """Write it into ``file``; refused as a whole if the file would have problems."""
    edited = StackFile.read(file)
    write_import(found, edited)
    problems = inspect_text(edited.text()).problems
    if problems:
        raise file_error(problems, file)
    edited.write()
