"""Where the data of a job is: from a URI or an asset's id to blobs of this cloud.

URIs are Azure ML's datastore URIs, or URLs of this cloud's own blob plane.
"""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote, urlsplit

from infra.contract.errors import UsageError
from localcloud.calls.blob_names import without_dots
from localcloud.calls.cloud import Cloud

_DATASTORE: Final = re.compile(
    r"azureml://(?:subscriptions/.+?/workspaces/[^/]+/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)",
    re.IGNORECASE,
)
_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})  # any port: it may have changed


@dataclass(frozen=True, slots=True)
class BlobAddress:
    """A blob, or a prefix of blobs, in one container."""

    account: str
    container: str
    path: str


def address_of(cloud: Cloud, workspace: str, uri: str) -> BlobAddress:
    """Return the blobs a URI refers to; ``UsageError`` if they are not in the local cloud.

    ``uri`` may be the id of a version of a data asset or a model.
    """
    found = _address_of(cloud, workspace, uri)
    path = without_dots(found.path) if found.path else ""
    if path is None:
        raise UsageError(
            f"{uri!r} leads outside its container.", remedy="Remove the '..' from the path."
        )
    return replace(found, path=path)


def _address_of(cloud: Cloud, workspace: str, uri: str) -> BlobAddress:
    uri = data_uri(cloud, uri)
    while uri.startswith("azureml:azureml:"):  # some clients write the prefix again
        uri = uri.removeprefix("azureml:")
    match = _DATASTORE.fullmatch(uri)
    if match:
        return _in_datastore(cloud, workspace, match["store"], match["path"])
    try:
        url = urlsplit(uri)
    except ValueError:
        url = urlsplit("")  # not a URL at all
    account, _, rest = unquote(url.path).lstrip("/").partition("/")
    container, _, path = rest.partition("/")
    if url.scheme == "https" and url.hostname in _OURS and container:
        return BlobAddress(account.lower().partition(".blob.")[0], container, path)
    raise UsageError(
        f"{uri!r} is not in the local cloud.",
        remedy="Use azureml://datastores/<name>/paths/<path>, or a URL of the local cloud's blobs.",
    )


def data_uri(cloud: Cloud, uri: str) -> str:
    """Return the URI of an asset's files; any other URI as it is."""
    if not uri.startswith("/"):
        return uri
    asset = cloud.store.resources.get(uri, now=cloud.clock())
    properties = asset.properties if asset else {}
    found = properties.get("dataUri") or properties.get("modelUri")
    if not found:
        raise UsageError(f"There is no asset {uri}.", remedy="Register it, or correct the id.")
    return str(found)


def _in_datastore(cloud: Cloud, workspace: str, name: str, path: str) -> BlobAddress:
    store = cloud.store.resources.get(f"{workspace}/datastores/{name}", now=cloud.clock())
    properties = store.properties if store else {}
    if properties.get("datastoreType") != "AzureBlob":
        raise UsageError(
            f"The workspace has no blob datastore {name!r}.",
            remedy="Use one of the workspace's datastores of type AzureBlob.",
        )
    account = str(properties.get("accountName")).rpartition("/")[2].lower()
    return BlobAddress(account, str(properties.get("containerName")), unquote(path))
