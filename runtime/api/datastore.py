"""``Datastore`` and its kinds, as in azureml-core: storage that a workspace knows by name."""

from runtime.agent.assets.datastore import (
    AzureBlobDatastore,
    AzureDataLakeDatastore,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
    Datastore,
)

__all__ = [
    "AzureBlobDatastore",
    "AzureDataLakeDatastore",
    "AzureDataLakeGen2Datastore",
    "AzureFileDatastore",
    "Datastore",
]
