"""Waiting for nodes, being evicted from them, and the slots of compute instances."""

from dataclasses import replace

import pytest

from localcloud.calls.artifacts import artifact_store
from localcloud.nodes.scales import scale_of
from localcloud.nodes.scheduler import LocalNodes, NodeSettings
from runtime.model.states import RunState
from tests.localcloud.harness import IMAGE, waited

AT_ONCE = NodeSettings(boots_s=0, leaves_s=0, grace_s=1.0, look_every_s=0.02)
JOB = {"jobType": "Command", "computeId": "cpu", "environmentId": "azureml:env:1"}
ENDS = {RunState.COMPLETED, RunState.FAILED, RunState.CANCELED}


@pytest.fixture
def ws(chain, chain_workspace) -> str:
    scale = {"maxNodeCount": 1}
    cluster = {"vmSize": "STANDARD_DS3_V2", "vmPriority": "LowPriority", "scaleSettings": scale}
    instance = {"vmSize": "STANDARD_D2_V3"}
    for path, kind, inner in (
        ("computes/cpu", "AmlCompute", cluster),
        ("computes/box", "ComputeInstance", instance),
    ):
        body = {"computeType": kind, "properties": inner}
        answered = chain.arm(
            "PUT", f"{chain_workspace}/{path}", {"location": "westeurope", "properties": body}
        )
        assert answered.status_code < 300, answered.json()
    chain.arm(
        "PUT", f"{chain_workspace}/environments/env/versions/1", {"properties": {"image": IMAGE}}
    )
    return chain_workspace


@pytest.fixture
def nodes(chain, ws):
    made = []

    def begin(settings=AT_ONCE):
        chain.cloud.nodes = LocalNodes(chain.cloud, ca=chain.cloud.folder, settings=settings)
        made.append(chain.cloud.nodes)
        chain.cloud.nodes.start()
        return chain.cloud.nodes

    yield begin
    for each in made:
        each.stop()


def submit(chain, ws, command="sleep 30", name="j", **changes):
    body = {**JOB, "command": command, **changes}
    answered = chain.arm("PUT", f"{ws}/jobs/{name}", {"properties": body})
    assert answered.status_code == 201, answered.json()


def run(chain, ws, name="j"):
    return chain.cloud.store.runs.get(ws, name)


def until(chain, ws, states, name="j"):
    waited(lambda: run(chain, ws, name).state in states)
    return run(chain, ws, name)


def events(chain, ws, kind, name="j"):
    found = chain.cloud.store.runs.events(run(chain, ws, name).key)
    return [event.data for event in found if event.kind == kind]


@pytest.mark.parametrize("boots_s", [0, 3600])
def test_a_job_that_is_queued_too_long_has_failed_with_the_reason(
    chain, ws, nodes, boots_s
) -> None:
    started = nodes(replace(AT_ONCE, boots_s=boots_s))
    if not boots_s:
        submit(chain, ws, name="busy")
        until(chain, ws, {RunState.RUNNING}, "busy")
    limit = {"aml.queueTimeoutSeconds": "60"}
    submit(chain, ws, "true", properties=limit)
    submit(chain, ws, "true", name="patient")
    until(chain, ws, {RunState.QUEUED, RunState.PROVISIONING})
    chain.clock.now += 60
    started.compute_stored(f"{ws}/computes/cpu", created=False)  # wakes it: the clock stands still
    ended = until(chain, ws, ENDS)
    assert (ended.state, ended.error) == (
        RunState.FAILED, "It waited longer than its limit of 60 s for cpu.",
    )  # fmt: skip
    assert not run(chain, ws, "patient").state.final


@pytest.mark.parametrize("limit", ["soon", "0", "-1", "inf"])
def test_a_limit_of_the_queue_is_a_number_of_seconds(chain, ws, limit) -> None:
    body = {**JOB, "command": "true", "properties": {"aml.queueTimeoutSeconds": limit}}
    answered = chain.arm("PUT", f"{ws}/jobs/j", {"properties": body})
    assert answered.status_code == 400
    assert f"'{limit}' is not a time" in answered.json()["error"]["message"]


KEEPS = """
test -e ${{outputs.kept}}/step && cat ${{outputs.kept}}/step ${{outputs.lost}}/step
echo one > ${{outputs.kept}}/step; echo one > ${{outputs.lost}}/step
test -e %s || (touch %s; sleep 30)
"""


def test_an_evicted_job_finds_its_checkpoints_and_its_attempts_are_counted(
    chain, ws, nodes
) -> None:
    marker = chain.cloud.folder / "second-time"
    outputs = {
        "kept": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"},
        "lost": {"jobOutputType": "uri_folder", "mode": "Upload"},
    }
    started = nodes()
    submit(chain, ws, KEEPS % (marker, marker), outputs=outputs)
    waited(marker.exists)
    assert started.preempt(f"{ws}/computes/cpu") == ["node-0"]
    ended = until(chain, ws, ENDS)
    assert ended.state is RunState.COMPLETED, ended.error
    log = f"{ended.artifact_folder}/user_logs/std_log.txt"
    [blob] = chain.cloud.store.blobs.listing(*artifacts(chain, ws), log)
    text = blob.file.read_text()
    assert text.splitlines()[0] == "one"
    assert "No such file" in text
    states = events(chain, ws, "state")
    assert [each.get("attempt") for each in states if each["state"] == "Running"] == [None, 2]
    assert {"key": "aml.attempts", "value": "2"} in events(chain, ws, "property")


def artifacts(chain, ws):
    store = artifact_store(chain.cloud, ws)
    return store.account, store.container


def test_a_job_is_canceled_while_its_files_are_collected(chain, ws, nodes) -> None:
    started = nodes()
    submit(chain, ws, "cd outputs; seq 3000 | xargs touch")
    until(chain, ws, {RunState.FINALIZING})
    started.cancel(f"{ws}/jobs/j")
    assert until(chain, ws, ENDS).state is RunState.CANCELED


def test_an_instance_runs_as_many_jobs_as_it_has_cores_and_queues_the_others(
    chain, ws, nodes
) -> None:
    started = nodes()
    for name in ("a", "b", "c"):
        submit(chain, ws, name=name, computeId="box")
    for name in ("a", "b"):
        until(chain, ws, {RunState.RUNNING}, name)
    assert run(chain, ws, "c").state is RunState.QUEUED
    started.cancel(f"{ws}/jobs/a")
    until(chain, ws, {RunState.RUNNING}, "c")


def test_a_stopped_instance_ends_its_jobs_and_keeps_the_queue_for_its_next_start(
    chain, ws, nodes
) -> None:
    nodes()
    for name in ("a", "b", "c"):
        submit(chain, ws, name=name, computeId="box")
    for name in ("a", "b"):
        until(chain, ws, {RunState.RUNNING}, name)
    assert chain.arm("POST", f"{ws}/computes/box/stop").status_code == 202
    for name in ("a", "b"):
        ended = until(chain, ws, ENDS, name)
        assert (ended.state, "instance was stopped" in ended.error) == (RunState.FAILED, True)
    assert run(chain, ws, "c").state is RunState.QUEUED
    refused = chain.arm(
        "PUT", f"{ws}/jobs/d", {"properties": {**JOB, "command": "true", "computeId": "box"}}
    )
    assert refused.status_code == 409
    assert "box' is Stopped; start it" in refused.json()["error"]["message"]
    assert chain.arm("POST", f"{ws}/computes/box/start").status_code == 202
    until(chain, ws, {RunState.RUNNING}, "c")


@pytest.mark.parametrize(
    ("inner", "slots", "stopped"),
    [
        ({"vmSize": "STANDARD_DS3_V2"}, 4, False),
        ({"vmSize": "STANDARD_DS3_V2", "state": "Running"}, 4, False),
        ({"vmSize": "STANDARD_DS3_V2", "state": "Stopped"}, 0, True),
        ({"vmSize": "no_such_size"}, 1, False),
    ],
)
def test_the_slots_of_an_instance(inner, slots, stopped) -> None:
    scale = scale_of({"computeType": "ComputeInstance", "properties": inner})
    assert (scale.minimum, scale.maximum, scale.stopped) == (slots, slots, stopped)


def test_without_an_engine_a_run_says_that_its_image_was_not_used(
    chain, ws, nodes, monkeypatch
) -> None:
    monkeypatch.setenv("AML_CLOUD_CONTAINERS", "off")
    body = {"properties": {"image": "team.azurecr.io/own:1"}}
    assert chain.arm("PUT", f"{ws}/environments/own/versions/1", body).status_code == 201
    nodes()
    submit(chain, ws, "true", environmentId="azureml:own:1")
    ended = until(chain, ws, ENDS)
    says = (
        "The image team.azurecr.io/own:1 was not used: containers are switched off"
        " (AML_CLOUD_CONTAINERS=off)."
    )
    assert (ended.state, events(chain, ws, "property")) == (
        RunState.COMPLETED, [{"key": "aml.image", "value": says}],
    )  # fmt: skip
    log = f"{ended.artifact_folder}/azureml-logs/20_image_build_log.txt"
    [blob] = chain.cloud.store.blobs.listing(*artifacts(chain, ws), log)
    assert says in blob.file.read_text()
