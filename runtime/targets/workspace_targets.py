"""The targets of a workspace, asked of the workspace itself: no state and no deployment is needed.

What Azure Resource Manager does not tell (host keys, references to credentials) comes from a
manifest that the deployment left in the workspace's storage, or that its people hand over.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.arm.client import Client, azure_client, checked, local_client
from infra.catalogue.api_versions import MACHINE_LEARNING, SUBSCRIPTIONS
from infra.catalogue.compute_kinds import compute_kind
from infra.catalogue.documents import value_at
from infra.catalogue.locations import location_name
from infra.contract.discovery import SUBSCRIPTION, cloud_folder
from infra.contract.errors import (
    CredentialError,
    ProviderError,
    UnknownNameError,
    UnreachableError,
    UsageError,
)
from infra.contract.json_types import Document
from infra.contract.load import nearest
from infra.contract.manifest import Manifest, TargetEntry, WorkspaceEntry

_WORKSPACES: Final = "Microsoft.MachineLearningServices/workspaces"
_NO_GROUP: Final = "ResourceGroupNotFound"
_INNER: Final = "properties.properties"
_NODES: Final = frozenset({"aml_compute", "compute_instance"})
_PRIORITIES: Final = {"dedicated": "dedicated", "lowpriority": "low_priority"}
_BY_REFERENCE: Final = frozenset({"virtual_machine", "hdinsight", "databricks"})
"""Kinds whose credentials are references that the service does not have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which workspace is meant; an empty group or subscription may be any."""

    name: str
    group: str = ""
    subscription: str = ""

    def __str__(self) -> str:
        group = f" in resource group {self.group!r}" if self.group else ""
        return f"{self.name!r}{group}"


def found_workspace(home: Path, wanted: Wanted) -> tuple[Client, Document]:
    """Return a client of the cloud that has a workspace, to be closed, and the ARM document.

    Without a subscription it is looked for in the local cloud of ``home``, if there is one, and
    then wherever the caller can read. Raises what ``find_workspace`` raises.
    """
    local = wanted.subscription.lower() == SUBSCRIPTION
    if not local and (wanted.subscription or not cloud_folder(home).is_dir()):
        return _found(azure_client(), wanted)
    try:
        return _found(local_client(home), replace(wanted, subscription=SUBSCRIPTION))
    except UnknownNameError as error:
        if local:
            raise
        missing = error
    try:
        return _found(azure_client(), wanted)
    except (CredentialError, UnreachableError) as error:
        raise UnknownNameError(
            f"The local cloud of this folder has no workspace {wanted}, and Azure cannot be asked:"
            f" {error.detail}",
            remedy=f"Here: {missing.remedy} On Azure: {error.remedy}",
        ) from error


def _found(client: Client, wanted: Wanted) -> tuple[Client, Document]:
    try:
        return client, find_workspace(client, wanted)
    except BaseException:
        client.close()
        raise


def find_workspace(client: Client, wanted: Wanted) -> Document:
    """Return the ARM document of a workspace.

    Raises ``UnknownNameError`` with the nearest name, ``UsageError`` if several have it.
    """
    subscriptions = [wanted.subscription] if wanted.subscription else _subscriptions(client)
    every = [each for one in subscriptions for each in _workspaces(client, one, wanted.group)]
    found = [each for each in every if str(each["name"]).lower() == wanted.name.lower()]
    if len(found) > 1:
        ids = ", ".join(str(each["id"]) for each in found)
        raise UsageError(
            f"{len(found)} workspaces are named {wanted.name!r}: {ids}.",
            remedy="Name the resource group with -g, and the subscription with --subscription.",
        )
    if found:
        return found[0]
    where = f"subscription {wanted.subscription}" if wanted.subscription else "any subscription"
    raise UnknownNameError(
        f"There is no workspace {wanted}, in {where} that you can read.",
        remedy=nearest(wanted.name, {str(each["name"]): None for each in every}, noun="workspace"),
    )


def workspace_manifest(
    client: Client, workspace: Document, *, stack: str, known: Manifest | None = None
) -> Manifest:
    """Return the manifest of a workspace as it is now.

    ``known`` adds what the service does not tell, about computes that still are what they were.
    """
    id_ = str(workspace["id"])
    computes = _pages(client, f"{id_}/computes", MACHINE_LEARNING)
    region = str(workspace.get("location") or "")
    entries = {str(each["name"]): target_entry(each, region) for each in computes}
    found = Manifest(
        project=known.project if known is not None else str(workspace["name"]),
        stack=stack,
        cloud="local" if client.endpoint.local else "azure",
        workspace=WorkspaceEntry(id=id_, name=str(workspace["name"]), location=region),
        targets=dict(sorted(entries.items())),
    )
    return found if known is None else completed(found, known.targets)


def completed(manifest: Manifest, known: Mapping[str, TargetEntry]) -> Manifest:
    """Return a manifest with what is known of the targets that lack something. Pure."""
    lacking = unknown_parts(manifest)
    targets = {
        name: _completed(entry, known.get(name)) if name in lacking else entry
        for name, entry in manifest.targets.items()
    }
    return replace(manifest, targets=targets)


def target_entry(compute: Document, region: str) -> TargetEntry:
    """Return the entry of a compute, from its ARM document; its workspace is in ``region``."""
    kind = compute_kind(value_at(compute, "properties.computeType"))
    inner = value_at(compute, _INNER) or {}
    priority = str(inner.get("vmPriority") or "").lower()
    port = inner.get("sshPort")
    here = str(value_at(compute, "properties.computeLocation") or region)
    elsewhere = kind in _NODES and location_name(here) != location_name(region)
    cluster = kind == "aml_compute"
    return TargetEntry(
        kind=kind or str(value_at(compute, "properties.computeType")),
        id=str(compute["id"]),
        vm_size=_text(inner.get("vmSize")) if kind in _NODES else None,
        min_nodes=value_at(inner, "scaleSettings.minNodeCount") if cluster else None,
        max_nodes=value_at(inner, "scaleSettings.maxNodeCount") if cluster else None,
        priority=_PRIORITIES.get(priority) if cluster else None,
        location=here if elsewhere else None,
        resource_id=_text(value_at(compute, "properties.resourceId")),
        address=_text(inner.get("address")),
        port=int(port) if port is not None else None,
        user=_text(value_at(inner, "administratorAccount.username")),
    )


def unknown_parts(manifest: Manifest) -> Mapping[str, Sequence[str]]:
    """Return what runs on a target would need and the manifest lacks, by the target's name."""
    lacking: dict[str, list[str]] = {}
    for name, entry in manifest.targets.items():
        if entry.kind not in _BY_REFERENCE:
            continue
        parts = ["credentials"] if not entry.credentials else []
        if entry.kind == "virtual_machine":
            parts += [] if entry.host_key else ["host key"]
            parts += [] if entry.address else ["address"]
        if parts:
            lacking[name] = parts
    return lacking


def _completed(entry: TargetEntry, before: TargetEntry | None) -> TargetEntry:
    """Add what was known of a target, if it still is the same resource."""
    if before is None or before.kind != entry.kind or not _same(entry, before):
        return entry
    return replace(
        entry,
        address=before.address or entry.address,
        port=before.port or entry.port,
        user=entry.user or before.user,
        host_key=before.host_key,
        credentials=before.credentials,
    )


def _same(entry: TargetEntry, before: TargetEntry) -> bool:
    return (entry.resource_id or "").lower() == (before.resource_id or "").lower()


def _text(value: object) -> str | None:
    return str(value) if value else None


def _subscriptions(client: Client) -> Sequence[str]:
    found = _pages(client, "/subscriptions", SUBSCRIPTIONS)
    return [str(each["subscriptionId"]) for each in found]


def _workspaces(client: Client, subscription: str, group: str) -> Iterator[Document]:
    scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
    try:
        yield from _pages(client, f"{scope}/providers/{_WORKSPACES}", MACHINE_LEARNING)
    except ProviderError as error:
        # Of several subscriptions, hardly all have a group of that name.
        if error.code != _NO_GROUP:
            raise


def _pages(client: Client, url: str, version: str) -> Iterator[Document]:
    while url:
        answer = checked(client.send("GET", url, api_version=version), at=url)
        yield from answer.document.get("value") or ()
        # The link to the next page has its own api-version.
        url, version = str(answer.document.get("nextLink") or ""), ""
