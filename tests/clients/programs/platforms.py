"""The eight kinds of platform in `stacks/examples`, sent and read back by Azure's own SDKs."""

from account import SUBSCRIPTION, URL, credential, report
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    ComputeInstance,
    IdentityConfiguration,
    ManagedIdentityConfiguration,
    NetworkSettings,
)
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

HERE = {"location": "westeurope"}
ROOT = f"/subscriptions/{SUBSCRIPTION}"
TENANT = "11111111-1111-1111-1111-111111111111"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
settings = {"base_url": URL, "credential_scopes": [f"{URL}/.default"]}


def client(kind):
    return kind(credential(), SUBSCRIPTION, **settings)


resources = client(ResourceManagementClient)
network = client(NetworkManagementClient)
storage = client(StorageManagementClient)
vaults = client(KeyVaultManagementClient)
registries = client(ContainerRegistryManagementClient)
roles = client(AuthorizationManagementClient)


class Platform:
    """One kind of platform, in a group of its own."""

    def __init__(self, kind):
        self.kind, self.name = kind, f"sdk-{kind}"
        self.short = f"sdk{kind}"
        self.group = f"sdk-{kind}-rg"
        self.base = f"{ROOT}/resourceGroups/{self.group}/providers"
        resources.resource_groups.create_or_update(self.group, HERE)
        self.ml = MLClient(credential(), SUBSCRIPTION, self.group, self.name)

    def put(self, path, version, **body):
        """Create a resource that no typed client here knows."""
        body = {**HERE, **body}
        return resources.resources.begin_create_or_update_by_id(
            f"{self.base}/{path}", version, body
        ).result()

    def account(self, **more):
        body = {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **more}
        return storage.storage_accounts.begin_create(self.group, self.short, body).result().id

    def vault(self, **more):
        properties = {
            "tenant_id": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "access_policies": [],
            **more,
        }
        body = {**HERE, "properties": properties}
        return vaults.vaults.begin_create_or_update(self.group, self.name, body).result().id

    def registry(self, sku="Basic", **more):
        body = {**HERE, "sku": {"name": sku}, **more}
        return registries.registries.begin_create(self.group, self.short, body).result().id

    def insights(self):
        body = {"kind": "web", "properties": {"Application_Type": "web"}}
        return self.put(f"Microsoft.Insights/components/{self.name}", "2020-02-02", **body).id

    def network(self, subnet, **more):
        """Create a network and return its id and the subnet's."""
        made = network.virtual_networks.begin_create_or_update(
            self.group, "net", {**HERE, "address_space": {"address_prefixes": ["10.9.0.0/16"]}}
        ).result()
        body = {"address_prefix": "10.9.0.0/24", **more}
        below = network.subnets.begin_create_or_update(self.group, "net", subnet, body).result()
        return made.id, below.id

    def workspace(self, *, account=None, vault=None, registry=None, identity=None, **properties):
        """Create the workspace with what it depends on, and read it with azure-ai-ml."""
        own = {"identity": identity or {"type": "SystemAssigned"}}
        own |= {key: properties.pop(key) for key in ("kind",) if key in properties}
        if "hubResourceId" not in properties:
            properties |= {
                "storageAccount": account or self.account(),
                "keyVault": vault or self.vault(),
                "applicationInsights": self.insights(),
                **({"containerRegistry": registry} if registry else {}),
            }
        path = f"Microsoft.MachineLearningServices/workspaces/{self.name}"
        made = self.put(path, "2025-06-01", properties=properties, **own)
        return made.id, self.ml.workspaces.get(self.name)

    def cluster(self, name="cpu", **more):
        wanted = AmlCompute(name=name, size="STANDARD_DS3_V2", max_instances=2, **more)
        return self.ml.compute.begin_create_or_update(wanted).result()


def open_platform():
    here = Platform("open")
    _, found = here.workspace(registry=here.registry(admin_user_enabled=True))
    storage.blob_containers.create(here.group, here.short, "raw", {})
    return {
        "identity": found.identity.type,
        "access": found.public_network_access,
        "registry": found.container_registry.rpartition("/")[2],
        "cluster": here.cluster().max_instances,
        "container": storage.blob_containers.get(here.group, here.short, "raw").name,
    }


def classic_network():
    here = Platform("network")
    rule = {"name": "batch", "direction": "Inbound", "access": "Allow", "priority": 100,
            "protocol": "Tcp", "source_address_prefix": "BatchNodeManagement",
            "source_port_range": "*", "destination_address_prefix": "*",
            "destination_port_range": "29876-29877"}  # fmt: skip
    rules = network.network_security_groups.begin_create_or_update(
        here.group, "rules", {**HERE, "security_rules": [rule]}
    ).result()
    _, subnet = here.network(
        "nodes",
        network_security_group={"id": rules.id},
        service_endpoints=[{"service": "Microsoft.Storage"}, {"service": "Microsoft.KeyVault"}],
    )
    walls = {"default_action": "Deny", "bypass": "AzureServices",
             "virtual_network_rules": [{"id": subnet}]}  # fmt: skip
    allowed = {**walls, "virtual_network_rules": [{"virtual_network_resource_id": subnet}],
               "ip_rules": [{"ip_address_or_range": "203.0.113.0/24"}]}  # fmt: skip
    here.workspace(account=here.account(network_rule_set=allowed),
                   vault=here.vault(network_acls=walls))  # fmt: skip
    made = here.cluster(network_settings=NetworkSettings(vnet_name="net", subnet=subnet))
    account = storage.storage_accounts.get_properties(here.group, here.short)
    found = network.subnets.get(here.group, "net", "nodes")
    group = network.network_security_groups.get(here.group, "rules")
    return {
        "cluster's subnet": made.network_settings.subnet.rpartition("/")[2],
        "rules": [each.name for each in group.security_rules],
        "endpoints": [each.service for each in found.service_endpoints],
        "account": [account.network_rule_set.default_action,
                    account.network_rule_set.ip_rules[0].ip_address_or_range],
        "vault": vaults.vaults.get(here.group, here.name).properties.network_acls.default_action,
    }  # fmt: skip


def managed_network():
    here = Platform("managed")
    rules = {
        "pypi": {"type": "FQDN", "destination": "pypi.org", "category": "UserDefined"},
        "monitor": {
            "type": "ServiceTag",
            "category": "UserDefined",
            "destination": {"serviceTag": "AzureMonitor", "protocol": "TCP", "portRanges": "443"},
        },
    }
    wanted = {"isolationMode": "AllowOnlyApprovedOutbound", "outboundRules": rules}
    _, found = here.workspace(managedNetwork=wanted)
    box = ComputeInstance(
        name="sdk-managed-box", size="STANDARD_DS3_V2", enable_node_public_ip=False
    )
    made = here.ml.compute.begin_create_or_update(box).result()
    return {
        "isolation": found.managed_network.isolation_mode,
        "rules": sorted([each.name, type(each).__name__]
                        for each in found.managed_network.outbound_rules
                        if each.category == "UserDefined"),
        "public address": made.enable_node_public_ip,
    }  # fmt: skip


def private_platform():
    here = Platform("private")
    net, subnet = here.network("endpoints", private_endpoint_network_policies="Enabled")
    account = here.account(allow_shared_key_access=False, public_network_access="Disabled")
    storage.blob_services.set_service_properties(
        here.group,
        here.short,
        {"is_versioning_enabled": True, "delete_retention_policy": {"enabled": True, "days": 14}},
    )
    _, found = here.workspace(
        account=account,
        vault=here.vault(public_network_access="Disabled"),
        registry=here.registry("Premium", public_network_access="Disabled"),
        publicNetworkAccess="Disabled",
        imageBuildCompute="cpu",
        systemDatastoresAuthMode="Identity",
    )
    zone = here.put("Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
                    "2024-06-01", location="global")  # fmt: skip
    here.put(f"Microsoft.Network/privateDnsZones/{zone.name}/virtualNetworkLinks/net", "2024-06-01",
             location="global",
             properties={"virtualNetwork": {"id": net}, "registrationEnabled": False})  # fmt: skip
    link = {"name": "blob", "private_link_service_id": account, "group_ids": ["blob"]}
    network.private_endpoints.begin_create_or_update(
        here.group,
        "blob",
        {**HERE, "subnet": {"id": subnet}, "private_link_service_connections": [link]},
    ).result()
    config = {"name": "blob", "private_dns_zone_id": zone.id}
    network.private_dns_zone_groups.begin_create_or_update(
        here.group, "blob", "default", {"private_dns_zone_configs": [config]}
    ).result()
    endpoint = network.private_endpoints.get(here.group, "blob")
    kept = storage.storage_accounts.get_properties(here.group, here.short)
    blobs = storage.blob_services.get_service_properties(here.group, here.short)
    (connection,) = endpoint.private_link_service_connections
    return {
        "workspace": [found.public_network_access, found.image_build_compute,
                      found.system_datastores_auth_mode],
        "endpoint": [connection.private_link_service_connection_state.status,
                     endpoint.custom_dns_configs[0].fqdn.partition(".")[2]],
        "account": [kept.allow_shared_key_access, kept.public_network_access,
                    len(kept.private_endpoint_connections)],
        "blobs": [blobs.is_versioning_enabled, blobs.delete_retention_policy.days],
        "registry": registries.registries.get(here.group, here.short).public_network_access,
    }  # fmt: skip


def encrypted_platform():
    here = Platform("encrypted")
    vault = here.vault(enable_purge_protection=True)
    key = "https://sdk-encrypted.vault.azure.net/keys/own/0123456789abcdef0123456789abcdef"
    _, found = here.workspace(
        vault=vault,
        hbiWorkspace=True,
        encryption={
            "status": "Enabled",
            "keyVaultProperties": {"keyVaultArmId": vault, "keyIdentifier": key},
        },
    )
    return {
        "sensitive": found.hbi_workspace,
        "key": found.customer_managed_key.key_uri == key,
        "vault": found.customer_managed_key.key_vault.rpartition("/")[2],
        "protected": vaults.vaults.get(here.group, here.name).properties.enable_purge_protection,
    }


def several_identities():
    here = Platform("identities")
    path = "Microsoft.ManagedIdentity/userAssignedIdentities"
    own, trainer = (here.put(f"{path}/{name}", "2023-01-31") for name in ("own", "trainer"))
    account = here.account()
    _, found = here.workspace(
        account=account,
        identity={"type": "UserAssigned", "userAssignedIdentities": {own.id: {}}},
        primaryUserAssignedIdentity=own.id,
    )
    theirs = IdentityConfiguration(
        type="UserAssigned",
        user_assigned_identities=[ManagedIdentityConfiguration(resource_id=trainer.id)],
    )
    made = here.cluster(identity=theirs)
    alone = here.cluster("scoring", identity=IdentityConfiguration(type="SystemAssigned"))
    assigned = roles.role_assignments.create(
        account,
        "0b0b0b0b-0000-0000-0000-000000000001",
        {
            "principal_id": alone.identity.principal_id,
            "principal_type": "ServicePrincipal",
            "role_definition_id": f"{ROOT}/providers/Microsoft.Authorization/roleDefinitions/"
            + BLOB_READER,
        },
    )
    listed = roles.role_assignments.list_for_scope(account)
    return {
        "workspace": [found.identity.type, found.primary_user_assigned_identity == own.id],
        "cluster": made.identity.user_assigned_identities[0].resource_id == trainer.id,
        "role": assigned.principal_id in [each.principal_id for each in listed],
    }


def several_regions():
    here = Platform("regions")
    here.workspace()
    for name, place in (("cpu", "westeurope"), ("north", "northeurope"), ("america", "eastus2")):
        here.cluster(name, location=place)
    return sorted([each.name, each.location] for each in here.ml.compute.list())


def hub_and_project():
    hub = Platform("hub")
    id_, above = hub.workspace(kind="Hub")
    project = Platform("project")
    _, below = project.workspace(kind="Project", hubResourceId=id_)
    return {
        "hub": type(above).__name__,
        "project": type(below).__name__,
        "its hub": below.hub_id == id_,
        "cluster": project.cluster().provisioning_state,
    }


report(
    {
        each.__name__: each()
        for each in (
            open_platform,
            classic_network,
            managed_network,
            private_platform,
            encrypted_platform,
            several_identities,
            several_regions,
            hub_and_project,
        )
    }
)
