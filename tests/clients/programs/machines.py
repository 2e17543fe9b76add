"""The life of a virtual machine, seen by azure-mgmt-compute and azure-mgmt-network."""

import socket

from account import GROUP, SUBSCRIPTION, URL, credential, refusal, report
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient

HERE = {"location": "westeurope"}
settings = {"base_url": URL, "credential_scopes": [f"{URL}/.default"]}
compute = ComputeManagementClient(credential(), SUBSCRIPTION, **settings).virtual_machines
network = NetworkManagementClient(credential(), SUBSCRIPTION, **settings)

made = network.virtual_networks.begin_create_or_update(
    GROUP,
    "machines-net",
    {
        **HERE,
        "address_space": {"address_prefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "default", "address_prefix": "10.0.1.0/24"}],
    },
).result()
address = network.public_ip_addresses.begin_create_or_update(
    GROUP, "machines-ip", {**HERE, "public_ip_allocation_method": "Static"}
).result()
card = network.network_interfaces.begin_create_or_update(
    GROUP,
    "machines-nic",
    {
        **HERE,
        "ip_configurations": [
            {
                "name": "first",
                "subnet": {"id": f"{made.id}/subnets/default"},
                "public_ip_address": {"id": address.id},
            }
        ],
    },
).result()


def machine(password, **more):
    return {
        **HERE,
        "hardware_profile": {"vm_size": "Standard_DS3_v2"},
        "storage_profile": {
            "image_reference": {
                "publisher": "microsoft-dsvm",
                "offer": "ubuntu-2204",
                "sku": "2204",
                "version": "latest",
            }
        },
        "os_profile": {
            "computer_name": "machines",
            "admin_username": "ops",
            "admin_password": password,
        },
        "network_profile": {"network_interfaces": [{"id": card.id, "primary": True}]},
        **more,
    }


def view():
    return compute.get(GROUP, "machines", expand="instanceView").instance_view


def power():
    return [status.code for status in view().statuses][-1]


def answers():
    said = {status.code: status.display_status for status in view().extensions[0].statuses}
    try:
        with socket.create_connection(("127.0.0.1", int(said["Ssh/port"])), timeout=5) as there:
            return there.recv(4).decode()
    except OSError as error:
        return type(error).__name__


weak = refusal(compute.begin_create_or_update, GROUP, "machines", machine("weak"))
created = compute.begin_create_or_update(GROUP, "machines", machine("Correct-horse-1")).result()
observed = {
    "weak": weak,
    "created": [created.provisioning_state, created.os_profile.admin_password],
    "account": created.os_profile.admin_username,
    "id": len(created.vm_id),
    "states": [[power(), answers()]],
    "card": network.network_interfaces.get(GROUP, "machines-nic").virtual_machine.id == created.id,
    "address": network.public_ip_addresses.get(GROUP, "machines-ip").ip_address,
    "private": card.ip_configurations[0].private_ip_address,
    "listed": [each.name for each in compute.list(GROUP)],
    "view": compute.instance_view(GROUP, "machines").os_name,
    "used": refusal(network.network_interfaces.begin_delete, GROUP, "machines-nic"),
}
for act in (
    compute.begin_power_off,
    compute.begin_start,
    compute.begin_deallocate,
    compute.begin_start,
    compute.begin_restart,
):
    act(GROUP, "machines").result()
    observed["states"].append([power(), answers()])
tagged = compute.begin_update(GROUP, "machines", {"tags": {"a": "b"}}).result()
observed["tagged"] = tagged.tags
observed["changed"] = refusal(
    compute.begin_create_or_update, GROUP, "machines", machine("Another-horse-1")
)
compute.begin_delete(GROUP, "machines").result()
observed["gone"] = refusal(compute.get, GROUP, "machines")
network.network_interfaces.begin_delete(GROUP, "machines-nic").result()
network.public_ip_addresses.begin_delete(GROUP, "machines-ip").result()
observed["left"] = [each.name for each in network.network_interfaces.list(GROUP)]
report(observed)
