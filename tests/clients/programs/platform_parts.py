"""Parts of platforms that are written by themselves, and what is looked up, by Azure's SDKs."""

import base64
import json

from account import SUBSCRIPTION, URL, credential, refusal, report
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.privatedns import PrivateDnsManagementClient
from azure.mgmt.resource import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

HERE = {"location": "westeurope"}
GROUP = "sdk-parts-rg"
ROOT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
settings = {"base_url": URL, "credential_scopes": [f"{URL}/.default"]}


def client(kind):
    return kind(credential(), SUBSCRIPTION, **settings)


resources = client(ResourceManagementClient)
network = client(NetworkManagementClient)
storage = client(StorageManagementClient)
roles = client(AuthorizationManagementClient)
clusters = client(ContainerServiceClient)
zones = client(PrivateDnsManagementClient)
monitor = client(MonitorManagementClient)


def make_account(name):
    body = {**HERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    return storage.storage_accounts.begin_create(GROUP, name, body).result()


def pools_of_a_cluster():
    pool = {"name": "system", "count": 1, "mode": "System", "vmSize": "Standard_DS2_v2"}
    body = {**HERE, "properties": {"dnsPrefix": "aks", "agentPoolProfiles": [pool]}}
    clusters.managed_clusters.begin_create_or_update(GROUP, "aks", body).result()
    more = {"properties": {"count": 2, "mode": "User", "vmSize": "Standard_NC6"}}
    made = clusters.agent_pools.begin_create_or_update(GROUP, "aks", "gpu", more).result()
    listed = [each.name for each in clusters.agent_pools.list(GROUP, "aks")]
    inside = clusters.managed_clusters.get(GROUP, "aks").agent_pool_profiles
    clusters.agent_pools.begin_delete(GROUP, "aks", "gpu").result()
    return {
        "made": [made.vm_size, made.provisioning_state],
        "listed": listed,
        "inside": [each.name for each in inside],
        "left": [each.name for each in clusters.agent_pools.list(GROUP, "aks")],
        "last": refusal(clusters.agent_pools.begin_delete, GROUP, "aks", "system"),
    }


def credentials_of_a_cluster():
    managed, found = clusters.managed_clusters, {}
    for role, ask in (("user", managed.list_cluster_user_credentials),
                      ("admin", managed.list_cluster_admin_credentials)):  # fmt: skip
        (config,) = ask(GROUP, "aks").kubeconfigs
        # Some versions of the client decode the value, others leave that to their caller.
        text = config.value if b"{" in config.value else base64.b64decode(config.value)
        server = json.loads(text)["clusters"][0]["cluster"]["server"]
        found[role] = [config.name, server.startswith(URL)]
    return found


def rules_of_a_group():
    groups, rules = network.network_security_groups, network.security_rules
    rule = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100,
            "source_address_prefix": "*", "source_port_range": "*",
            "destination_address_prefix": "*", "destination_port_range": "443"}  # fmt: skip
    groups.begin_create_or_update(GROUP, "rules", {**HERE, "security_rules": []}).result()
    rules.begin_create_or_update(GROUP, "rules", "web", rule).result()
    taken = refusal(rules.begin_create_or_update, GROUP, "rules", "other", rule)
    inside = [each.name for each in groups.get(GROUP, "rules").security_rules]
    rules.begin_delete(GROUP, "rules", "web").result()
    return {
        "inside": inside,
        "same priority": taken,
        "left": [each.name for each in rules.list(GROUP, "rules")],
    }


def routes_of_a_table():
    tables, routes = network.route_tables, network.routes
    inside = {"name": "out", "address_prefix": "0.0.0.0/0", "next_hop_type": "VirtualAppliance",
              "next_hop_ip_address": "10.0.0.4"}  # fmt: skip
    tables.begin_create_or_update(GROUP, "table", {**HERE, "routes": [inside]}).result()
    more = {"address_prefix": "10.1.0.0/16", "next_hop_type": "VnetLocal"}
    routes.begin_create_or_update(GROUP, "table", "local", more).result()
    found = {each.name: each.next_hop_type for each in tables.get(GROUP, "table").routes}
    routes.begin_delete(GROUP, "table", "local").result()
    return [found, [each.name for each in routes.list(GROUP, "table")]]


def keys_of_an_account():
    account = make_account("sdkpartskeys")
    before = [each.value for each in storage.storage_accounts.list_keys(GROUP, account.name).keys]

    def opens(key):
        blobs = BlobServiceClient(account.primary_endpoints.blob, credential=key, retry_total=0)
        try:
            return [each.name for each in blobs.list_containers()] == []
        except HttpResponseError as error:
            return error.status_code

    opened = opens(before[0])
    made = storage.storage_accounts.regenerate_key(GROUP, account.name, {"key_name": "key1"}).keys
    return [opened, opens(before[0]), opens(made[0].value), opens(before[1])]


def roles_by_name():
    (reader,) = roles.role_definitions.list(ROOT, filter="roleName eq 'Storage Blob Data Reader'")
    same = roles.role_definitions.get_by_id(reader.id)
    return [same.role_name, same.role_type, reader.name == same.name]


def categories_of_an_account():
    id_ = f"{make_account('sdkpartslogs').id}/blobServices/default"
    found = monitor.diagnostic_settings_category.list(id_)
    return {each.name: each.category_type for each in getattr(found, "value", found)}


def records_of_a_zone():
    zones.private_zones.begin_create_or_update(
        GROUP, "example.org", {"location": "global"}
    ).result()
    record = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.4"}]}}
    made = zones.record_sets.create_or_update(GROUP, "example.org", "A", "www", record)
    listed = [each.name for each in zones.record_sets.list_by_type(GROUP, "example.org", "A")]
    zones.record_sets.delete(GROUP, "example.org", "A", "www")
    gone = refusal(zones.record_sets.get, GROUP, "example.org", "A", "www")
    return [made.fqdn, made.a_records[0].ipv4_address, listed, gone[1]]


def decisions_about_an_endpoint():
    account = make_account("sdkpartsprivate")
    network.virtual_networks.begin_create_or_update(
        GROUP, "net", {**HERE, "address_space": {"address_prefixes": ["10.9.0.0/16"]}}
    ).result()
    subnet = network.subnets.begin_create_or_update(
        GROUP, "net", "endpoints", {"address_prefix": "10.9.0.0/24"}
    ).result()
    link = {"name": "one", "private_link_service_id": account.id, "group_ids": ["blob"]}
    body = {**HERE, "subnet": {"id": subnet.id}, "manual_private_link_service_connections": [link]}
    network.private_endpoints.begin_create_or_update(GROUP, "asked", body).result()

    def state():
        (found,) = network.private_endpoints.get(
            GROUP, "asked"
        ).manual_private_link_service_connections
        return found.private_link_service_connection_state.status

    states, connections = [state()], storage.private_endpoint_connections
    (connection,) = connections.list(GROUP, account.name)
    for status in ("Approved", "Rejected"):
        wanted = {"private_link_service_connection_state": {"status": status, "description": "x"}}
        connections.put(GROUP, account.name, connection.name, wanted)
        states.append(state())
    connections.delete(GROUP, account.name, connection.name)
    return [*states, state(), list(connections.list(GROUP, account.name))]


resources.resource_groups.create_or_update(GROUP, HERE)
report(
    {
        each.__name__: each()
        for each in (
            pools_of_a_cluster,
            credentials_of_a_cluster,
            rules_of_a_group,
            routes_of_a_table,
            keys_of_an_account,
            roles_by_name,
            categories_of_an_account,
            records_of_a_zone,
            decisions_about_an_endpoint,
        )
    }
)
