"""Reads a workspace and its computes from the service, and writes the stack file for them."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.arm import bodies
from infra.arm.client import Client, checked
from infra.catalogue.names import ArmId, parse_arm_id, same_arm_id
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import arm_type
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.project import Project
from infra.deploy.importing.computes import Computes, pages
from infra.deploy.importing.connections import NotDeclarableError
from infra.deploy.importing.datastores import is_default
from infra.deploy.importing.entries import (
    WORKSPACE,
    ImportedWorkspace,
    add_cluster,
    add_connection,
    add_datastore,
    add_registry,
    imported,
    write_import,
)
from infra.deploy.importing.services import EXTENSION
from infra.deploy.stack.endpoints import destination
from infra.spec.editing import StackFile
from infra.spec.load import inspect_text
from infra.spec.problems import Problem, file_error

REGISTRY: Final = arm_type("Microsoft.MachineLearningServices/registries")
CLUSTER: Final = arm_type("Microsoft.ContainerService/managedClusters")
INSTALLED: Final = arm_type("Microsoft.KubernetesConfiguration/extensions")
DATASTORE: Final = arm_type("Microsoft.MachineLearningServices/workspaces/datastores")
CONNECTION: Final = arm_type("Microsoft.MachineLearningServices/workspaces/connections")
_HIDDEN: Final = "how it signs in may not be read (`listsecrets` was answered with {status})"
_MISSING: Final = 404
_ENTRY = re.compile(r"(aml:\w+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Beside:
    """What somebody names in the workspace's resource group, to be adopted with the workspace."""

    registries: Sequence[str] = ()
    clusters: Sequence[str] = ()


NOTHING: Final = Beside()


def fetched(
    project: Project,
    workspace_id: str,
    file: Path,
    only: Sequence[str] = (),
    beside: Beside = NOTHING,
) -> ImportedWorkspace:
    """Return the declaration of a workspace and what is in it, and of what is beside it.

    ``only`` names computes: no others, no datastores and no connections.
    """
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
        found = imported(workspace, [computes.one(name).document for name in names])
        if not only:
            _add_datastores(found, client, str(where))
            _add_connections(found, client, str(where))
        _add_beside(found, client, where, beside)
        return found


def _add_beside(found: ImportedWorkspace, client: Client, workspace: ArmId, beside: Beside) -> None:
    """Add the registries and clusters that were named."""
    providers = f"{str(workspace).partition('/providers/')[0]}/providers"
    for name in beside.registries:
        add_registry(found, _one(client, REGISTRY, f"{providers}/{REGISTRY.name}/{name}"))
    for name in beside.clusters:
        id_ = f"{providers}/{CLUSTER.name}/{name}"
        cluster = _one(client, CLUSTER, id_)
        path = bodies.url_path(f"{id_}/providers/{INSTALLED.name}/{EXTENSION}")
        answer = client.send("GET", path, api_version=INSTALLED.api_version)
        add_cluster(found, cluster, answer.document if answer.ok else {})


def _one(client: Client, row: ArmType, id_: str) -> Document:
    """Return a resource that somebody named. Raises ``UsageError`` if it does not exist."""
    answer = client.send("GET", bodies.url_path(id_), api_version=row.api_version)
    if answer.status == _MISSING:
        where = parse_arm_id(id_)
        raise UsageError(
            f"There is no {row.name_rule.noun} {where.name!r} in resource group"
            f" {where.resource_group!r}.",
            remedy="Correct the name; what is in another group cannot be declared.",
            at=id_,
        )
    return checked(answer, at=id_).document


def _add_datastores(found: ImportedWorkspace, client: Client, workspace: str) -> None:
    """Add the workspace's datastores, beside those that the service makes for each."""
    path = f"{bodies.url_path(workspace)}/datastores"
    for document in pages(client, path, DATASTORE.api_version):
        if not is_default(document):
            add_datastore(found, document)


def _add_connections(found: ImportedWorkspace, client: Client, workspace: str) -> None:
    """Add the workspace's own connections, not those that its hub shares with it."""
    version = CONNECTION.api_version
    for document in pages(client, f"{bodies.url_path(workspace)}/connections", version):
        id_ = parse_arm_id(str(document["id"]))
        if not same_arm_id(str(id_.parent), workspace):
            continue
        path = f"{bodies.url_path(str(id_))}/listsecrets"

        def secrets(path: str = path) -> Document:
            answer = client.send("POST", path, api_version=version)
            if not answer.ok:
                raise NotDeclarableError(_HIDDEN.format(status=answer.status))
            return answer.document

        add_connection(found, document, secrets)


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
        if not _left_out(found, edited.entries(), problems):
            raise file_error(problems, file)


def _left_out(found: ImportedWorkspace, entries: Document, problems: Sequence[Problem]) -> bool:
    """Leave out what the import has added and the file may not have; return whether it is any."""
    lists = (
        ("aml:computes", found.computes, found.leave),
        ("aml:datastores", found.datastores, found.leave_datastore),
        ("aml:connections", found.connections, found.leave_connection),
    )
    any_left = False
    for key, added, leave in lists:
        wrong = {
            str(entries[key][int(match[2])].get("name")): each.message
            for each in problems
            if (match := _ENTRY.match(each.path)) and match[1] == key
        }
        for name in wrong.keys() & {str(each["name"]) for each in added}:
            leave(name, wrong[name].rstrip("."))
            any_left = True
    return any_left
