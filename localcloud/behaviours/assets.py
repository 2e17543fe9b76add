"""Versioned assets of a workspace: code, environments, data, models, components.

Of a version only the description, tags, stage and archive flag can change, and properties be added;
its container is created with the first version. Archived ones are listed only if ``listViewType``
asks for them. Files are uploaded to the blob plane; ``startPendingUpload`` returns where.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING_ASSETS
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.assets import ASSET_DEFAULTS, REGISTRY, without_registry
from localcloud.calls.kinds import Fill, Kind
from localcloud.calls.lookups import existing, find, require_parents
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.numbers import count_asked
from localcloud.calls.paths import has
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.shared_access import account_keys, container_token
from localcloud.calls.system_data import system_data
from localcloud.store.resources import StoredResource

_ML: Final = "Microsoft.MachineLearningServices/workspaces"
# container → required property of a version
ASSETS: Final = {
    "codes": "codeUri",
    "environments": None,
    "data": "dataUri",
    "models": "modelUri",
    "components": "componentSpec",
}
_CHANGEABLE: Final = frozenset({"description", "tags", "isArchived", "provisioningState", "stage"})
# What azure-ai-ml asks for when it wants a component and names no version.
_DEFAULT_VERSION: Final = "azureml_default"
_VIEWS: Final = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}


def _plain_name(call: Call) -> Reply | None:
    """Drop the ``azureml:`` that some clients put in front of an asset's name."""
    container = call.arm.names[1] if len(call.arm.names) > 1 else ""
    if container.lower().startswith("azureml:"):
        names = (call.arm.names[0], container[len("azureml:") :], *call.arm.names[2:])
        call.target = type(call.arm)(
            call.arm.subscription,
            call.arm.resource_group,
            call.arm.namespace,
            call.arm.types,
            names,
        )
    return None


def _default_version(call: Call) -> None:
    """Address the newest version if the call asks for the default one."""
    _plain_name(call)
    if call.arm.name != _DEFAULT_VERSION:
        return
    versions = call.cloud.store.resources.children(
        str(call.arm.parent), type=call.arm.type, now=call.now
    )
    active = [each for each in versions if not each.properties.get("isArchived")]
    if active or versions:
        call.target = parse_arm_id((active or versions)[-1].id)


def _put_version(call: Call) -> Reply | None:
    """Create the container of a first version, then continue with the generic PUT."""
    _plain_name(call)
    require_parents(call, call.arm.parent)
    workspace = existing(call, call.arm.parent.parent)
    container = call.arm.parent
    needed = ASSETS[container.types[-1]]
    if needed and not has(call.json(), f"properties.{needed}"):
        # Before its container is made, which a refused version must not leave behind.
        path = f"properties.{needed}"
        raise invalid([(path, f"The property '{path}' is required.")])
    if find(call, str(container)) is None:
        call.cloud.store.resources.put(
            StoredResource(
                id=f"{workspace.id}/{container.types[-1]}/{container.name}",
                type=container.type,
                parent=workspace.id,
                document={
                    "properties": dict(ASSET_DEFAULTS),
                    "systemData": system_data(call),
                },
                created=call.now,
                modified=call.now,
                scope=workspace.scope,
            )
        )
    return None


def _fill(_call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    given = {k: v for k, v in (wanted.get("properties") or {}).items() if v is not None}
    properties = {**ASSET_DEFAULTS, **given}
    if old is not None:
        keys = (given.keys() | old.properties.keys()) - _CHANGEABLE
        changed = sorted(k for k in keys & given.keys() if _differs(k, given, old))
        if changed:
            raise RefusedError(
                409,
                "Conflict",
                f"Version '{old.name}' already exists and cannot be changed; it differs in "
                f"{', '.join(changed)}. Register a new version.",
            )
        properties = {**old.properties, **properties}
    kept = {REGISTRY: old.document[REGISTRY]} if old and REGISTRY in old.document else {}
    return {**without_registry(wanted), **kept, "properties": properties}


def _differs(key: str, given: Document, old: StoredResource) -> bool:
    """Return whether a value is another one; properties may be added, none may change or go."""
    known = old.properties.get(key)
    if key == "properties" and isinstance(known, Mapping) and isinstance(given[key], Mapping):
        return any(given[key].get(name) != value for name, value in known.items())
    return bool(given[key] != known)


def _fill_environment(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    body = _fill(call, wanted, old)
    properties = {"environmentType": "UserCreated", "osType": "Linux", **body["properties"]}
    return {**body, "properties": properties}


def _in_view(call: Call, resources: Iterable[StoredResource]) -> list[StoredResource]:
    """Return the resources that ``listViewType`` asks for: those not archived, by default."""
    asked = call.query.get("listviewtype") or "ActiveOnly"
    if asked.lower() not in _VIEWS:
        says = f"listViewType is '{asked}'; use ActiveOnly, ArchivedOnly or All."
        raise invalid([("listViewType", says)])
    return [
        each
        for each in resources
        if bool(each.properties.get("isArchived")) in _VIEWS[asked.lower()]
    ]


def _list_containers(call: Call) -> Reply:
    """List containers, as the generic list does, in the view that is asked for."""
    workspace = existing(call, call.arm)
    found = call.cloud.store.resources.children(workspace.id, type=call.collection, now=call.now)
    shown = (_show_container(call, each, _document(each)) for each in _in_view(call, found))
    return page(shown)


def _list_versions(call: Call) -> Reply:
    """List versions, newest first; with ``hash``, those of any code asset in the workspace."""
    _plain_name(call)
    # azure-ai-ml looks for uploaded code by its hash under a name that need not exist.
    if "hash" in call.query:
        return page(_document(each) for each in _with_hash(call))
    if find(call, str(call.arm)) is None:
        require_parents(call, call.arm)
        return page(())
    versions = call.cloud.store.resources.children(
        str(call.arm), type=call.collection, now=call.now
    )
    found = _in_view(call, versions)
    newest_first = sorted(found, key=lambda each: each.created, reverse=True)
    top = count_asked(call, "$top") or None
    return page(_document(each) for each in newest_first[:top])


def _with_hash(call: Call) -> list[StoredResource]:
    workspace = existing(call, call.arm.parent)
    versions = call.cloud.store.resources.of_type(
        call.collection, scope=workspace.scope, now=call.now
    )
    wanted = call.query["hash"]
    return [
        each
        for each in versions
        if each.key.startswith(f"{workspace.key}/")
        and (each.properties.get("properties") or {}).get("hash_sha256") == wanted
    ][:1]


def _document(resource: StoredResource) -> JsonObject:
    state = {"provisioningState": "Succeeded"}
    return {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        **without_registry(resource.document),
        "properties": {**resource.properties, **state},
    }


def _show_container(call: Call, container: StoredResource, body: JsonObject) -> JsonObject:
    versions = call.cloud.store.resources.children(container.id, now=call.now)
    latest = max(versions, key=lambda each: each.created).name if versions else None
    following = str(int(latest) + 1) if latest and latest.isdecimal() else "1"
    shown = {"latestVersion": latest, "nextVersion": following}
    return {**without_registry(body), "properties": {**body["properties"], **shown}}


def _show_version(_: Call, __: StoredResource, body: JsonObject) -> JsonObject:
    return without_registry(body)


def _start_pending_upload(call: Call) -> Reply:
    """Respond with where to upload a version's files; a later PUT creates the version."""
    require_parents(call, call.arm.parent)
    workspace = existing(call, call.arm.parent.parent)
    account_id = str(workspace.properties.get("storageAccount"))
    account = account_id.rpartition("/")[2]
    container = f"azureml-{workspace.properties['workspaceId']}"
    uri = f"{call.origin}/{account}/{container}"
    if not account_keys(call.cloud, account):
        says = f"The storage account '{account}' of the workspace does not exist any more."
        raise RefusedError(409, "Conflict", says, target=account_id)
    token = container_token(call.cloud, account, container)
    return answer(
        {
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": account_id,
                "credential": {"credentialType": "SAS", "sasUri": f"{uri}?{token}"},
            },
        }
    )


def _fill_model(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    body = _fill(call, wanted, old)
    # azure-ai-ml reads the flavors of every model without asking whether there are any.
    return {**body, "properties": {"flavors": {}, **body["properties"]}}


_FILL: Final[dict[str, Fill]] = {"environments": _fill_environment, "models": _fill_model}


def _kinds(container: str, required: str | None) -> tuple[Kind, Kind]:
    fill = _FILL.get(container, _fill)
    versions = Kind(
        f"{_ML}/{container}/versions",
        versions=MACHINE_LEARNING_ASSETS,
        required=(f"properties.{required}",) if required else ("properties",),
        system_data=True,
        fill=fill,
        show=_show_version,
        actions={"startPendingUpload": _start_pending_upload},
        handlers={
            "PUT": _put_version,
            "GET": _default_version,
            "LIST": _list_versions,
            "DELETE": _plain_name,
        },
    )
    holder = Kind(
        f"{_ML}/{container}",
        versions=MACHINE_LEARNING_ASSETS,
        read_only=("properties.latestVersion", "properties.nextVersion"),
        system_data=True,
        fill=_fill,
        show=_show_container,
        handlers={"GET": _plain_name, "LIST": _list_containers},
    )
    return holder, versions


KINDS: Final = tuple(kind for name, needed in ASSETS.items() for kind in _kinds(name, needed))
