"""Generic PUT and PATCH of ARM resources: what is written, kept or ignored, and the response."""

from dataclasses import dataclass, replace
from typing import Final

from infra.catalogue.locations import location_name, same_location
from infra.contract.json_types import JsonObject
from localcloud.behaviours.references import require_references
from localcloud.calls.fault_injection import InjectedFailure
from localcloud.calls.identities import with_identity
from localcloud.calls.kinds import IgnoredChanges, Kind
from localcloud.calls.long_running import begin, operation_s
from localcloud.calls.lookups import existing, find, require_parents
from localcloud.calls.messages import Call, Handler, Reply, answer
from localcloud.calls.paths import found, has, merged, placed, without
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.system_data import system_data
from localcloud.chain.addressing import Types, spelled_id
from localcloud.chain.reading import shown
from localcloud.store.resources import StoredResource

ACCEPTED: Final = 202
# ARM's limits: "Tag limitations" on Microsoft's page about tagging resources.
_MOST_TAGS, _TAG_NAME, _TAG_VALUE = 50, 512, 256
_ERRORS: Final = "properties.provisioningErrors"
_ALWAYS_READ_ONLY: Final = ("id", "name", "type", "systemData", "etag",
                            "properties.provisioningState")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Written:
    """A resource that was stored, its previous version, and the response to send."""

    new: StoredResource
    old: StoredResource | None
    status: int
    headers: dict[str, str]
    failed: bool


def put(types: Types) -> Handler:
    """Return the handler of PUT: create a resource, or replace what the caller may set."""

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.arm.type)
        if call.method != "PUT" or call.collection or call.action or kind is None:
            return None
        body = call.json()
        with call.cloud.store.database.write():
            old = find(call, str(call.arm))
            if old is None:
                require_parents(call, call.arm)
            _require_preconditions(call, old)
            _require_complete(kind, body, old)
            done = _written(call, kind, body, old, kind.put[old is not None])
        return _finished(call, kind, done)

    return handler


def patch(types: Types) -> Handler:
    """Return the handler of PATCH: a merge patch, except that tags are replaced as a whole."""

    def handler(call: Call) -> Reply | None:
        kind = types.kind(call.arm.type)
        if call.method != "PATCH" or call.collection or call.action or kind is None:
            return None
        change = without(call.json(), (*_ALWAYS_READ_ONLY, *kind.read_only))
        with call.cloud.store.database.write():
            old = existing(call)
            _require_preconditions(call, old)
            _require_valid_tags(change.get("tags"))
            wanted = merged(dict(old.document), change)
            # ARM's contract: the tags of a PATCH replace all tags, unlike a JSON merge patch.
            if "tags" in change:
                wanted["tags"] = change["tags"] or {}
            done = _written(call, kind, wanted, old, kind.patched)
        return _finished(call, kind, done)

    return handler


def _require_preconditions(call: Call, old: StoredResource | None) -> None:
    if call.headers.get("if-none-match") == "*" and old is not None:
        raise RefusedError(412, "PreconditionFailed", "The resource already exists.")
    if call.headers.get("if-match") == "*" and old is None:
        raise RefusedError(412, "PreconditionFailed", "The resource does not exist.")
    if old is not None and old.gone is not None:
        raise RefusedError(
            409, "Conflict", f"The resource '{old.id}' is being deleted; repeat the call later."
        )


def _require_complete(kind: Kind, body: JsonObject, old: StoredResource | None) -> None:
    if kind.location and old is None and not has(body, "location"):
        raise RefusedError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    _require_valid_tags(body.get("tags"))
    missing = [path for path in kind.required if not has(body, path)]
    missing += [
        path
        for path in kind.required_inside
        if has(body, path.rpartition(".")[0]) and not has(body, path)
    ]
    if missing:
        raise invalid([(path, f"The property '{path}' is required.") for path in missing])


def _require_valid_tags(tags: object) -> None:
    """Refuse tags that are not an object of strings, too many, or too long."""
    if tags is None:
        return
    if not isinstance(tags, dict) or not all(isinstance(v, str | None) for v in tags.values()):
        raise invalid([("tags", "The tags must be an object whose values are strings.")])
    if len(tags) > _MOST_TAGS:
        raise invalid([("tags", f"There are {len(tags)} tags; {_MOST_TAGS} are allowed.")])
    long = [k for k, v in tags.items() if len(k) > _TAG_NAME or len(v or "") > _TAG_VALUE]
    if long:
        says = f"The tag '{long[0]}' is too long: {_TAG_NAME} for a name, {_TAG_VALUE} for a value."
        raise invalid([(f"tags.{long[0]}", says)])


def _written(
    call: Call, kind: Kind, body: JsonObject, old: StoredResource | None, status: int
) -> _Written:
    """Store the resource that ``body`` asks for, and its operation if it has one.

    Runs inside the write transaction, so that a resource never exists without its operation.
    """
    _require_same_location(body, old)
    secrets = {path: value for rule in kind.secrets for path, value in found(body, rule)}
    read_only = (*_ALWAYS_READ_ONLY, *kind.read_only)
    wanted = without(body, (*read_only, *kind.secrets))
    if old is not None:
        wanted = placed(wanted, _kept(kind, wanted, old))
        wanted.setdefault("location", old.document.get("location"))
    if wanted.get("location"):
        wanted["location"] = location_name(wanted["location"])
    wanted = with_identity(call, wanted, old)
    wanted = {key: value for key, value in wanted.items() if value is not None}
    if kind.system_data:
        wanted["systemData"] = system_data(call, old)
    document = kind.fill(call, wanted, old) if kind.fill else wanted
    if old is not None and kind.ignored_changes is not None:
        document = _without_ignored_changes(kind.ignored_changes, document, old, secrets)
    before = old.properties if old else {}
    require_references(call, kind.type, document.get("properties") or {}, before)
    failure = _failure(call, kind)
    if _ERRORS in kind.read_only:
        errors = [{"error": failure.error}] if failure else None
        document = placed(document, {_ERRORS: errors})
    resource = _resource(call, kind, document, old, secrets)
    resource = replace(resource, outcome="Failed" if failure else "Succeeded")
    call.cloud.store.resources.put(resource)
    headers = _operation(call, kind, resource, failure, status)
    return _Written(resource, old, status, headers, failed=failure is not None)


def _operation(
    call: Call, kind: Kind, resource: StoredResource, failure: InjectedFailure | None, status: int
) -> dict[str, str]:
    """Start the operation of a polled write; return the headers that point to it."""
    if call.method not in kind.polled:
        return {}
    return begin(
        call,
        resource.id,
        ready=resource.ready,
        result="resource",
        error=failure.error if failure else None,
        location_header=status == ACCEPTED,
    )


def _without_ignored_changes(
    ignored_changes: IgnoredChanges,
    document: JsonObject,
    old: StoredResource,
    secrets: JsonObject,
) -> JsonObject:
    """Return the new body with the old values at paths whose change the service ignores."""
    before = placed(dict(old.document), old.secrets)
    after = placed(document, {**old.secrets, **_given(secrets)})
    for path in ignored_changes(before, after):
        kept = dict(found(dict(old.document), path))
        document = placed(without(document, [path]), kept)
    return document


def _given(secrets: JsonObject) -> JsonObject:
    return {path: value for path, value in secrets.items() if value not in (None, "")}


def _failure(call: Call, kind: Kind) -> InjectedFailure | None:
    """Return the failure injected into the operation of this call, if there is one."""
    if call.method not in kind.polled:
        return None
    return call.cloud.fault_injection.take_failure(
        call.method, kind.type, call.arm.name, refused=False
    )


def _kept(kind: Kind, wanted: JsonObject, old: StoredResource) -> JsonObject:
    """Return the read-only values of ``old`` by path, if their parents are still in the body."""
    return {
        path: value
        for rule in kind.read_only
        for path, value in found(dict(old.document), rule)
        if _stays(wanted, path.rpartition(".")[0])
    }


def _stays(wanted: JsonObject, container: str) -> bool:
    if container == "identity":  # see `localcloud.calls.identities`
        return False
    return container in {"properties", "properties.properties"} or has(wanted, container)


def _resource(
    call: Call, kind: Kind, document: JsonObject, old: StoredResource | None, secrets: JsonObject
) -> StoredResource:
    now = call.now
    polled = call.method in kind.polled
    ready = now + (operation_s(call, kind.type) if polled else 0.0)
    given = _given(secrets)
    if old is not None:
        return replace(
            old, document=document, modified=now, ready=ready, state="Updating",
            secrets={**old.secrets, **given},
        )  # fmt: skip
    parent = existing(call, call.arm.parent).id if _has_parent(call) else str(call.arm.parent)
    return StoredResource(
        id=spelled_id(call.arm, parent),
        type=kind.type,
        parent=parent,
        document=document,
        created=now,
        modified=now,
        ready=ready,
        scope=_group(call),
        secrets={**(kind.minted(call) if kind.minted else {}), **given},
    )


def _has_parent(call: Call) -> bool:
    return bool(call.arm.namespace and (call.arm.parent.namespace or call.arm.resource_group))


def _group(call: Call) -> str:
    if call.arm.namespace is None or call.arm.resource_group is None:
        return ""
    return f"/subscriptions/{call.arm.subscription}/resourceGroups/{call.arm.resource_group}"


def _require_same_location(body: JsonObject, old: StoredResource | None) -> None:
    before = old.document.get("location") if old else None
    after = body.get("location")
    if old and before and after and not same_location(before, after):
        raise RefusedError(
            409,
            "InvalidResourceLocation",
            f"The resource '{old.name}' already exists in location '{before}'. A resource with "
            f"the same name cannot be created in location '{after}'. Please select a new resource "
            "name.",
            target="location",
        )


def _finished(call: Call, kind: Kind, done: _Written) -> Reply:
    """Run the ``stored`` hook, make the response, and run the ``begun`` hook."""
    # A resource whose create failed was never reported to the hooks, so it is new to them now.
    before = done.old if done.old and done.old.outcome == "Succeeded" else None
    if kind.stored is not None and not done.failed:
        kind.stored(call, done.new, before)
    reply = _response(call, kind, done)
    if kind.begun is not None and before is None and not done.failed:
        kind.begun(call, done.new)
    return reply


def _response(call: Call, kind: Kind, done: _Written) -> Reply:
    """Make the response to a write.

    The first response of an operation never reports it as done: clients poll until it is.
    """
    new, headers = done.new, done.headers
    if not headers:
        return answer(shown(call, kind, new), done.status)
    # Storage polls Location only, and its client takes the last response as the account.
    if kind.location_only and done.status == ACCEPTED:
        del headers["Azure-AsyncOperation"]
        return Reply(ACCEPTED, b"", headers)
    return answer(shown(call, kind, new, state=new.state), done.status, headers)
