"""What a wrong name may mean: a misspelling, and never a name of something else."""

import pytest

from infra.contract.meant import names_meant, version_meant

KEYS = (
    "name", "description", "encryption", "hub_id", "public_network_access", "private_endpoint",
    "purge_protection", "disable_local_auth", "vm_size", "ssh_public_key", "node_public_ip", "sku",
)  # fmt: skip
ROLES = (
    "key_vault_secrets_user", "key_vault_secrets_officer", "key_vault_crypto_officer",
    "storage_blob_data_contributor", "storage_table_data_contributor", "azure_file",
)  # fmt: skip
TYPES = ("network:Subnet", "network:PrivateEndpoint", "storage:StorageAccount")


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("encryptoin", KEYS, ["encryption"]),
        ("encription", KEYS, ["encryption"]),
        ("vmsize", KEYS, ["vm_size"]),
        ("VmSize", KEYS, ["vm_size"]),
        ("skuu", KEYS, ["sku"]),
        ("public_access", KEYS, ["public_network_access"]),
        ("private_endpoints", KEYS, ["private_endpoint"]),
        ("enable_purge_protection", KEYS, ["purge_protection"]),
        ("public_ip", KEYS, ["node_public_ip"]),
        ("hbi", KEYS, []),
        ("network_acls", KEYS, []),
        ("public_key_access", KEYS, []),
        ("local_auth", KEYS, []),
        ("enable_local_auth", KEYS, []),
        ("key_vault_secret_officer", ROLES, ["key_vault_secrets_officer"]),
        ("key_vault_secrets_reader", ROLES, []),
        ("blob_data_contributor", ROLES, ["storage_blob_data_contributor"]),
        ("azure_sql", ROLES, []),
        ("network:PrivateEndpoints", TYPES, ["network:PrivateEndpoint"]),
        ("network:BastionHost", TYPES, []),
        ("prdo", ("prod", "test"), ["prod"]),
        ("cpx", ("cpu", "gpu"), ["cpu"]),
        ("gpu", ("cpu", "gpu-large"), ["gpu-large"]),
        ("POOL", ("pool", "Pool"), ["Pool"]),
        ("", KEYS, []),
        ("name", (), []),
    ],
)
def test_only_names_of_the_same_meaning_are_suggested(name, known, expected):
    assert names_meant(name, known) == expected


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("1.66", "1.6"),
        ("1.15", "1.6"),
        ("1.4.2", "1.4"),
        ("1.5", "1.6"),
        ("9", "2.0"),
        ("0.1", "1.4"),
        ("latest", None),
    ],
)
def test_the_nearest_version_is_so_by_its_numbers(wanted, nearest):
    assert version_meant(wanted, ["1.4", "1.6", "2.0"]) == nearest
