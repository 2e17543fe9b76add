"""Where the files of an asset are: from a URI to a datastore and a path on it."""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .datastore import Datastore
from .errors import UserErrorException
from .transport import HasTransport

_DATASTORE = re.compile(
    "azureml://(?:subscriptions/.+?/workspaces/[^/]+/)?datastores/([^/]+)/paths/(.*)",
    re.IGNORECASE,
)
_JOB = re.compile("azureml://jobs/([^/]+)/outputs/artifacts/paths/(.*)", re.IGNORECASE)
ARTIFACTS = "workspaceartifactstore"


class Place(NamedTuple):
    """A path on a datastore."""

    datastore: Datastore
    path: str


def artifact_path(run_id: str, name: str) -> str:
    """Return where an artifact of a run is on the datastore ``ARTIFACTS``."""
    return f"ExperimentRun/dcid.{run_id}/{name}"


def place_of(workspace: HasTransport, uri: str) -> Place:
    """Return the place that an asset's URI refers to.

    Raises ``UserErrorException`` for a URI that leads to none of the workspace's datastores.
    """
    while uri.startswith("azureml:azureml:"):
        uri = uri[len("azureml:") :]
    match = _DATASTORE.fullmatch(uri)
    if match:
        return Place(Datastore(workspace, match.group(1)), unquote(match.group(2)))
    match = _JOB.fullmatch(uri)
    if match:
        path = artifact_path(match.group(1), unquote(match.group(2)))
        return Place(Datastore(workspace, ARTIFACTS), path)
    if uri.startswith("https://"):
        for store in Datastore.all(workspace).values():
            if store.datastore_type in ("AzureBlob", "AzureDataLakeGen2"):
                path = urlsplit(uri).path
                base = urlsplit(store.container().url).path + "/"
                if path.startswith(base):
                    return Place(store, unquote(path[len(base) :]))
    raise UserErrorException(f"{uri} is on none of the workspace's datastores.")
