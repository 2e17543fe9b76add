"""Batch accounts as ARM resources: keys and endpoint; what the service lacks is refused by name."""

from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.behaviours.minting import two_keys, with_new_keys, with_properties
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.uniqueness import require_unique_name
from localcloud.services.batch import files, jobs, pools, tasks
from localcloud.services.batch.engine import BatchEngine
from localcloud.services.batch.refusals import unsupported
from localcloud.services.batch.service import ACCOUNTS, BatchCall, routes
from localcloud.store.resources import StoredResource

_KEYS: Final = ("Primary", "Secondary")


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    require_unique_name(call, "AccountAlreadyTaken", old)
    quotas = {
        "dedicatedCoreQuota": 1_000_000,
        "lowPriorityCoreQuota": 1_000_000,
        "poolQuota": 100,
        "activeJobAndJobScheduleQuota": 1000,
        "poolAllocationMode": "BatchService",
        "publicNetworkAccess": "Enabled",
    }
    return with_properties(wanted, quotas)


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Add the endpoint on reading, because the cloud's port may change."""
    endpoint = f"{call.cloud.authority}/batch/{resource.name}"
    return {**body, "properties": {**body["properties"], "accountEndpoint": endpoint}}


def _removed(call: Call, account: StoredResource) -> None:
    call.cloud.engine(BatchEngine).forget(account.name.lower())


def _list_keys(call: Call) -> Reply:
    return answer(_keys(existing(call)))


def _regenerate_key(call: Call) -> Reply:
    which = str(call.json().get("keyName"))
    if which not in _KEYS:
        raise RefusedError(400, "InvalidKeyName", f"keyName is one of {', '.join(_KEYS)}.")
    return answer(_keys(with_new_keys(call, _KEYS.index(which))))


def _keys(account: StoredResource) -> JsonObject:
    primary, secondary = account.secrets["keys"]
    return {"accountName": account.name, "primary": primary, "secondary": secondary}


def _refuse(on: BatchCall) -> Reply:
    part = on.call.params.get("rest") or on.call.path.rpartition("/")[2]
    raise unsupported(f"{on.call.method} {part}", "docs/local-cloud.md lists what it does support.")


KINDS: Final = (
    replace(
        kind_of(ACCOUNTS),
        minted=two_keys,
        fill=_fill,
        show=_show,
        removed=_removed,
        actions={"listKeys": _list_keys, "regenerateKeys": _regenerate_key},
    ),
)
ROUTES: Final[tuple[Route, ...]] = (
    *pools.ROUTES,
    *jobs.ROUTES,
    *tasks.ROUTES,
    *files.ROUTES,
    *routes((("*", "/{rest:path}", _refuse),)),
)
