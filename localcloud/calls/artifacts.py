"""A workspace's artifact store: the blob container that holds the files of its runs.

``ExperimentRun/dcid.{run}/`` in it holds one run's files, as in Azure ML.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from localcloud.calls.cloud import Cloud
from localcloud.calls.shared_access import VERSION, signed_fields
from localcloud.calls.times import iso

DATASTORE: Final = "workspaceartifactstore"
_FALLBACK: Final = "azureml"
_LASTS_S: Final = 86400


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """One container; ``account`` is a bare name."""

    account: str
    container: str


def artifact_store(cloud: Cloud, workspace: str) -> ArtifactStore | None:
    """Return a workspace's artifact store, creating its container; ``None`` without a workspace.

    A workspace without a storage account uses the account ``local``.
    """
    found = cloud.store.resources.get(workspace, now=cloud.clock())
    if found is None:
        return None
    datastore = cloud.store.resources.get(f"{found.id}/datastores/{DATASTORE}", now=cloud.clock())
    container = str(datastore.properties.get("containerName", "")) if datastore else ""
    account = str(found.properties.get("storageAccount") or "").rstrip("/").rpartition("/")[2]
    store = ArtifactStore(account.lower() or "local", container or _FALLBACK)
    cloud.store.blobs.ensure_container(store.account, store.container, now=cloud.clock())
    return store


def split_url(url: str) -> str:
    """Return a URL of this cloud that azureml-core can take apart and put together again.

    It splits the host at its first two dots into account, ``blob`` and suffix, and builds
    ``https://{account}.blob.{suffix}``. A user name with two dots survives that, and leaves the
    address, for which there is no other name, as it is.
    """
    scheme, _, rest = url.partition("://")
    account = rest.split("/")[1]
    return f"{scheme}://{account}.blob.localhost@{rest}"


def signed_url(cloud: Cloud, store: ArtifactStore, blob: str, *, permissions: str = "r") -> str:
    """Return a URL that reads a blob without further authentication for a day.

    ``permissions`` are a signature's: ``rcw`` writes it, too.
    """
    fields = {
        "sv": VERSION,
        "sr": "b",
        "sp": permissions,
        "se": iso(cloud.clock() + _LASTS_S)[:19] + "Z",
        "spr": "https",
    }
    fields = signed_fields(cloud, store.account, store.container, blob, fields)
    return f"{cloud.url}/{store.account}/{store.container}/{quote(blob)}?{urlencode(fields)}"
