"""Names that must be free in all of the cloud, not only in their group."""

from localcloud.calls.faults import RefusedError
from localcloud.calls.messages import Call
from localcloud.store.resources import Resource


def require_unique_name(call: Call, code: str, old: Resource | None) -> None:
    """Refuse a new resource whose name another one of its type has, in any group."""
    name = call.arm.name
    others = call.cloud.store.resources.of_type(call.arm.type, name=name, now=call.now)
    if old is None and others:
        raise RefusedError(409, code, f"The name '{name}' is already taken.", target=name)
