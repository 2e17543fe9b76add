"""Whether two values mean the same to ARM, even if they are written differently. Pure.

Locations, ids and VM sizes are compared without case, durations by length, integral numbers by
value, and the identities of a resource as a set.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from infra.catalogue.durations import duration_s
from infra.catalogue.locations import same_location
from infra.catalogue.names import same_arm_id
from infra.contract.provider import UNKNOWN

# The SDK sends `enabled` for a vault by default; the service answers `Enabled`.
_CASELESS: Final = frozenset({"vmSize", "virtualMachineSize", "agentVmSize", "publicNetworkAccess"})
_LOCATIONS: Final = frozenset({"location", "computeLocation"})
IDENTITIES: Final = "identity.userAssignedIdentities"


def same(path: str, one: object, other: object) -> bool:
    """Return whether two leaves at ``path`` mean the same. Unknown equals nothing."""
    if UNKNOWN in (one, other):
        return False
    # In Python True == 1, but not in JSON.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other or _same_text(path.rpartition(".")[2], one, other)
    return bool(one == other)


def identities(value: object) -> frozenset[str]:
    """Return the ids of user-assigned identities: Pulumi lists them, ARM maps them."""
    return (
        frozenset(str(item).lower() for item in value)
        if isinstance(value, Iterable)
        else frozenset()
    )


def known(value: object) -> bool:
    """Return whether a value is known at every depth."""
    if isinstance(value, Mapping):
        return all(known(item) for item in value.values())
    if isinstance(value, list):
        return all(known(item) for item in value)
    return bool(value != UNKNOWN)


def _same_text(name: str, one: str, other: str) -> bool:
    if name in _LOCATIONS:
        return same_location(one, other)
    if one.startswith("/subscriptions/") and other.startswith("/subscriptions/"):
        return same_arm_id(one, other)
    if name in _CASELESS:
        return one.lower() == other.lower()
    length = duration_s(one)
    return length is not None and length == duration_s(other)
