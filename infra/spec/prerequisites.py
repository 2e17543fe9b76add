"""Settings of the storage account, key vault and container registry that a stack creates."""

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from infra.spec.base import SpecModel
from infra.spec.credentials import Credential
from infra.spec.names import Guid, SubnetId, SubnetReference, VaultSecretName
from infra.spec.private_endpoints import PrivateEndpointSpec, StorageEndpointSpec
from infra.spec.tags import Tags

Access = Literal["enabled", "disabled"]
Days = Annotated[int, Field(ge=1, le=365)]


_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def _public(text: str) -> str:
    """Return an address or a range of the internet, the only ones that a firewall knows."""
    try:
        found = IPv4Network(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not an IPv4 address or range, such as 203.0.113.0/24."
        ) from error
    if any(found.overlaps(private) for private in _PRIVATE):
        raise ValueError(f"{text} is a private address; name its subnet under subnets instead.")
    return text


PublicRange = Annotated[
    str,
    AfterValidator(_public),
    WithJsonSchema({"type": "string", "description": "Public IPv4 address or range"}),
]


class FirewallSpec(SpecModel):
    """Which networks may reach a service: those listed, and Azure's own services."""

    default_action: Literal["allow", "deny"] = "deny"
    """What happens to requests from elsewhere."""
    ip_rules: tuple[PublicRange, ...] = ()
    """Public IPv4 addresses and ranges that are let in."""
    subnets: tuple[SubnetReference, ...] = ()
    """Declared subnets that are let in; each needs the service's endpoint."""
    subnet_ids: tuple[SubnetId, ...] = ()
    """Existing subnets that are let in."""
    azure_services: bool = True
    """Let trusted services of Azure in, such as Azure Machine Learning."""


class CorsRuleSpec(SpecModel):
    """Which web pages may read blobs."""

    origins: Annotated[tuple[str, ...], Field(min_length=1)]
    methods: Annotated[
        tuple[Literal["DELETE", "GET", "HEAD", "MERGE", "OPTIONS", "PATCH", "POST", "PUT"], ...],
        Field(min_length=1),
    ] = ("GET", "HEAD")
    allowed_headers: tuple[str, ...] = ("*",)
    exposed_headers: tuple[str, ...] = ("*",)
    max_age_seconds: Annotated[int, Field(ge=0)] = 1800


class BlobServiceSpec(SpecModel):
    """How an account keeps its blobs."""

    soft_delete_days: Days | None = None
    """How long deleted blobs can be restored. Default: not at all."""
    container_soft_delete_days: Days | None = None
    """How long deleted containers can be restored. Default: not at all."""
    versioning: bool = False
    """Keep every earlier version of a blob."""
    cors: Annotated[tuple[CorsRuleSpec, ...], Field(max_length=5)] = ()
    """Rules for web pages; Azure takes at most five."""


class StorageAccountSpec(SpecModel):
    """The storage account that is created for the workspace."""

    sku: Literal[
        "Standard_LRS",
        "Standard_ZRS",
        "Standard_GRS",
        "Standard_RAGRS",
        "Standard_GZRS",
        "Standard_RAGZRS",
    ] = "Standard_LRS"
    """Redundancy. To or from zone redundancy: replaces. Azure ML takes no premium account."""
    public_network_access: Access = "enabled"
    shared_key_access: Access = "enabled"
    """``disabled``: only identities reach the data, and never the account's keys."""
    firewall: FirewallSpec | None = None
    private_endpoint: StorageEndpointSpec | None = None
    blobs: BlobServiceSpec | None = None


KeyPermission = Literal[
    "all", "backup", "create", "decrypt", "delete", "encrypt", "get", "getrotationpolicy",
    "import", "list", "purge", "recover", "release", "restore", "rotate", "setrotationpolicy",
    "sign", "unwrapKey", "update", "verify", "wrapKey",
]  # fmt: skip
SecretPermission = Literal[
    "all", "backup", "delete", "get", "list", "purge", "recover", "restore", "set"
]
CertificatePermission = Literal[
    "all", "backup", "create", "delete", "deleteissuers", "get", "getissuers", "import", "list",
    "listissuers", "managecontacts", "manageissuers", "purge", "recover", "restore", "setissuers",
    "update",
]  # fmt: skip


class AccessPolicySpec(SpecModel):
    """What one principal may do in a vault whose access policies decide.

    The principal is an ``identity`` declared in the file, a declared ``compute`` (its
    system-assigned one), or a ``principal_id`` of the tenant.
    """

    identity: str | None = None
    compute: str | None = None
    principal_id: Guid | None = None
    secret_permissions: tuple[SecretPermission, ...] = ()
    key_permissions: tuple[KeyPermission, ...] = ()
    certificate_permissions: tuple[CertificatePermission, ...] = ()


class VaultSecretSpec(SpecModel):
    """A secret in the vault. Its value is a reference, which is read during a deployment."""

    name: VaultSecretName
    value: Credential
    content_type: str | None = None
    """Free text that says what it is, such as ``text/plain``."""
    enabled: bool = True
    """Nobody can read a secret that is not."""
    tags: Tags = Field(default_factory=dict)


class KeyVaultSpec(SpecModel):
    """The key vault that is created for the workspace."""

    sku: Literal["standard", "premium"] = "standard"
    """``premium`` keeps keys in hardware."""
    public_network_access: Access = "enabled"
    firewall: FirewallSpec | None = None
    private_endpoint: PrivateEndpointSpec | None = None
    purge_protection: bool = False
    """Nobody can purge a deleted vault before its retention is over. Cannot be switched off."""
    soft_delete_days: Annotated[int, Field(ge=7, le=90)] = 90
    """How long a deleted vault is kept. Cannot be changed later."""
    authorization: Literal["access_policies", "rbac"] = "access_policies"
    """Who may read secrets: the vault's own policies, or role assignments."""
    access_policies: tuple[AccessPolicySpec, ...] = ()
    """One for each principal. Those that Azure ML adds for the workspace stay."""
    secrets: tuple[VaultSecretSpec, ...] = ()


class ContainerRegistrySpec(SpecModel):
    """The container registry that is created for the workspace."""

    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    """A private endpoint and a firewall need Premium."""
    public_network_access: Access = "enabled"
    admin_user: bool = True
    """Azure ML pulls images as the admin user unless the workspace's identity has AcrPull."""
    private_endpoint: PrivateEndpointSpec | None = None
    ip_rules: tuple[PublicRange, ...] = ()
    """Public addresses and ranges that are let in; all others are refused. Needs Premium."""
