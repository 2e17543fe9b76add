"""Management locks, at any scope. What they forbid is in `localcloud.chain.locking`."""

from typing import Final

from infra.catalogue.api_versions import LOCKS
from infra.contract.json_types import JsonObject
from localcloud.calls.kinds import Kind
from localcloud.calls.locks import LEVELS, TYPE
from localcloud.calls.messages import Call
from localcloud.calls.refusals import invalid
from localcloud.store.resources import StoredResource


def _lock(_: Call, wanted: JsonObject, __: StoredResource | None) -> JsonObject:
    level = wanted["properties"]["level"]
    if level not in LEVELS:
        says = f"The lock level must be one of {', '.join(LEVELS)}."
        raise invalid([("properties.level", says)])
    return wanted


KINDS: Final = (
    Kind(
        TYPE,
        versions=(LOCKS,),
        required=("properties.level",),
        put=(201, 200),
        provisioning=False,
        system_data=True,
        fill=_lock,
    ),
)
