"""The manifests that deployments leave in a workspace's default datastore.

They add what the workspace itself does not tell of its targets: host keys, and where credentials
are. Whoever can write to the datastore can change them, so they are used for nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from infra.arm.client import Client
from infra.contract.errors import PlatformError, StateError
from infra.contract.manifest import LEFT_IN_WORKSPACE, Manifest, TargetEntry, parse_manifest
from runtime.agent.assets.blobs import Blob, Container
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.errors import AzureMLException
from runtime.agent.assets.transport import Transport
from runtime.targets.workspace_transport import WorkspaceTransport

_LARGEST: Final = 16 << 20  # bytes; of something else, whatever its name


@dataclass(frozen=True, slots=True)
class _Workspace:
    transport: Transport


def left_targets(client: Client, workspace_id: str) -> Mapping[str, TargetEntry]:
    """Return the targets that deployments to a workspace left there, by name; the newest win.

    Raises ``PlatformError`` if the storage cannot be read.
    """
    transport = WorkspaceTransport(client, workspace_id)
    try:
        container = Datastore.get_default(_Workspace(transport)).container()
        blobs = sorted(container.list(LEFT_IN_WORKSPACE), key=_modified)
        manifests = [_manifest(container, blob) for blob in blobs if blob.size <= _LARGEST]
    except PlatformError:
        raise
    except (AzureMLException, OSError) as error:
        raise StateError(
            f"The workspace's storage cannot be read: {error}",
            remedy="It takes access to the datastore, and a firewall that lets this machine in.",
        ) from error
    return {
        name: entry
        for manifest in manifests
        if manifest is not None and manifest.workspace.id.lower() == workspace_id.lower()
        for name, entry in manifest.targets.items()
        if entry.beyond_arm
    }


def _manifest(container: Container, blob: Blob) -> Manifest | None:
    """Return a manifest, ``None`` for one of a later release or for anything else."""
    try:
        document = json.loads(container.read(blob.name))
        return parse_manifest(document, at=blob.name, stack=blob.name.rpartition("/")[2])
    except (ValueError, RecursionError, StateError):
        return None


def _modified(blob: Blob) -> float:
    try:
        return parsedate_to_datetime(blob.modified).timestamp()
    except (TypeError, ValueError):
        return 0.0
