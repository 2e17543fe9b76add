"""Blob containers that exist because a resource declares them, before anything is written."""

from typing import Final

from localcloud.calls.cloud import Cloud

_ML: Final = "Microsoft.MachineLearningServices/workspaces"
_CONTAINERS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers"


def declared(cloud: Cloud, account: str, container: str) -> bool:
    """Return whether a container resource, a datastore or a workspace's uploads declare it."""
    resources, now = cloud.store.resources, cloud.clock()
    if any(
        found.id.split("/")[8].lower() == account
        for found in resources.of_type(_CONTAINERS, name=container, now=now)
    ):
        return True
    if any(
        str(found.properties.get("containerName")) == container
        and str(found.properties.get("accountName")).rpartition("/")[2].lower() == account
        for found in resources.of_type(f"{_ML}/datastores", now=now)
    ):
        return True
    return any(
        container == f"azureml-{found.properties.get('workspaceId')}"
        and str(found.properties.get("storageAccount")).rpartition("/")[2].lower() == account
        for found in resources.of_type(_ML, now=now)
    )
