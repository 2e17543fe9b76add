"""A datastore of a workspace: a container, a file system or a share, with credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pulumi_azure_native import storage

from infra.components.inputs import child_options, secret_input, translated

ACCESS: Final = {
    "none": "None",
    "workspace_system_identity": "WorkspaceSystemAssignedIdentity",
    "workspace_user_identity": "WorkspaceUserAssignedIdentity",
}


@dataclass(frozen=True, kw_only=True)
class DatastoreArgs:
    """Arguments of a datastore. "Replace": a new value deletes the datastore, not the data."""

    datastore_name: pulumi.Input[str]
    """Letters, digits and underscores. Replace."""
    workspace_name: pulumi.Input[str]
    """The workspace. Replace."""
    resource_group_name: pulumi.Input[str]
    """The workspace's resource group. Replace."""
    account_name: pulumi.Input[str]
    """The storage account. Replace."""
    account_resource_group: pulumi.Input[str] | None = None
    """Resource group of the account. Default: left to the service. Replace."""
    account_subscription_id: pulumi.Input[str] | None = None
    """Subscription of the account. Default: left to the service. Replace."""
    container: pulumi.Input[str] | None = None
    """A blob container; set this, ``filesystem`` or ``share``. Replace."""
    create: bool = False
    """Create the container, in ``account_name`` in the workspace's group. Default false. Set to
    false again, it and its blobs are deleted: replace."""
    filesystem: pulumi.Input[str] | None = None
    """A file system of Data Lake Storage Gen2. Replace."""
    share: pulumi.Input[str] | None = None
    """A file share. Replace."""
    credentials: object = None
    """From ``account_key``, ``sas`` or ``service_principal``. Default: none; users read with their
    own identity. In place."""
    service_access: pulumi.Input[str] = "none"
    """``none`` (default), ``workspace_system_identity`` or ``workspace_user_identity``. Replace."""
    description: pulumi.Input[str] | None = None
    """Free text. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class Datastore(pulumi.ComponentResource):
    """A reference to data in storage.

    Destroying removes the reference; the data stays, except in a container that was created.
    """

    datastore_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: DatastoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Datastore", name, None, opts)
        made = [self._container(name, args)] if args.create else []
        store = ml.Datastore(
            name,
            name=args.datastore_name,
            workspace_name=args.workspace_name,
            resource_group_name=args.resource_group_name,
            properties=_place(args),
            opts=child_options(self, "machinelearningservices:Datastore", depends_on=made),
        )
        self.datastore_id = store.id
        self.register_outputs({"datastore_id": self.datastore_id})

    def _container(self, name: str, args: DatastoreArgs) -> pulumi.CustomResource:
        made: pulumi.CustomResource = storage.BlobContainer(
            f"{name}-container",
            account_name=args.account_name,
            container_name=args.container,
            resource_group_name=args.resource_group_name,
            opts=child_options(self, "storage:BlobContainer"),
        )
        return made


def account_key(key: pulumi.Input[str]) -> ml.AccountKeyDatastoreCredentialsArgs:
    """Return credentials with the key of a storage account."""
    secrets = ml.AccountKeyDatastoreSecretsArgs(secrets_type="AccountKey", key=secret_input(key))
    return ml.AccountKeyDatastoreCredentialsArgs(credentials_type="AccountKey", secrets=secrets)


def sas(token: pulumi.Input[str]) -> ml.SasDatastoreCredentialsArgs:
    """Return credentials with a shared access signature."""
    secrets = ml.SasDatastoreSecretsArgs(secrets_type="Sas", sas_token=secret_input(token))
    return ml.SasDatastoreCredentialsArgs(credentials_type="Sas", secrets=secrets)


def service_principal(
    tenant_id: pulumi.Input[str], client_id: pulumi.Input[str], client_secret: pulumi.Input[str]
) -> ml.ServicePrincipalDatastoreCredentialsArgs:
    """Return credentials of a Microsoft Entra ID application."""
    secrets = ml.ServicePrincipalDatastoreSecretsArgs(
        secrets_type="ServicePrincipal", client_secret=secret_input(client_secret)
    )
    return ml.ServicePrincipalDatastoreCredentialsArgs(
        credentials_type="ServicePrincipal",
        tenant_id=tenant_id,
        client_id=client_id,
        secrets=secrets,
    )


def _place(args: DatastoreArgs) -> object:
    anonymous = ml.NoneDatastoreCredentialsArgs(credentials_type="None")
    shared = {
        "account_name": args.account_name,
        "resource_group": args.account_resource_group,
        "subscription_id": args.account_subscription_id,
        "credentials": args.credentials or anonymous,
        "service_data_access_auth_identity": translated(ACCESS, args.service_access),
        "description": args.description,
        "tags": args.tags,
    }
    if args.container is not None:
        return ml.AzureBlobDatastoreArgs(
            datastore_type="AzureBlob", container_name=args.container, **shared
        )
    if args.filesystem is not None:
        return ml.AzureDataLakeGen2DatastoreArgs(
            datastore_type="AzureDataLakeGen2", filesystem=args.filesystem, **shared
        )
    return ml.AzureFileDatastoreArgs(
        datastore_type="AzureFile", file_share_name=args.share, **shared
    )
