"""Connections of a workspace to other services, as users of azure-ai-ml know them."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.credentials import Credential
from infra.spec.names import AnyId, ConnectionName, Guid


class PatSpec(SpecModel):
    """A personal access token."""

    type: Literal["pat"]
    pat: Credential


class UsernamePasswordSpec(SpecModel):
    """A user and a password."""

    type: Literal["username_password"]
    username: str
    password: Credential


class ApiKeySpec(SpecModel):
    """A key of the service."""

    type: Literal["api_key"]
    key: Credential


class ConnectionSasSpec(SpecModel):
    """A shared access signature."""

    type: Literal["sas"]
    sas_token: Credential


class ConnectionAccountKeySpec(SpecModel):
    """A key of a storage account."""

    type: Literal["account_key"]
    account_key: Credential


class AccessKeySpec(SpecModel):
    """An access key of S3."""

    type: Literal["access_key"]
    access_key_id: str
    secret_access_key: Credential


class ConnectionServicePrincipalSpec(SpecModel):
    """A Microsoft Entra ID application and its secret."""

    type: Literal["service_principal"]
    tenant_id: Guid
    client_id: Guid
    client_secret: Credential


class ManagedIdentitySpec(SpecModel):
    """A managed identity."""

    type: Literal["managed_identity"]
    client_id: Guid
    resource_id: AnyId


class EntraSpec(SpecModel):
    """Whoever uses the connection signs in."""

    type: Literal["aad"]


ConnectionCredentials = Annotated[
    PatSpec
    | UsernamePasswordSpec
    | ApiKeySpec
    | ConnectionSasSpec
    | ConnectionAccountKeySpec
    | AccessKeySpec
    | ConnectionServicePrincipalSpec
    | ManagedIdentitySpec
    | EntraSpec,
    Field(discriminator="type"),
]

CATEGORIES: Final = {
    "git": "Git",
    "container_registry": "ContainerRegistry",
    "python_feed": "PythonFeed",
    "azure_open_ai": "AzureOpenAI",
    "azure_ai_services": "AIServices",
    "azure_ai_search": "CognitiveSearch",
    "open_ai": "OpenAI",
    "serp": "Serp",
    "serverless": "Serverless",
    "api_key": "ApiKey",
    "azure_blob": "AzureBlob",
    "azure_data_lake_gen_2": "ADLSGen2",
    "azure_sql_db": "AzureSqlDb",
    "azure_synapse_analytics": "AzureSynapseAnalytics",
    "azure_my_sql_db": "AzureMySqlDb",
    "azure_postgres_db": "AzurePostgresDb",
    "s3": "S3",
    "snowflake": "Snowflake",
    "custom": "CustomKeys",
}
"""Kinds in the words of azure-ai-ml, and the service's own."""
AUTHENTICATION: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "pat": ("PAT", {"pat": "pat"}),
    "username_password": (
        "UsernamePassword",
        {"username": "username", "password": "password"},
    ),
    "api_key": ("ApiKey", {"key": "key"}),
    "sas": ("SAS", {"sas_token": "sas"}),
    "account_key": ("AccountKey", {"account_key": "key"}),
    "access_key": (
        "AccessKey",
        {"access_key_id": "accessKeyId", "secret_access_key": "secretAccessKey"},
    ),
    "service_principal": (
        "ServicePrincipal",
        {"tenant_id": "tenantId", "client_id": "clientId", "client_secret": "clientSecret"},
    ),
    "managed_identity": (
        "ManagedIdentity",
        {"client_id": "clientId", "resource_id": "resourceId"},
    ),
    "aad": ("AAD", {}),
}
"""Type of credentials to the service's word, and its key for each of ours."""
Kind = Literal[
    "git", "container_registry", "python_feed", "azure_open_ai", "azure_ai_services",
    "azure_ai_search", "open_ai", "serp", "serverless", "api_key", "azure_blob",
    "azure_data_lake_gen_2", "azure_sql_db", "azure_synapse_analytics", "azure_my_sql_db",
    "azure_postgres_db", "s3", "snowflake", "custom",
]  # fmt: skip


class ConnectionSpec(SpecModel):
    """A connection of the workspace: where a service is, and how runs sign in there."""

    kind: Kind
    name: ConnectionName
    target: str | None = None
    """URL of the service."""
    credentials: ConnectionCredentials | None = None
    """Default none: the service asks for none."""
    secrets: dict[str, Credential] = Field(default_factory=dict)
    """The secret values of `kind: custom`, by name."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Further values that are no secrets, such as ``ApiVersion``."""
    shared: bool = True
    """Whether everybody in the workspace, and in a hub's projects, may use it."""
