"""Who made a resource and who changed it last, as every document of ARM has it."""

from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource


def system_data(call: Call, old: StoredResource | None = None) -> JsonObject:
    """Return the ``systemData`` of what a call writes; ``old`` is what it replaces."""
    who = str(call.caller.get("oid", "local-user"))
    made = old.document.get("systemData") if old else None
    created = made or {
        "createdBy": who, "createdByType": "Application", "createdAt": iso(call.now),
    }  # fmt: skip
    return {
        **created,
        "lastModifiedBy": who,
        "lastModifiedByType": "Application",
        "lastModifiedAt": iso(call.now),
    }
