"""Derives the names of a workspace's dependencies from the workspace's own.

Names of storage accounts, vaults and registries are unique across Azure: a hash of the workspace's
location in Azure distinguishes workspaces of the same name. A stack file always yields the same
names.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_HASH: Final = 8


@dataclass(frozen=True, slots=True)
class DerivedNames:
    """Valid names for each type (at most 24 characters for the first two)."""

    storage_account: str
    key_vault: str
    container_registry: str
    log_analytics: str
    application_insights: str


def derived_names(workspace: str, resource_group: str, location: str) -> DerivedNames:
    """Return the names. Case makes no difference, as in ARM.

    The hash includes the region, because a soft-deleted vault keeps its name in its region and a
    stack that moves must not conflict with it.
    """
    place = f"{resource_group}/{workspace}/{location}".lower()
    digest = hashlib.sha256(place.encode()).hexdigest()[:_HASH]
    bare = re.sub(r"[^a-z0-9]", "", workspace.lower()) or "aml"
    vault = bare if bare[0].isalpha() else f"v{bare}"
    # With hash and infix, 14 characters are left to a storage account and 12 to a vault.
    return DerivedNames(
        storage_account=f"{bare[:14]}st{digest}",
        key_vault=f"{vault[:12]}-kv-{digest}",
        container_registry=f"{bare[:30]}cr{digest}",
        log_analytics=f"{bare}-logs-{digest}",
        application_insights=f"{bare}-insights-{digest}",
    )
