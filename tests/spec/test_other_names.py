"""Keys by what others call them."""

from infra.spec.other_names import NAMES, SECTIONS, keys_called, section_called
from infra.spec.schema import stack_schema
from infra.spec.stack import KEYS


def test_each_name_leads_to_a_key_that_there_is():
    keys = set()
    for model in stack_schema()["definitions"].values():
        keys |= set(model.get("properties", {}))
    unknown = {
        key for line in NAMES.values() for key in line.split() if not set(key.split(".")) <= keys
    }
    assert unknown == set()
    assert {each.partition(".")[0] for each in SECTIONS.values()} <= set(KEYS.values())


def test_only_keys_of_the_place_are_named():
    assert keys_called("networkAcls", ["firewall", "sku"]) == ["firewall"]
    assert keys_called("network_rule_set", ["ip_rules", "sku"]) == ["ip_rules"]
    assert keys_called("soft-delete", ["blobs"]) == ["blobs.soft_delete_days"]
    assert keys_called("soft_delete", ["name"]) == keys_called("sku", ["sku"]) == []
    assert keys_called("containerName", ["name", "container"]) == ["container"]
    assert keys_called("bypass", ["azure_services"]) == ["azure_services"]
    assert keys_called("accountKey", ["account_key"]) == []
    assert section_called("PrivateEndpoint") == "aml:workspace.private_endpoint"
    assert section_called("colour") is None
