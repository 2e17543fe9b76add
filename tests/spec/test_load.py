"""Good stack files in all the forms Pulumi writes them, and what becomes of them."""

from pathlib import Path

import pytest

from infra.contract.errors import SpecError
from infra.spec.credentials import Known, Reference, Sealed, parse_credential
from infra.spec.load import inspect_stack, inspect_text, load_program_stack, load_stack
from infra.spec.problems import StackFileError

STACKS = sorted((Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml"))
CPU = "{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 2}"
JSON = (
    """'[{"kind": "aml_compute", "name": "cpu", "vm_size": "STANDARD_DS3_V2", "max_nodes": 2}]'"""
)


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_the_stacks_of_the_project_are_valid(file):
    assert inspect_stack(file).problems == ()


def test_production_protects_its_workspace():
    prod = next(file for file in STACKS if file.stem == "Pulumi.prod")
    assert load_stack(prod).workspace.protect


def test_defaults_are_the_services(inspect):
    (cpu,) = inspect(computes=f"[{CPU}]").spec.computes
    assert (cpu.min_nodes, cpu.idle_seconds, cpu.priority, cpu.os) == (0, 120, "dedicated", "linux")
    assert cpu.node_public_ip
    assert cpu.identity is None


@pytest.mark.parametrize(
    "computes",
    [
        f"[{CPU}]",
        '[{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: "2"}]',
        JSON,
        f"\n    - &cpu {CPU}",
        f"\n    - {CPU[:-1]},\n      }}",
    ],
    ids=["flow", "number as text", "json text", "anchor", "over lines"],
)
def test_one_meaning_in_many_forms(inspect, computes):
    assert inspect(computes=computes).spec == inspect(computes=f"[{CPU}]").spec


def test_merge_keys_are_resolved(inspect):
    found = inspect(
        computes=f"\n    - &cpu {CPU}\n    - <<: *cpu\n      name: gpu\n      max_nodes: 4"
    )
    assert [(c.name, c.max_nodes) for c in found.spec.computes] == [("cpu", 2), ("gpu", 4)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("yes", "yes"),
        ("2026-01-01", "2026-01-01"),
        ('"4"', "4"),
        ("1.5", "1.5"),
        ("42", "42"),
        ("1:30", "1:30"),
    ],
)
def test_scalars_are_read_as_yaml_1_2(inspect, written, read):
    assert inspect(tags=f"{{x: {written}}}").spec.tags == {"x": read}


@pytest.mark.parametrize(("written", "read"), [("007", "7"), ("1.50", "1.5"), ("1e3", "1000")])
def test_a_number_that_would_become_another_text_is_refused(inspect, written, read):
    (problem,) = inspect(tags=f"{{x: {written}}}").problems
    assert problem.message == f"{written} is the number {read}; write it in quotes: '{written}'."


def test_an_inherited_number_that_would_become_another_text_is_refused(tmp_path):
    base = "config:\n  aml:tags: {one: 1.10}\n"
    (tmp_path / "Pulumi.base.yaml").write_text(base, encoding="utf-8")
    text = (
        "config:\n  aml:extends: base\n  azure-native:location: westeurope\n  aml:cloud: local\n"
        "  aml:workspace: {name: demo, resource_group: g}\n  aml:tags: {two: 2}\n"
    )
    (problem,) = inspect_text(text, tmp_path).problems
    assert "1.10 is the number 1.1" in problem.message
    assert "(Pulumi.base.yaml, line 2)" in problem.message


def test_a_region_may_be_written_as_the_portal_shows_it():
    text = Path(STACKS[0]).read_text(encoding="utf-8").replace("westeurope", "West Europe")
    assert inspect_text(text).spec.location == "westeurope"


def test_keys_of_other_namespaces_are_ignored(inspect):
    assert inspect("shop:colour: blue", "azure-native:subscriptionId: s").problems == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("env:NODE_PASSWORD", Reference("env", "NODE_PASSWORD")),
        ("file:~/secret", Reference("file", "~/secret")),
        (
            "keyvault:https://shop.vault.azure.net/secrets/node",
            Reference("keyvault", "https://shop.vault.azure.net/secrets/node"),
        ),
        ("{secure: 'v1:AAAA:AAAA'}", Sealed("v1:AAAA:AAAA")),
    ],
)
def test_a_credential_is_a_reference(written, read):
    found = inspect_text(_with_admin(f"password: {written}"))
    assert found.spec.computes[0].admin.password == read


def test_a_public_key_may_be_plain_text():
    found = inspect_text(_with_admin("ssh_public_key: ssh-ed25519 AAAAC3 me@here"))
    assert found.spec.computes[0].admin.ssh_public_key == Known("ssh-ed25519 AAAAC3 me@here")


def _with_admin(line):
    return f"""\
encryptionsalt: v1:AAAAAAAAAAA=:v1:AAAA:AAAA
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {{name: demo, resource_group: demo-rg}}
  aml:computes:
    - kind: aml_compute
      name: cpu
      vm_size: STANDARD_DS3_V2
      max_nodes: 2
      admin:
        user: ops
        {line}
"""


@pytest.mark.parametrize(
    ("key", "paths"),
    [
        ("aml:workspace", ("aml:workspace",)),
        ("aml:computes", ("aml:computes",)),
        ("aml:cloud", ("aml:cloud",)),
    ],
)
def test_other_encrypted_values_are_listed_and_not_reported(key, paths):
    config = {
        "azure-native:location": "westeurope",
        "aml:cloud": "local",
        "aml:workspace": "{name: demo, resource_group: demo-rg}",
        "aml:computes": "[]",
    } | {key: "{secure: 'v1:AAAA:AAAA'}"}
    lines = [f"  {name}: {value}" for name, value in config.items()]
    found = inspect_text("\n".join(["encryptionsalt: v1:AA==:v1:A:A", "config:", *lines]))
    assert (found.spec, found.problems, found.sealed) == (None, (), paths)


def test_loading_raises_all_problems_with_the_command_to_check_again(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  aml:cloud: lokal\n")
    with pytest.raises(StackFileError, match="3 problems") as caught:
        load_stack(file)
    assert caught.value.at == str(file)
    assert "aml check -s dev" in caught.value.remedy


def test_an_encrypted_workspace_cannot_be_loaded_without_its_passphrase(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(
        "encryptionsalt: v1:AA==:v1:A:A\nconfig:\n  azure-native:location: westeurope\n"
        "  aml:cloud: local\n  aml:workspace:\n    secure: v1:AAAA:AAAA\n"
    )
    with pytest.raises(SpecError, match="aml:workspace"):
        load_stack(file)


def test_a_missing_file_names_the_nearest_stack(tmp_path):
    (tmp_path / "Pulumi.prod.yaml").touch()
    with pytest.raises(SpecError, match="Did you mean 'prod'"):
        load_stack(tmp_path / "Pulumi.prdo.yaml")


PROGRAM_STACK = "config:\n  aml:cloud: {}\n  shop:colour: blue\n  aml:nonsense: 1\n"


def test_of_another_program_only_the_cloud_is_read(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(PROGRAM_STACK.format("azure"), encoding="utf-8")
    assert load_program_stack(file).cloud == "azure"


@pytest.mark.parametrize("text", ["config: {}", PROGRAM_STACK.format("lokal"), "config: ["])
def test_an_invalid_cloud_is_reported(tmp_path, text):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StackFileError, match="1 problem"):
        load_program_stack(file)


def test_a_reference_is_written_as_it_is_read():
    assert str(parse_credential("file:~/secret")) == "file:~/secret"
