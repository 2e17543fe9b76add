"""One sweep with one seed: the same children wherever it runs, and whoever drives it."""

import json
import sys
from contextlib import closing

import pytest

from runtime.cli.root import run
from runtime.submit.session import open_session
from runtime.sweeps.project import results_of
from tests.localcloud.harness import SUB, connect, make_workspace
from tests.runtime.hosts import make_key, network, require_hosts

SWEEP = """\
type: sweep
experiment_name: seeds
compute: local
search_space:
  lr: {type: loguniform, min_value: -6, max_value: -1}
  batch: {type: choice, values: [16, 32, 64]}
  layers: {type: randint, upper: 9}
sampling_algorithm: {type: random, seed: 41}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 3, max_concurrent_trials: 3}
trial:
  command: echo ${{search_space.lr}} ${{search_space.batch}} ${{search_space.layers}}
  environment: {conda_file: {dependencies: [python=VERSION]}}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with network(folder) as (made,):
        made.account("trainer", key=make_key(folder / "key"))
        yield {
            "kind": "virtual_machine",
            "id": "/machines/vm",
            "address": made.address,
            "port": made.port,
            "user": "trainer",
            "host_key": made.host_key,
            "credentials": {"private_key": f"file:{folder / 'key'}"},
        }


@pytest.fixture
def project(aml_home, local_cloud, machine, tmp_path, monkeypatch):
    """A project whose stack has a cluster of the local cloud and a machine with ssh."""
    scale = {"minNodeCount": 0, "maxNodeCount": 3, "nodeIdleTimeBeforeScaleDown": "PT60S"}
    inner = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}
    body = {"location": "x", "properties": {"computeType": "AmlCompute", "properties": inner}}
    with connect(aml_home) as cloud:
        workspace = make_workspace(cloud.arm, f"{SUB}/resourceGroups/sweeps")
        assert cloud.arm("PUT", f"{workspace}/computes/cpu", body).is_success
    cluster = {"kind": "aml_compute", "id": f"{workspace}/computes/cpu", "max_nodes": 3,
               "vm_size": "STANDARD_DS3_V2"}  # fmt: skip
    manifest = {
        "version": 1, "project": "demo", "stack": "local", "cloud": "local",
        "workspace": {"id": workspace, "name": "demo", "location": "westeurope"},
        "targets": {"cpu": cluster, "vm": machine},
    }  # fmt: skip
    (aml_home / "manifests").mkdir(exist_ok=True)
    (aml_home / "manifests" / "local.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("AML_HOME", str(aml_home))
    monkeypatch.chdir(tmp_path)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / "sweep.yml").write_text(SWEEP.replace("VERSION", version))


@pytest.fixture
def children(project, capsys):
    """Return what runs the sweep and returns the values of its children, in their order."""

    def call(*options):
        capsys.readouterr()
        assert run(["submit", *options, "sweep.yml"]) == 0
        said = capsys.readouterr().err
        parent = next(line.split()[-1] for line in said.splitlines() if line.startswith("RunId"))
        with closing(open_session("local")) as session:
            found = results_of(session.history, session.history.record(parent))
            below = {e.run_id: str(e.state) for e in session.history.children(parent)}
        # One run has prepared the environment of all, unless the service does that.
        assert below.get(f"{parent}_preparation") == (
            None if "--native" in options else "Completed"
        )
        assert len(found.trials) == 3
        assert {str(each.state) for each in found.trials} == {"Completed"}
        return [each.assignment for each in sorted(found.trials, key=lambda each: each.id)]

    return call


@pytest.mark.needs_sshd
@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_seed_gives_the_same_children_on_every_target_and_to_the_service(children):
    here = children("--target", "local")
    assert len(here) == 3
    for options in (["cpu"], ["vm"], ["cpu", "--native"]):
        assert children("--target", *options) == here, options
