"""Names that must be unique in the whole cloud, not only in their group."""

from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource


def require_unique_name(call: Call, code: str, old: StoredResource | None) -> None:
    """Refuse a new resource if another of its type has its name, in any group."""
    name = call.arm.name
    others = call.cloud.store.resources.of_type(call.arm.type, name=name, now=call.now)
    if old is None and others:
        raise RefusedError(409, code, f"The name '{name}' is already taken.", target=name)
