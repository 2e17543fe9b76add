"""Names of the resources a workspace stands on, made from the workspace's own.

Storage accounts, vaults and registries share one name space across all of Azure: a hash of
where the workspace lies keeps two workspaces of one name apart. The same stack file always gives
the same names.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_HASH: Final = 8


@dataclass(frozen=True, slots=True)
class DerivedNames:
    """Valid names, each within its own type's rule (24 characters for the first two)."""

    storage_account: str
    key_vault: str
    container_registry: str
    log_analytics: str
    application_insights: str


def derived_names(workspace: str, resource_group: str, location: str) -> DerivedNames:
    """Return the names; ARM compares without case, so case makes no difference here either.

    The region is part of the hash: a vault deleted in one region parks its name there, and moving
    a stack must not run into it.
    """
    place = f"{resource_group}/{workspace}/{location}".lower()
    digest = hashlib.sha256(place.encode()).hexdigest()[:_HASH]
    bare = re.sub(r"[^a-z0-9]", "", workspace.lower()) or "aml"
    vault = bare if bare[0].isalpha() else f"v{bare}"
    return DerivedNames(
        storage_account=f"{bare[:14]}st{digest}",
        key_vault=f"{vault[:12]}-kv-{digest}",
        container_registry=f"{bare[:30]}cr{digest}",
        log_analytics=f"{bare}-logs-{digest}",
        application_insights=f"{bare}-insights-{digest}",
    )
