"""Targets as a workspace tells them, completed by what the deployment knew."""

from pathlib import Path

import pytest

from infra.contract.errors import NotDeployedError, StateError
from infra.contract.manifest import Manifest, TargetEntry, WorkspaceEntry, read_manifest
from infra.contract.undeployed import DeclaredWorkspace
from runtime.targets.workspace_targets import target_entry, unknown_parts, workspace_manifest

WORKSPACE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
)


def compute(name, kind, inner, **properties):
    return {
        "id": f"{WORKSPACE}/computes/{name}",
        "name": name,
        "properties": {"computeType": kind, "properties": inner, **properties},
    }


BOX = compute(
    "box",
    "VirtualMachine",
    {"address": "10.0.0.4", "sshPort": 22, "administratorAccount": {"username": "azureuser"}},
    resourceId="/subscriptions/s/vm/box",
)


class Endpoint:
    local = False


class Pages:
    """A client whose workspace has computes, on two pages."""

    endpoint = Endpoint()

    def __init__(self, *computes):
        self.computes = computes

    def send(self, _method, url, *, api_version):
        first = bool(api_version)
        page = {"value": list(self.computes[:1] if first else self.computes[1:])}
        return Answer(page | ({"nextLink": f"{url}&skip=1"} if first else {}))


class Answer:
    ok = True

    def __init__(self, document):
        self.document = document


def manifest(*computes, known=None):
    workspace = {"id": WORKSPACE, "name": "w", "location": "westeurope"}
    return workspace_manifest(Pages(*computes), workspace, stack="dev", known=known)


def known(**changed):
    entry = TargetEntry(
        kind="virtual_machine",
        id=f"{WORKSPACE}/computes/box",
        resource_id="/subscriptions/s/vm/box",
        address="203.0.113.7",
        host_key="ssh-ed25519 AAAA",
        credentials={"private_key": "file:~/.ssh/id"},
    )
    workspace = WorkspaceEntry(id=WORKSPACE, name="w", location="westeurope")
    fields = {name: getattr(entry, name) for name in entry.__slots__} | changed
    return Manifest(
        project="shop",
        stack="dev",
        cloud="azure",
        workspace=workspace,
        targets={"box": TargetEntry(**fields)},
    )


def test_a_cluster_tells_everything():
    scale = {"minNodeCount": 0, "maxNodeCount": 4}
    inner = {"vmSize": "STANDARD_DS3_V2", "vmPriority": "LowPriority", "scaleSettings": scale}
    entry = target_entry(compute("cpu", "AmlCompute", inner), "")
    assert entry == TargetEntry(
        kind="aml_compute",
        id=f"{WORKSPACE}/computes/cpu",
        vm_size="STANDARD_DS3_V2",
        min_nodes=0,
        max_nodes=4,
        priority="low_priority",
    )


@pytest.mark.parametrize(("region", "shown"), [("West Europe", None), ("uksouth", "uksouth")])
def test_the_region_of_a_compute_is_kept_where_it_is_another_one(region, shown):
    found = compute("cpu", "AmlCompute", {"vmSize": "STANDARD_DS3_V2"})
    elsewhere = {**found, "properties": {**found["properties"], "computeLocation": region}}
    assert target_entry(elsewhere, "westeurope").location == shown


def test_a_machine_lacks_what_azure_does_not_tell():
    found = manifest(compute("cpu", "AmlCompute", {}), BOX)
    assert list(found.targets) == ["box", "cpu"]
    assert unknown_parts(found) == {"box": ["credentials", "host key"]}


def test_what_the_deployment_exported_completes_it():
    found = manifest(BOX, known=known())
    box = found.targets["box"]
    assert (box.address, box.host_key, box.user) == ("203.0.113.7", "ssh-ed25519 AAAA", "azureuser")
    assert unknown_parts(found) == {}


def test_what_was_known_of_another_machine_is_not_used():
    found = manifest(BOX, known=known(resource_id="/subscriptions/s/vm/other"))
    assert found.targets["box"].host_key is None


def test_a_declared_workspace_is_found_by_what_its_file_says():
    assert DeclaredWorkspace("W", "G").means(WORKSPACE)
    assert not DeclaredWorkspace("w", "other").means(WORKSPACE)
    command = DeclaredWorkspace("w", "g", "s").command
    assert command == "`aml use w -g g --subscription s`"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            "aml:cloud: azure\n  aml:workspace: {name: w, resource_group: g}",
            "Run `aml use w -g g` if others have deployed it, else `aml up -s dev`; or name",
        ),
        (
            "aml:cloud: azure\n  aml:workspace: {}",
            "Run `aml up -s dev`, or `aml use WORKSPACE -g GROUP` if others have deployed it; or",
        ),
        ("aml:cloud: local\n  aml:workspace: {name: w}", "Run `aml up -s dev`, or name"),
        ("aml:cloud: [", "Run `aml up -s dev`, or `aml use WORKSPACE -g GROUP` if others"),
    ],
)
def test_a_clone_that_never_deployed_is_told_what_to_run(tmp_path, monkeypatch, config, said):
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/Pulumi.dev.yaml").write_text(f"config:\n  {config}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotDeployedError) as undeployed:
        read_manifest(tmp_path / ".aml/manifests/dev.json", stack="dev")
    assert (undeployed.value.remedy or "").startswith(said)


def test_a_clone_without_the_selected_stack_is_told_of_the_stacks_that_there_are(
    tmp_path, monkeypatch
):
    (tmp_path / "stacks").mkdir()
    for stack, cloud in (("dev", "azure"), ("mine", "local"), ("prod", "azure")):
        config = f"aml:cloud: {cloud}\n  aml:workspace: {{name: {stack}, resource_group: g}}"
        file = tmp_path / f"stacks/Pulumi.{stack}.yaml"
        file.write_text(f"config:\n  {config}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotDeployedError) as undeployed:
        read_manifest(tmp_path / ".aml/manifests/local.json", stack="local")
    assert undeployed.value.remedy.startswith(
        "Run `aml use dev -g g` for stack 'dev' or `aml use prod -g g` for stack 'prod', if others"
    )


@pytest.mark.parametrize(("text", "error"), [(None, NotDeployedError), ("{", StateError)])
def test_a_manifest_that_somebody_named_comes_from_an_export(tmp_path, monkeypatch, text, error):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("targets.json").write_text(text, encoding="utf-8")
    with pytest.raises(error) as refused:
        read_manifest(Path("targets.json"), stack="dev")
    assert refused.value.remedy.startswith("Write it with `aml targets --export`")
