"""A program of somebody's own over our components, and a folder that has no program at all."""

import re
import shutil
from contextlib import closing

import pytest

from infra.arm.client import local_client
from tests.deploy.project import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "own_program"


@pytest.fixture
def own(project):
    """Return a project that runs the example's program instead of ours."""
    (project.root / "Pulumi.yaml").unlink()
    shutil.rmtree(project.root / "stacks")
    shutil.copytree(EXAMPLE, project.root, dirs_exist_ok=True)
    text = (project.root / "platform_program/__main__.py").read_text(encoding="utf-8")
    text = text.replace('f"churn-{stack}', f'f"{project.name}-{{stack}}')
    (project.root / "platform_program/__main__.py").write_text(text, encoding="utf-8")
    return project


def test_the_example_deploys_and_a_second_up_has_no_changes(own):
    assert "17 created" in own.good("up", "--yes").err
    assert (
        "no changes (17 unchanged)" in own.good("up", "--no-fingerprint", "--expect-no-changes").err
    )
    assert "17 deleted" in own.good("destroy", "--yes").err


def test_the_program_of_the_page_runs(project):
    page = (REPOSITORY / "docs/components.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    files = re.findall(r"```yaml\n# ([\w.]+)[^\n]*\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["Pulumi.yaml", "Pulumi.local.yaml"]
    shutil.rmtree(project.root / "stacks")
    for name, text in [*files, ("__main__.py", program)]:
        (project.root / name).write_text(text, encoding="utf-8")
    project.good("check")
    assert "11 to create" in project.good("preview").err


SDK = """\
import pulumi
from pulumi_azure_native import machinelearningservices as ml
from aml_platform.components import Cluster, ClusterArgs, Workspace, WorkspaceArgs, manifest

made = Workspace(
    "ml",
    WorkspaceArgs(
        workspace_name="NAME",
        resource_group_name="NAME-rg",
        location="westeurope",
        sdk_arguments={
            "serverless_compute_settings": ml.ServerlessComputeSettingsArgs(
                serverless_compute_no_public_ip=True
            ),
            ARGUMENT
        },
    ),
)
found = ml.Workspace.get("found", made.workspace_id)
cpu = Cluster(
    "cpu",
    ClusterArgs(
        compute_name="cpu",
        workspace_name=found.name,
        resource_group_name="NAME-rg",
        location="westeurope",
        vm_size="STANDARD_DS3_V2",
        max_nodes=1,
    ),
)
pulumi.export(
    "manifest",
    manifest(found, {"cpu": cpu.target}, project="shop", stack="local", cloud="local"),
)
"""


@pytest.fixture
def sdk(project):
    """Return a project whose program mixes the SDK's workspaces with our components."""

    def written(argument=""):
        text = SDK.replace("NAME", project.name).replace("ARGUMENT", argument)
        (project.root / "__main__.py").write_text(text, encoding="utf-8")
        return project

    (project.root / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    file = project.root / "Pulumi.local.yaml"
    file.write_text("config: {aml:cloud: local}\n", encoding="utf-8")
    shutil.rmtree(project.root / "stacks")
    return written


def test_a_workspace_takes_arguments_of_the_sdk_and_any_workspace_has_a_manifest(sdk):
    deployed = sdk()
    assert "created" in deployed.good("up", "--yes").err
    written = deployed.good("outputs", "--json").data["manifest"]
    assert written["workspace"]["name"] == deployed.name
    assert written["workspace"]["id"].endswith(f"/workspaces/{deployed.name}")
    assert '"serverlessComputeNoPublicIP":true' in deployed.state_file().read_text("utf-8")
    again = deployed.good("up", "--no-fingerprint", "--expect-no-changes")
    assert "no changes" in again.err


NETWORK = """\
from pulumi_azure_native import network, resources

group = resources.ResourceGroup("group", resource_group_name="NAME-net-rg")
net = network.VirtualNetwork(
    "net",
    resource_group_name=group.name,
    virtual_network_name="NAME",
    address_space={"address_prefixes": ["10.0.0.0/16"]},
)
for at, name in enumerate(("a", "b")):
    network.Subnet(
        name,
        resource_group_name=group.name,
        virtual_network_name=net.name,
        subnet_name=name,
        address_prefix=f"10.0.{at}.0/24",
    )
"""


def test_subnets_of_their_own_are_no_drift_of_their_network(own):
    program = own.root / "platform_program/__main__.py"
    text = NETWORK.replace("NAME", own.name)
    program.write_text(text, encoding="utf-8")
    own.good("up", "--yes")
    assert "no drift" in own.good("drift").err
    tagged = text.replace("    address_space", '    tags={"a": "b"},\n    address_space')
    program.write_text(tagged, encoding="utf-8")
    assert "1 updated" in own.good("up", "--yes").err
    assert "no drift" in own.good("drift").err
    assert "no changes" in own.good("up", "--refresh", "--yes").err


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ('"hbi_workspace": True', "Use its argument high_business_impact."),
        ('"feature_store_setting": {}', "Did you mean 'feature_store_settings'?"),
    ],
)
def test_an_argument_that_is_not_the_sdks_is_refused(sdk, argument, said):
    assert said in sdk(argument).aml("preview").err


def test_its_targets_take_runs(own, tmp_path):
    own.good("up", "--yes")
    script = tmp_path / "job"
    script.mkdir()
    (script / "train.py").touch()
    (script / "requirements.txt").touch()
    found = own.good("targets", "--json").data
    kinds = {name: each["kind"] for name, each in found.items()}
    here = {"local": "local", "docker": "docker"}
    assert kinds == {**here, "north-cpu": "aml_compute", "south-cpu": "aml_compute"}
    said = own.good(
        "submit", "-c", "north-cpu", "--source-directory", script, "--dry-run", "train.py"
    )
    assert "north-cpu" in said.out + said.err


def test_only_the_cloud_is_checked_of_its_stack_files(own):
    assert "cloud local" in own.good("check").err
    file = own.root / "Pulumi.local.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("cloud: local", "cloud: lokal"))
    for command in ("check", "up"):
        assert "line 4: aml:cloud: 'lokal' is not allowed" in own.aml(command).err


def test_its_own_keys_are_set_without_complaint(own):
    assert own.good("config", "set", "churn:nodes", "3").err == ""
    own.good("up", "--yes")
    assert own.good("outputs", "--json").data["manifest"]["targets"]["north-cpu"]["max_nodes"] == 3


def test_a_package_of_our_name_is_found_before_the_program_runs(own):
    (own.root / "platform_program/infra").mkdir()
    (own.root / "platform_program/infra/__init__.py").touch()
    said = own.aml("preview")
    assert said.code == 2
    assert "hint: Rename it, for instance to 'platform_infra'" in said.err


def test_stack_files_without_a_project_file_run_the_packaged_program(project):
    (project.root / "Pulumi.yaml").unlink()
    assert "12 created" in project.good("up", "--yes").err
    assert "12 deleted" in project.good("destroy", "--yes").err


GROUP = """\
import pulumi
from pulumi_azure_native import resources

pulumi.export("name", resources.ResourceGroup("main", location="westeurope").name)
"""


def test_the_stack_prescribes_the_names_that_the_program_leaves_out(project):
    pattern = "  pulumi:autonaming: {pattern: '${project}-${stack}-${name}-${num(3)}'}\n"
    project.run_own(GROUP, pattern)
    project.good("up", "--yes")
    name = project.good("outputs", "--json").data["name"]
    assert re.fullmatch(r"shop-local-main-\d{3}", name)
    project.good("up", "--expect-no-changes", "--no-fingerprint")
    project.run_own(GROUP, "  pulumi:autonaming: {mode: verbatin}\n")
    said = project.aml("preview")
    assert said.code == 2
    assert "mode: Did you mean 'verbatim'?" in said.err
    project.run_own(GROUP)
    project.good("destroy", "--yes")


@pytest.mark.parametrize("denied", ["[azure-native]", "['*']"])
def test_a_stack_can_do_without_default_providers(project, denied):
    project.run_own(GROUP, f"  pulumi:disable-default-providers: {denied}\n")
    said = project.aml("preview")
    assert said.code == 1
    assert "The default provider of package 'azure-native' is disabled" in said.err


CONFIGURED = """\
import pulumi

config = pulumi.Config()
pulumi.export("size", config.require_int("size") + 1)
pulumi.export("team", config.get("team"))
"""
DECLARED = "config: {size: {type: integer, default: 2}, team: {type: string}}\n"


def test_stacks_have_what_the_project_declares_for_all(project):
    project.run_own(CONFIGURED)
    with (project.root / "Pulumi.yaml").open("a") as file:
        file.write(DECLARED)
    for command in (["check"], ["preview"], ["up", "--yes"]):
        said = project.aml(*command)
        assert said.code == 2
        assert "shop:team: is required: Pulumi.yaml declares it without a default." in said.err
    project.good("config", "set", "team", "ml")
    project.good("check")
    project.good("up", "--yes")
    assert project.good("outputs", "--json").data == {"size": 3, "team": "ml"}
    listed = project.good("config", "list", "--json").data
    assert [listed[f"shop:{key}"]["value"] for key in ("size", "team")] == [2, "ml"]
    assert project.good("config", "get", "size").out.strip() == "2"
    project.good("config", "set", "size", "many")
    said = project.aml("check")
    assert "line 4: shop:size: has to be of type integer, as Pulumi.yaml declares it." in said.err
    project.good("config", "set", "size", "9")
    project.good("up", "--yes")
    assert project.good("outputs", "--json").data["size"] == 10


def test_a_project_may_refresh_before_each_operation(project):
    project.run_own(GROUP)
    project.good("up", "--yes")
    (group,) = project.in_state()
    with closing(local_client(project.home)) as client:
        client.send("DELETE", group, api_version="2021-04-01")
    assert "no changes" in project.good("preview").err
    with (project.root / "Pulumi.yaml").open("a") as file:
        file.write("options: {refresh: always}\n")
    assert "1 to create" in project.good("preview").err
    assert "nothing to destroy" not in project.good("destroy", "--yes").err
    assert project.in_state() == []


@pytest.mark.parametrize("runtime", ["nodejs", "{name: yaml}"])
def test_a_program_in_another_language_is_for_the_pulumi_cli(project, runtime):
    project.run_own(GROUP)
    (project.root / "__main__.py").unlink()
    (project.root / "Pulumi.yaml").write_text(
        f"name: shop\nruntime: {runtime}\nstackConfigDir: stacks\n"
    )
    for command in (["preview"], ["up", "--yes"], ["destroy", "--yes"]):
        said = project.aml(*command)
        assert said.code == 2
        assert "the embedded engine runs Python." in said.err
        assert "--engine pulumi" in said.err


@pytest.mark.parametrize("command", [["check"], ["preview"], ["up", "--yes"]])
def test_environments_of_pulumi_cloud_are_refused(project, command):
    project.run_own(GROUP, "environment: [prod]\n")
    said = project.aml(*command)
    assert said.code == 2
    assert "line 3: environment: names environments of Pulumi Cloud (ESC)." in said.err


@pytest.mark.parametrize(
    "command",
    [("preview", "--json"), ("preview", "--format", "markdown"), ("up", "--yes", "--json")],
    ids=" ".join,
)
def test_a_command_that_prints_data_says_on_stderr_why_it_failed(project, command):
    project.run_own("raise ValueError('no such team: ml')\n")
    said = project.aml(*command)
    assert said.code != 0
    assert said.err.index("no such team: ml") < said.err.index("the errors are above")
