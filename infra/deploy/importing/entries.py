"""From an existing workspace and what is named beside it to a stack file. Pure.

Its prerequisites (group, storage, vault, insights, registry) are referenced by id and left alone;
the workspace, its computes, datastores and connections are adopted, under the ids of `aml:adopt`,
and so are the registries and Kubernetes clusters that somebody named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from infra.arm import bodies
from infra.catalogue.documents import value_at
from infra.catalogue.locations import location_name, same_location
from infra.catalogue.names import parse_arm_id, qualified, same_arm_id
from infra.catalogue.types.table import arm_type, variant_of_body
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.deploy.drift.adopt import write
from infra.deploy.importing.computes import ROW
from infra.deploy.importing.connections import (
    NotDeclarableError,
    Secrets,
    imported_connection,
)
from infra.deploy.importing.datastores import imported_datastore
from infra.deploy.importing.services import imported_cluster, imported_registry
from infra.deploy.stack.file_entries import (
    CREDENTIALS,
    WORKSPACE_ROWS,
    entry,
    kind_of,
    rows_of,
)
from infra.spec.editing import StackFile

WORKSPACE: Final = arm_type("Microsoft.MachineLearningServices/workspaces")
_COMPUTE: Final = "azure-native:machinelearningservices:Compute"
_DATASTORE: Final = "azure-native:machinelearningservices:Datastore"
_CONNECTION: Final = "azure-native:machinelearningservices:WorkspaceConnection"
_REGISTRY: Final = "azure-native:machinelearningservices:Registry"
_CLUSTER: Final = "azure-native:containerservice:ManagedCluster"
_EXTENSION: Final = "azure-native:kubernetesconfiguration:Extension"
_ADOPTED: Final = "platform-workspace"
_OPTIONAL: Final = {
    "application_insights": "application_insights_id",
    "container_registry": "container_registry_id",
}
_OF_HUB: Final = frozenset({"storage_account_id", "key_vault_id", *_OPTIONAL.values()})
"""What a project has from its hub."""
# Kinds with accounts of their own, by the key that opens them.
_INNER: Final = "properties.properties"
_SSH_OPEN: Final = f"{_INNER}.sshSettings.sshPublicAccess"
_WITH_LOGIN: Final = {"aml_compute": "admin", "compute_instance": "ssh_public_key"}


@dataclass(slots=True)
class ImportedWorkspace:
    """What goes into the stack file. ``variables`` have to be set before it can be deployed."""

    workspace: JsonObject
    location: str
    subscription: str
    computes: list[JsonObject] = field(default_factory=list)
    datastores: list[JsonObject] = field(default_factory=list)
    connections: list[JsonObject] = field(default_factory=list)
    registries: list[JsonObject] = field(default_factory=list)
    clusters: list[JsonObject] = field(default_factory=list)
    adopt: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """Variable to what it is for: a compute's name, `connection NAME` or `datastore NAME`."""
    left: list[str] = field(default_factory=list)

    @property
    def cloud(self) -> str:
        return "local" if self.subscription.lower() == SUBSCRIPTION else "azure"

    def adopts(self, token: str, name: str, document: Document) -> None:
        """Adopt a resource as ``name``; a compute and a datastore may well have the same name."""
        key = qualified(token, name) if name in self.adopt else name
        self.adopt[key] = str(parse_arm_id(str(document["id"])))

    def leave(self, name: str, why: str) -> None:
        """Leave a compute out of the file, with the reason."""
        self._leave("computes", name, name, why)

    def leave_datastore(self, name: str, why: str) -> None:
        """Leave a datastore out of the file, with the reason."""
        self._leave("datastores", name, f"datastore {name}", why)

    def leave_connection(self, name: str, why: str) -> None:
        """Leave a connection out of the file, with the reason."""
        self._leave("connections", name, f"connection {name}", why)

    def _leave(self, kind: str, name: str, label: str, why: str) -> None:
        """``kind`` is the list of it here, and its collection in the service."""
        entries = [each for each in getattr(self, kind) if each["name"] != name]
        setattr(self, kind, entries)
        self.variables = {key: each for key, each in self.variables.items() if each != label}
        id_ = f"{self.adopt[_ADOPTED]}/{kind}/{name}"
        self.adopt = {key: each for key, each in self.adopt.items() if not same_arm_id(each, id_)}
        self.left.append(f"{label}: {why}")


def imported(workspace: Document, computes: Iterable[Document]) -> ImportedWorkspace:
    """Return the declaration of a workspace and its computes, from their ARM documents."""
    where = parse_arm_id(str(workspace["id"]))
    inputs = bodies.inputs_of(WORKSPACE, str(where), workspace, {})
    said = _with_primary_identity(entry(WORKSPACE_ROWS, inputs), inputs)
    hub = inputs.get("hubResourceId")
    if hub:
        own = {key: value for key, value in said.items() if key not in _OF_HUB}
        said = {**own, "kind": "project", "hub_id": hub}
    else:
        _refuse_dependent(where.name, inputs)
    without = [] if hub else [name for name, key in _OPTIONAL.items() if key not in said]
    found = ImportedWorkspace(
        {
            "name": where.name,
            "resource_group": where.resource_group,
            "group_exists": True,
            "protect": True,
            **said,
            **({"without": without} if without else {}),
            **({"tags": inputs["tags"]} if inputs.get("tags") else {}),
        },
        location_name(str(inputs["location"])),
        where.subscription,
        adopt={_ADOPTED: str(where)},
    )
    for document in computes:
        _add(found, document)
    return found


def add_datastore(found: ImportedWorkspace, document: Document) -> None:
    """Add a datastore of the workspace, or the reason why it is left out."""
    name = str(document["name"])
    try:
        made = imported_datastore(document, str(found.workspace.get("storage_account_id") or ""))
    except NotDeclarableError as error:
        found.leave_datastore(name, str(error))
        return
    found.datastores.append(made.entry)
    found.adopts(_DATASTORE, f"platform-{name}", document)
    found.variables |= dict.fromkeys(made.variables, f"datastore {name}")


def add_connection(found: ImportedWorkspace, document: Document, secrets: Secrets) -> None:
    """Add a connection of the workspace, or the reason why it is left out.

    ``secrets`` asks for the connection with its credentials.
    """
    name = str(document["name"])
    try:
        made = imported_connection(document, secrets)
    except NotDeclarableError as error:
        found.leave_connection(name, str(error))
        return
    found.connections.append(made.entry)
    found.adopts(_CONNECTION, f"platform-connection-{name}", document)
    found.variables |= dict.fromkeys(made.variables, f"connection {name}")


def add_registry(found: ImportedWorkspace, document: Document) -> None:
    """Add a registry, or the reason why it is left out."""
    name = str(document["name"])
    try:
        found.registries.append(imported_registry(document, found.location))
    except NotDeclarableError as error:
        found.left.append(f"registry {name}: {error}")
        return
    found.adopts(_REGISTRY, f"platform-registry-{name}", document)


def add_cluster(found: ImportedWorkspace, document: Document, extension: Document) -> None:
    """Add a Kubernetes cluster, and name it where it is attached; or the reason to leave it out."""
    id_ = str(parse_arm_id(str(document["id"])))
    name = str(document["name"])
    try:
        found.clusters.append(imported_cluster(document, extension, found.location))
    except NotDeclarableError as error:
        found.left.append(f"cluster {name}: {error}")
        return
    found.adopts(_CLUSTER, f"platform-cluster-{name}", document)
    found.adopts(_EXTENSION, f"platform-cluster-{name}-extension", extension)
    for compute in found.computes:
        if same_arm_id(str(compute.get("resource_id") or ""), id_):
            del compute["resource_id"]
            compute["cluster"] = name


def write_import(found: ImportedWorkspace, file: StackFile) -> None:
    """Write it into a new or existing stack file; what the file already declares is kept."""
    known = file.entries()
    declared = known.get("aml:workspace")
    if declared and declared.get("name") != found.workspace["name"]:
        raise UsageError(
            f"The stack already has a workspace, {declared.get('name')!r}.",
            remedy="Import into another stack with `-s STACK`.",
        )
    write(file, "aml:cloud", found.cloud)
    write(file, "azure-native:location", found.location)
    if found.cloud == "azure":
        write(file, "azure-native:subscriptionId", found.subscription)
    if not declared:
        write(file, "aml:workspace", found.workspace)
    for key, entries in (
        ("aml:kubernetes_clusters", found.clusters),
        ("aml:computes", found.computes),
        ("aml:datastores", found.datastores),
        ("aml:connections", found.connections),
        ("aml:registries", found.registries),
    ):
        there = known.get(key) or []
        names = {each.get("name") for each in there}
        new = [each for each in entries if each["name"] not in names]
        for index, each in enumerate(new, len(there)):
            write(file, f"{key}[{index}]", each)
    write(file, "aml:adopt", found.adopt)


def _add(found: ImportedWorkspace, document: Document) -> None:
    row = variant_of_body(ROW, document)
    id_ = str(parse_arm_id(str(document["id"])))
    inputs = bodies.inputs_of(row, id_, document, {})
    name, kind = str(document["name"]), kind_of(inputs)
    if kind is None:
        found.leave(name, "a stack file cannot declare computes of its kind")
        return
    if kind == "compute_instance" and _has_hidden_key(inputs):
        found.leave(name, "its SSH port is open, and the service does not return the public key")
        return
    said = _declaration(found, name, kind, inputs)
    found.computes.append(said)
    found.adopts(_COMPUTE, f"platform-{name}", document)


def _declaration(found: ImportedWorkspace, name: str, kind: str, inputs: Document) -> JsonObject:
    """Return the entry of a compute; credentials become references to new variables."""
    said: JsonObject = {"kind": kind, "name": name, **entry(rows_of(kind), inputs)}
    if kind in CREDENTIALS:
        said[CREDENTIALS[kind]] = f"env:{_variable(found, name, CREDENTIALS[kind])}"
    if "admin" in said:
        said["admin"]["password"] = f"env:{_variable(found, name, 'admin_password')}"
    if value_at(inputs, _SSH_OPEN) != "Enabled":
        said.pop("ssh_public_key", None)
    if kind in _WITH_LOGIN:
        disabled = bool(value_at(inputs, "properties.disableLocalAuth"))
        if disabled == (_WITH_LOGIN[kind] in said):  # otherwise it is the default
            said["disable_local_auth"] = disabled
    if "resource_id" in said:
        said.pop("address", None)  # the service derives it
    if not same_location(str(inputs.get("location") or found.location), found.location):
        said["location"] = location_name(str(inputs["location"]))
    if inputs.get("tags"):
        said["tags"] = inputs["tags"]
    return said


def _variable(found: ImportedWorkspace, name: str, what: str) -> str:
    variable = "".join(c if c.isalnum() else "_" for c in f"{name}_{what}").upper()
    found.variables[variable] = name
    return variable


def _with_primary_identity(said: JsonObject, inputs: Document) -> JsonObject:
    """Return the workspace's entry with the identity it acts as: the first of its own, or a key."""
    primary, identity = inputs.get("primaryUserAssignedIdentity"), said.get("identity") or {}
    if not primary or identity.get("type") not in ("user_assigned", "system_and_user_assigned"):
        return said
    if identity["type"] == "system_and_user_assigned":
        return {**said, "primary_identity_id": primary}
    others = [each for each in identity.get("ids", ()) if not same_arm_id(each, str(primary))]
    return {**said, "identity": {**identity, "ids": [primary, *others]}}


def _refuse_dependent(name: str, inputs: Document) -> None:
    """Refuse a workspace without storage account or key vault that names no hub."""
    missing = [key for key in ("storageAccount", "keyVault") if not inputs.get(key)]
    if missing:
        raise UsageError(
            f"Workspace {name!r} (kind {inputs.get('kind')}) has no {' and no '.join(missing)} of"
            " its own, which a stack file cannot declare.",
            remedy="Import the workspace that it belongs to instead.",
        )


def _has_hidden_key(inputs: Document) -> bool:
    settings = value_at(inputs, f"{_INNER}.sshSettings") or {}
    return settings.get("sshPublicAccess") == "Enabled" and not settings.get("adminPublicKey")
