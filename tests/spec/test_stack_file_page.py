"""The page about stack files knows every key, its default, and shows files that are valid."""

import re
from pathlib import Path
from typing import get_args

import pytest

from infra.spec.attachments import InstanceTypeSpec, QuantitiesSpec
from infra.spec.computes import KINDS, AdminSpec
from infra.spec.connections import CATEGORIES, ConnectionCredentials, ConnectionSpec
from infra.spec.datastores import CREDENTIALS, DATASTORES
from infra.spec.diagnostics import DiagnosticsSpec
from infra.spec.identity import IdentitySpec, UserAssignedIdentitySpec
from infra.spec.instances import (
    AssignedUserSpec,
    RecurrenceSpec,
    ScheduleSpec,
    ScriptSpec,
    SetupSpec,
)
from infra.spec.kubernetes import KubernetesClusterSpec
from infra.spec.load import inspect_text
from infra.spec.networks import NetworkSpec, SecurityRuleSpec, SubnetSpec
from infra.spec.outbound import FqdnRuleSpec, PrivateEndpointRuleSpec, ServiceTagRuleSpec
from infra.spec.prerequisites import (
    BlobServiceSpec,
    ContainerRegistrySpec,
    CorsRuleSpec,
    FirewallSpec,
    KeyVaultSpec,
    StorageAccountSpec,
)
from infra.spec.private_endpoints import StorageEndpointSpec
from infra.spec.registries import RegistrySpec
from infra.spec.roles import RoleAssignmentSpec
from infra.spec.rules.services import FITTING
from infra.spec.stack import KEYS
from infra.spec.workspace import EncryptionSpec, WorkspaceSpec

PAGE = (Path(__file__).parents[2] / "docs" / "stack-files.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TABLES = {
    "`aml:workspace`": WorkspaceSpec,
    "`aml:storage_account`": StorageAccountSpec,
    "`aml:key_vault`": KeyVaultSpec,
    "`aml:container_registry`": ContainerRegistrySpec,
    "`aml:diagnostics`": DiagnosticsSpec,
    "`aml:identities`": UserAssignedIdentitySpec,
    "`aml:networks`": NetworkSpec,
    "`aml:kubernetes_clusters`": KubernetesClusterSpec,
    "`aml:registries`": RegistrySpec,
    "`aml:role_assignments`": RoleAssignmentSpec,
} | {f"`kind: {k}`": m for k, m in KINDS.items()}
INNER = [
    AdminSpec,
    IdentitySpec,
    SubnetSpec,
    SecurityRuleSpec,
    FirewallSpec,
    BlobServiceSpec,
    CorsRuleSpec,
    StorageEndpointSpec,
    EncryptionSpec,
    FqdnRuleSpec,
    ServiceTagRuleSpec,
    PrivateEndpointRuleSpec,
    AssignedUserSpec,
    RecurrenceSpec,
    ScheduleSpec,
    SetupSpec,
    ScriptSpec,
    InstanceTypeSpec,
    QuantitiesSpec,
    ConnectionSpec,
    *get_args(get_args(ConnectionCredentials)[0]),
    *CREDENTIALS.values(),
]


@pytest.mark.parametrize(("section", "model"), TABLES.items(), ids=TABLES)
def test_the_rows_are_the_keys(section, model):
    rows = re.findall(r"^\| `(\w+)` \|", SECTIONS[section], re.MULTILINE)
    said_by_the_section = {"kind"} if section.startswith("`kind") else set()
    assert set(rows) == model.model_fields.keys() - said_by_the_section


@pytest.mark.parametrize(("section", "model"), TABLES.items(), ids=TABLES)
def test_required_and_plain_defaults_are_the_models(section, model):
    for name, default in re.findall(r"^\| `(\w+)` \| (.*?) \|", SECTIONS[section], re.MULTILINE):
        field = model.model_fields[name]
        assert (default == "required") is field.is_required()
        if isinstance(field.default, bool | int | str):
            said = str(field.default)
            assert default == f"`{said.lower() if isinstance(field.default, bool) else said}`"


def test_datastores_share_a_table():
    rows = re.findall(r"^\| `(\w+)` \|", SECTIONS["`aml:datastores`"], re.MULTILINE)
    fields = {name for model in DATASTORES.values() for name in model.model_fields}
    assert set(rows) == fields - {"kind"}
    assert all(f"`{kind}`" in SECTIONS["`aml:datastores`"] for kind in DATASTORES)


def test_each_kind_of_connection_has_the_credentials_of_the_table():
    rows = re.findall(r"^\| (`.*`) \| (`.*) \|$", SECTIONS["`aml:connections`"], re.MULTILINE)
    table = {
        kind: set(re.findall(r"`(\w+)`", fitting)) - {"secrets"}
        for kinds, fitting in rows
        for kind in re.findall(r"`(\w+)`", kinds)
        if kind in CATEGORIES
    }
    assert table == FITTING
    assert table.keys() == CATEGORIES.keys()


@pytest.mark.parametrize("model", INNER, ids=lambda model: model.__name__)
def test_inner_keys_are_named(model):
    assert all(f"`{name}`" in PAGE for name in model.model_fields)


def test_every_configuration_key_is_named():
    assert all(f"`{key}`" in PAGE for key in KEYS.values())


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_examples_are_valid(block, tmp_path):
    base = "config:\n  aml:cloud: local\n  azure-native:location: westeurope\n"
    computes = "  aml:computes:\n    - {kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2}\n"
    group = "  aml:workspace: {resource_group: shop-rg}\n"
    (tmp_path / "Pulumi.base.yaml").write_text(base + group + computes, encoding="utf-8")
    assert inspect_text(block, tmp_path).problems == ()
