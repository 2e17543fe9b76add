"""A run of a cluster, submitted again with the versions its node reported."""

import os
import sys

import pytest

from infra.arm.client import local_client
from runtime.environments.declarations import read_declaration
from runtime.environments.installed_pythons import installed_pythons
from runtime.environments.lock_store import LockStore
from runtime.environments.uv_builder import uv_binary
from runtime.history.store import History
from runtime.model.environments import LOCK_PROPERTY, EnvironmentSpec
from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.collect import collect
from runtime.submit.rerun import RerunOptions, rerun_of
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Pace, Watcher
from runtime.targets.azureml import AzureMLTarget
from tests.localcloud.harness import SUB, connect, make_workspace
from tests.runtime.index import add_wheel, requirements

SCALE = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT60S"}
CLUSTER = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": SCALE}
SHOWS = "import planted; open('outputs/seen.txt', 'w').write(planted.__version__)"
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def target(aml_home, local_cloud):
    properties = {"computeType": "AmlCompute", "properties": CLUSTER}
    with connect(aml_home) as cloud:
        workspace = make_workspace(cloud.arm, f"{SUB}/resourceGroups/rerun")
        body = {"location": "westeurope", "properties": properties}
        assert cloud.arm("PUT", f"{workspace}/computes/cpu", body).is_success
    client = local_client(aml_home)
    made = AzureMLTarget(
        "cpu", client, workspace_id=workspace, compute_id=f"{workspace}/computes/cpu"
    )
    yield made
    made.close()
    client.close()


@pytest.fixture
def project(tmp_path):
    """Return the home folder and the history of a project."""
    home = tmp_path / ".aml"
    history = History(home / "history.sqlite")
    yield home, history
    history.close()


def ended(project, target, submitted):
    """Return the record of a run that has ended, and what its script wrote."""
    home, history = project
    run_id = submitted.run.run_id
    pace = Pace(first_s=0.05, longest_s=0.5)
    for _ in Watcher(history, pace=pace).watch({run_id: target}):
        pass
    collect(history, target, run_id, home, report=print)
    record = history.record(run_id)
    assert record.state is RunState.COMPLETED, record.error
    return record, (home / "outputs" / run_id / "outputs/seen.txt").read_text()


def test_the_versions_of_a_node_are_installed_again(project, target, tmp_path):
    home, history = project
    source, index = tmp_path / "src", tmp_path / "index"
    source.mkdir()
    add_wheel(index, "planted", "1.0")
    (source / "train.py").write_text(SHOWS)
    (source / "requirements.txt").write_text(requirements(index, "planted"))
    environment = read_declaration(source / "requirements.txt", python=HERE)
    spec = RunSpec("train.py", source, target="cpu", environment=environment)
    submitter = Submitter(home, history, built_here=lambda _: True)
    first, seen = ended(project, target, submitter.submit(spec, target))
    assert seen == "1.0"
    add_wheel(index, "planted", "2.0")
    again = rerun_of(first, home, RerunOptions())
    submitted = submitter.resubmit(again.spec, again.snapshot, target, git=again.git)
    second, seen = ended(project, target, submitted)
    assert seen == "1.0"
    assert second.properties[LOCK_PROPERTY] == first.properties[LOCK_PROPERTY]


OLD = "import sys; open('outputs/seen.txt', 'w').write('%d.%d' % sys.version_info[:2])"


@pytest.mark.parametrize("version", ["3.6", "3.7"])
def test_a_node_of_the_local_cloud_runs_scripts_on_older_pythons(
    project, target, tmp_path, version
):
    home, history = project
    found = installed_pythons(uv_binary(), os.environ)
    if version not in {".".join(map(str, python.version[:2])) for python in found}:
        pytest.skip(f"Python {version} is not installed")
    (tmp_path / "train.py").write_text(OLD)
    environment = EnvironmentSpec("conda", conda=f"dependencies: [python={version}]")
    spec = RunSpec("train.py", tmp_path, target="cpu", environment=environment)
    submitter = Submitter(home, history, built_here=lambda _: True)
    record, seen = ended(project, target, submitter.submit(spec, target))
    assert seen == version
    assert LockStore(home / "locks").load(record.properties[LOCK_PROPERTY]).python[:3] == version
