"""Datastores: storage that a workspace reads, and the credentials it uses."""

from typing import Annotated, Final, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.credentials import Credential
from infra.spec.names import (
    ContainerName,
    DatastoreName,
    Guid,
    StorageAccountId,
    StorageAccountName,
)
from infra.spec.tags import Tags


class AccountKeySpec(SpecModel):
    """A key of the storage account."""

    type: Literal["account_key"]
    key: Credential


class SasSpec(SpecModel):
    """A shared access signature."""

    type: Literal["sas"]
    token: Credential


class ServicePrincipalSpec(SpecModel):
    """A Microsoft Entra ID application and its secret."""

    type: Literal["service_principal"]
    tenant_id: Guid
    client_id: Guid
    client_secret: Credential


CREDENTIALS: Final[dict[str, type[SpecModel]]] = {
    "account_key": AccountKeySpec,
    "sas": SasSpec,
    "service_principal": ServicePrincipalSpec,
}


class _Datastore(SpecModel):
    """Takes ``account_name`` or ``storage_account_id``; default: the workspace's own account."""

    name: DatastoreName
    account_name: StorageAccountName | None = None
    storage_account_id: StorageAccountId | None = None
    credentials: (
        Annotated[AccountKeySpec | SasSpec | ServicePrincipalSpec, Field(discriminator="type")]
        | None
    ) = None
    """Default none: users read with their own identity. Changes in place."""
    service_access: Literal["none", "workspace_system_identity", "workspace_user_identity"] = "none"
    """Identity that the service itself uses to read."""
    description: str | None = None
    tags: Tags = Field(default_factory=dict)


class AzureBlobSpec(_Datastore):
    """A container of blobs."""

    kind: Literal["azure_blob"]
    container: ContainerName
    create: bool = False
    """Create the container in the account that is created for the workspace."""


class AzureDataLakeGen2Spec(_Datastore):
    """A file system of Azure Data Lake Storage Gen2."""

    kind: Literal["azure_data_lake_gen2"]
    filesystem: ContainerName


class AzureFileSpec(_Datastore):
    """A file share."""

    kind: Literal["azure_file"]
    share: ContainerName


DATASTORES: Final[dict[str, type[SpecModel]]] = {
    "azure_blob": AzureBlobSpec,
    "azure_data_lake_gen2": AzureDataLakeGen2Spec,
    "azure_file": AzureFileSpec,
}
DatastoreSpec = Annotated[
    AzureBlobSpec | AzureDataLakeGen2Spec | AzureFileSpec, Field(discriminator="kind")
]
