"""What a script logs with the real MLflow client is collected, the same from every target."""

import time

import pytest

from infra.arm.client import local_client
from runtime.model.environments import EnvironmentSpec
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run, poll
from tests.localcloud.harness import SUB, connect, make_workspace

SCRIPT = """
import mlflow

def predict(model_input: list[float]) -> list[float]:
    return model_input

open("a.txt", "w").write("a")
with mlflow.start_run():
    mlflow.log_artifact("a.txt")
    mlflow.log_artifact("a.txt", "notes/deep")
    mlflow.log_artifact("a.txt", "outputs")
    mlflow.log_text("äöü", "bäume/wald.txt")
    for _ in range(2):
        mlflow.pyfunc.log_model(name="model", python_model=predict, pip_requirements=[])
    with mlflow.start_run(nested=True):
        mlflow.log_artifact("a.txt", "nested")
        with mlflow.start_run(nested=True):
            mlflow.log_artifact("a.txt", "nested/twice")
open("outputs/weights.txt", "w").write("w")
"""
EXPECTED = {
    "a.txt",
    "bäume/wald.txt",
    "model/MLmodel",
    "models/<id>/MLmodel",
    "notes/deep/a.txt",
    "outputs/a.txt",
    "outputs/weights.txt",
    "runs/<id>/nested/a.txt",
    "runs/<id>/nested/twice/a.txt",
    "user_logs/std_log.txt",
}
OF_THE_ENVIRONMENT = {
    "azureml-logs/20_image_build_log.txt",
    "logs/azureml/aml_environment.lock",
}
CLUSTER = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1}}


@pytest.fixture
def local(tmp_path):
    return LocalTarget(tmp_path / "home")


@pytest.fixture
def cluster(aml_home, local_cloud):
    group = f"{SUB}/resourceGroups/artifacts"
    properties = {"computeType": "AmlCompute", "properties": CLUSTER}
    with connect(aml_home) as cloud:
        workspace = make_workspace(cloud.arm, group)
        body = {"location": "westeurope", "properties": properties}
        assert cloud.arm("PUT", f"{workspace}/computes/cpu", body).is_success
    client = local_client(aml_home)
    target = AzureMLTarget(
        "cpu", client, workspace_id=workspace, compute_id=f"{workspace}/computes/cpu"
    )
    yield target
    target.close()
    client.close()


def general(path):
    """Return a path with the ids of runs and models replaced."""
    head, *rest = path.split("/")
    return "/".join([head, "<id>", *rest[1:]] if head in {"runs", "models"} else [head, *rest])


@pytest.mark.parametrize("where", ["local", "cluster"])
def test_artifacts_models_and_nested_runs_are_collected(where, request, tmp_path):
    target = request.getfixturevalue(where)
    environment = EnvironmentSpec("user_managed")
    handle = target.launch(a_run(tmp_path, SCRIPT, environment=environment))
    deadline = time.monotonic() + 120
    while not poll(target, handle).state.final:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    logs = "".join(chunk.text for chunk in target.logs(handle, {}))
    assert poll(target, handle).state is RunState.COMPLETED, logs
    into, left_out = tmp_path / "collected", []
    files = target.collect(handle, into, left_out.append)
    found = {general(file.relative_to(into).as_posix()) for file in files}
    in_models = {path for path in found if path.startswith("model") and "MLmodel" not in path}
    assert found - in_models - OF_THE_ENVIRONMENT == EXPECTED
    assert (into / "bäume/wald.txt").read_text(encoding="utf-8") == "äöü"
    assert not left_out
