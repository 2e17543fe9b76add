"""A stack in a browser's hands: changes are planned first, and applied only as they were shown."""

import json
import time
from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.stack_console import ChangeState, FormError, ResourceProgress
from infra.deploy.console.change_files import ChangeStore
from infra.deploy.console.console import Console
from localcloud.console import LocalCloudConsole
from runtime.cli.root import run
from tests.deploy.outside import unchanged
from tests.deploy.project import make_project

pytestmark = pytest.mark.slow
CLUSTER = {"name": "wide", "vm_size": "STANDARD_DS3_V2", "max_nodes": "3", "tags": "a=1\nb=2"}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, aml_home, local_cloud):
    """A deployed stack for all tests of this module, each of which leaves it as it was."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        project = make_project(tmp_path_factory.mktemp("console"), None, "console")
        project.home.mkdir()
        (project.home / "cloud").symlink_to(aml_home / "cloud")
        patch.chdir(project.root)
        assert run(["up", "--yes"]) == 0
        yield project


@pytest.fixture(scope="module")
def console(deployed):
    return Console("local")


@pytest.fixture(autouse=True)
def kept(deployed):
    """Put the stack file back as it was; only the first test deploys what it adds."""
    text = deployed.stack_file().read_text(encoding="utf-8")
    yield
    deployed.stack_file().write_text(text, encoding="utf-8")


def settled(console, id):
    """Return a change once nobody works on it any more."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        change = console.change(id)
        if not change.state.busy:
            return change
        time.sleep(0.05)
    raise AssertionError(console.change(id))


def applied(console, id):
    assert settled(console, id).state is ChangeState.PLANNED
    console.apply(id)
    return settled(console, id)


def test_a_cluster_is_planned_shown_and_deployed(deployed, console):
    with unchanged(deployed.stack_file()):
        planned = settled(console, console.add_compute("aml_compute", CLUSTER))
    assert planned.state is ChangeState.PLANNED
    assert "+      name: wide" in "\n".join(planned.difference)
    assert [(step.mark, step.name, step.destroys) for step in planned.steps] == [
        ("+", "platform-wide", False)
    ]
    assert planned.summary.startswith("1 to create")
    for _ in range(2):  # somebody presses the button twice
        console.apply(planned.id)
    done = settled(console, planned.id)
    assert done.state is ChangeState.DONE, done.problem
    assert [(each.name, each.state) for each in done.progress if each.operation == "create"] == [
        ("platform-wide", "done")
    ]
    rows = {row.name: row for row in console.computes()}
    assert (rows["wide"].kind, rows["wide"].most, rows["wide"].declared) == ("aml_compute", 3, True)
    assert console.compute("wide").settings["tags"] == {"a": "1", "b": "2"}
    last = console.history()[0]
    assert (last.kind, last.message, last.succeeded) == (
        "update", "Create compute cluster wide", True,
    )  # fmt: skip
    assert [step.name for step in console.operation(last.number)] == ["platform-wide"]
    removed = applied(console, console.remove_compute("wide"))
    assert removed.state is ChangeState.DONE, removed.problem
    assert [row.name for row in console.computes()] == ["cpu"]


def test_each_wrong_setting_has_its_message(deployed, console):
    wrong = {"name": "1", "vm_size": "huge", "max_nodes": "many", "identity.names": "nobody"}
    with unchanged(deployed.stack_file()), pytest.raises(FormError) as refused:
        console.add_compute("aml_compute", wrong)
    assert {"name", "vm_size", "max_nodes", "identity.type"} <= refused.value.fields.keys()
    assert "whole number" in refused.value.fields["max_nodes"]


@pytest.mark.parametrize("tags", ["not a pair", "a=1\n=2"])
def test_a_message_about_one_tag_is_beside_the_tags(deployed, console, tags):
    with unchanged(deployed.stack_file()), pytest.raises(FormError) as refused:
        console.add_compute("aml_compute", CLUSTER | {"tags": tags})
    assert list(refused.value.fields) == ["tags"]
    assert not refused.value.others


def test_what_is_missing_of_a_machine_is_said_without_a_line_of_the_file(deployed, console):
    with unchanged(deployed.stack_file()), pytest.raises(FormError) as refused:
        console.add_compute("virtual_machine", {"name": "box", "user": "me"})
    assert "needs password or private_key." in refused.value.others


def test_a_deployment_that_fails_says_why_without_a_command_s_screen(deployed, console, capsys):
    compute = "Microsoft.MachineLearningServices/workspaces/computes"
    planned = settled(console, console.add_compute("aml_compute", CLUSTER | {"name": "never"}))
    LocalCloudConsole(deployed.home).fail(compute, "never", 1)
    with unchanged(deployed.stack_file()):
        console.apply(planned.id)
        failed = settled(console, planned.id)
    assert failed.state is ChangeState.FAILED
    assert failed.problem.startswith("The deployment failed.\nplatform-never: ")
    assert "InternalServerError" in failed.problem
    assert failed.remedy.endswith("The stack file is as it was.")
    assert "above" not in failed.problem
    assert "hint:" not in failed.problem
    (row,) = [each for each in failed.progress if each.error]
    assert "hint:" not in row.error
    assert row.remedy.startswith("Fix the cause")
    (why,) = console.history()[0].failures
    assert (why.name, why.type) == ("platform-never", "machinelearningservices:Compute")
    assert "InternalServerError" in why.message
    assert "hint:" not in why.message
    assert run(["history", "-n", "1"]) == 0
    told = capsys.readouterr().out
    assert " update failed:\n  machinelearningservices:Compute platform-never: " in told
    assert "InternalServerError" in told
    assert run(["history", "-n", "1", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["failures"][0]["urn"].endswith("::platform-never")
    assert applied(console, console.deploy()).state is ChangeState.DONE  # what is left is removed


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"max_nodes": "4"}, "Scale compute cluster cpu"),
        ({"max_nodes": "4", "idle_seconds": "777"}, "Change compute cluster cpu"),
    ],
)
def test_a_change_is_called_what_it_does(console, values, title):
    planned = settled(console, console.change_compute("cpu", values))
    assert planned.title == title
    console.discard(planned.id)


def test_what_is_wrong_with_a_map_is_beside_its_first_setting(deployed, console):
    both = {"setup.startup_script.path": "a.sh", "setup.startup_script.inline": "true"}
    wanted = {"name": "box1", "vm_size": "STANDARD_DS3_V2", **both}
    with unchanged(deployed.stack_file()), pytest.raises(FormError) as refused:
        console.add_compute("compute_instance", wanted)
    assert list(refused.value.fields) == ["setup.startup_script.path"]
    assert not refused.value.others


def test_kubernetes_clusters_of_the_subscription_are_found(console):
    cluster = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/console-k8s/providers"
        "/Microsoft.ContainerService/managedClusters/console-aks"
    )
    assert run(["cloud", "seed", cluster]) == 0
    assert cluster in console.attachable("kubernetes")


def test_what_is_detached_is_not_destroyed(console):
    account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/train"
    done = applied(console, console.add_compute("batch", {"name": "nodes", "resource_id": account}))
    assert done.state is ChangeState.DONE, done.problem
    removed = applied(console, console.remove_compute("nodes"))
    (last,) = console.operation(console.history()[0].number)
    assert removed.title == "Detach Batch account nodes"
    for (step,) in (removed.steps, [last]):
        assert (step.mark, step.destroys, step.detaches) == ("-", False, True)


def test_what_is_destroyed_is_marked(console):
    planned = settled(console, console.remove_compute("cpu"))
    assert planned.title == "Delete compute cluster cpu"
    assert [(step.mark, step.destroys) for step in planned.steps] == [("-", True)]
    console.discard(planned.id)
    assert console.change(planned.id).state is ChangeState.DISCARDED
    with pytest.raises(UsageError, match="discarded"):
        console.apply(planned.id)


def test_only_the_plan_that_was_shown_is_applied(deployed, console):
    planned = settled(console, console.change_compute("cpu", {"max_nodes": "4"}))
    assert [step.lines for step in planned.steps] == [("max_nodes 2 → 4",)]
    deployed.edit("max_nodes: 2", "max_nodes: 7")
    with unchanged(deployed.stack_file()):
        console.apply(planned.id)
        refused = settled(console, planned.id)
    assert refused.state is ChangeState.FAILED
    assert "was changed since this was planned" in refused.problem


def test_what_a_form_leaves_as_it_was_stays_as_it_was_written(deployed, console):
    flow = "max_nodes: 2, idle_seconds: 60}"
    deployed.edit(flow, "min_nodes: 0, " + flow)
    entered = {"min_nodes": "0", "max_nodes": "4", "idle_seconds": ""}
    planned = settled(console, console.change_compute("cpu", entered))
    changed = [line for line in planned.difference if line.startswith("+ ")]
    assert len(changed) == 1
    assert "min_nodes: 0, max_nodes: 4}" in changed[0]


def test_drift_is_adopted_or_reverted(deployed, console):
    assert not console.drift().resources
    scaled(deployed, 5)
    (row,) = console.drift().resources
    assert row.lines == ("max_nodes 2 → 5",)
    done = applied(console, console.settle_drift(adopt=False))
    assert done.state is ChangeState.DONE, done.problem
    assert {row.name: row.most for row in console.computes()}["cpu"] == 2
    scaled(deployed, 6)
    done = applied(console, console.settle_drift(adopt=True))
    assert done.state is ChangeState.DONE, done.problem
    assert "max_nodes: 6" in deployed.stack_file().read_text(encoding="utf-8")
    assert not console.drift().resources
    assert (
        applied(console, console.change_compute("cpu", {"max_nodes": "2"})).state
        is ChangeState.DONE
    )


def scaled(project, most):
    with closing(local_client(project.home)) as client:
        path = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg/providers"
            f"/Microsoft.MachineLearningServices/workspaces/{project.name}/computes/cpu"
        )
        limits = {"scaleSettings": {"maxNodeCount": most, "minNodeCount": 0}}
        body = {"properties": {"properties": limits}}
        client.complete("PATCH", path, api_version="2025-12-01", body=body)


def test_a_secret_is_nowhere_in_clear(deployed, console):
    values = {"name": "vm", "address": "127.0.0.1", "user": "ada", "password": "0pen-sesame"}
    planned = settled(console, console.add_compute("virtual_machine", values))
    assert "secure:" in "\n".join(planned.difference)
    folder = deployed.home / "changes" / "local" / planned.id
    assert [file for file in folder.iterdir() if "0pen-sesame" in file.read_text("utf-8")] == []
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def test_an_abandoned_change_is_said_to_be(deployed, console):
    planned = settled(console, console.deploy())
    assert planned.state is ChangeState.UNCHANGED
    files = ChangeStore(deployed.home, "local").one(planned.id)
    with files.locking(60):
        files.put(ChangeState.APPLYING)
        files.append(ResourceProgress("urn", "create", "t", "cpu", "working"))
        assert console.change(planned.id).state is ChangeState.APPLYING
    left = console.change(planned.id)
    assert "has ended before it was done" in left.problem
    assert [each.state for each in left.progress] == ["interrupted"]


def test_an_unknown_change_is_refused(console):
    for unknown in ("7", "../local", "x"):
        with pytest.raises(UnknownNameError):
            console.change(unknown)


def test_the_facts_of_a_stack(deployed, console):
    facts = console.facts()
    assert (facts.file, facts.cloud, facts.uncommitted) == ("stacks/Pulumi.local.yaml", "local", "")
    assert facts.resources > 5
    assert console.outputs()["manifest"]["stack"] == "local"
    assert console.soft_deleted() == []
    sizes = {size.name.lower(): size for size in console.sizes()}
    assert sizes["standard_ds3_v2"].vcpus == 4
    assert sizes["standard_ds3_v2"].left is not None
    assert sizes["standard_nc6"].instead == "Standard_NC4as_T4_v3"
