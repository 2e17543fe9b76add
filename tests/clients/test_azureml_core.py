"""Unmodified azureml-core: alone, in a job, and beside azure-ai-ml with azureml-mlflow."""

import pytest

from tests.clients.conftest import GROUP
from tests.clients.test_azure_ai_ml import JOB, OBSERVED
from tests.localcloud.harness import ML, SUB

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

CORE = "azureml-core==1.61.0.post4"
PROGRAMS = {
    "first_sdk": (CORE,),
    "first_sdk_assets": (CORE, "azureml-dataset-runtime==1.61.0", "pandas<3"),
    "first_sdk_in_job": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0"),
    "second_sdk_beside": (
        "azure-ai-ml==1.35.2", "azure-identity==1.27.0", "azureml-mlflow==1.62.0.post6", CORE,
    ),
}  # fmt: skip
KINDS = {
    "cpu": "AmlCompute",
    "hdi": "HDInsightCompute",
    "hdi-address": "HDInsightCompute",
    "batch": "BatchCompute",
    "bricks": "DatabricksCompute",
    "lake": "AdlaCompute",
    "vm": "RemoteCompute",
}
STORES = [
    "mine", "workspaceartifactstore", "workspaceblobstore", "workspacefilestore",
    "workspaceworkingdirectory",
]  # fmt: skip
METRICS = {"accuracy": [0.5, 0.75], "table": {"a": 1, "b": 2.5}}


@pytest.fixture(scope="module")
def first(observe):
    return observe("first_sdk")


@pytest.fixture(scope="module")
def assets(observe):
    return observe("first_sdk_assets")


@pytest.fixture(scope="module")
def in_job(observe):
    return observe("first_sdk_in_job")


@pytest.fixture(scope="module")
def beside(observe):
    return observe("second_sdk_beside")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("workspace", ["westeurope", "first-sdk", True]),
        ("cluster", ["Succeeded", 1, 3, "Steady", 0, [], None]),
        ("instance", ["Running", "Stopped", "Running", "Running", True]),
        ("datastores", ["workspaceblobstore", ["one"], STORES, "container", False]),
        ("left", []),
    ],
)
def test_a_workspace_its_computes_and_datastores(first, what, expected):
    assert first[what] == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("states", ["Succeeded"] * 6),
        ("kinds", KINDS),
        ("keys", ["dapi-canary", "canary"]),
    ],
)
def test_every_kind_of_compute_is_attached(first, what, expected):
    assert first["attached"][what] == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("metrics", {**METRICS, "losses": [3, 2, 1]}),
        ("status", "Completed"),
        ("team", "ml"),
        ("children", True),
        ("found", 1),
        ("experiments", ["first"]),
    ],
)
def test_runs_are_logged(first, what, expected):
    assert first["runs"][what] == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("logged", ["nan", "abc", {"a": [1, 2]}, True]),
        ("files", [True, "hello", "c"]),
        ("properties", {"p": "1"}),
        ("changed", True),
        ("children", ["Completed", "Completed"]),
        ("below", {"x": 1}),
        ("tagged", True),
        ("found", True),
        ("details", True),
        (
            "models",
            [
                ["theirs:2", {"k": "v"}, {"q": "r"}],
                ["ScikitLearn", "1.5", {}],
                ["theirs:2"],
                0.5,
                [True, ["ours", "theirs"], ["c"], ["theirs:2", "theirs:1"]],
            ],
        ),
        ("environments", ["1", "1", "2", ["azureml-defaults", "numpy"], ["plain"]]),
        (
            "datasets",
            [
                ["a,b\n1,2\n3,4\n"],
                [[[1], [3]], [[1, 2], [3, 4]]],
                {"file": 1, "table": 2},
                ["file"],
            ],
        ),
        ("secrets", [["db", "one"], {"db": "hunter2", "one": "1"}, ["one"]]),
        ("status", "Completed"),
    ],
)
def test_files_models_environments_datasets_and_secrets(assets, what, expected):
    assert assets[what] == expected


def test_a_script_in_a_job_logs_to_its_run(in_job, cloud):
    assert (in_job["status"], in_job["team"]) == ("Completed", "ml")
    assert (in_job["property"], in_job["models"]) == ("one", ["from-job"])
    workspace = f"{SUB}/resourceGroups/{GROUP}/providers/{ML}/workspaces/first-sdk-in-job"
    url = f"{cloud.url}/mlflow/v2.0{workspace}/api/2.0/mlflow/metrics/get-history"
    query = {"run_id": in_job["name"], "metric_key": "accuracy"}
    logged = cloud.http.get(url, params=query).json()["metrics"]
    assert [metric["value"] for metric in logged] == METRICS["accuracy"]


@pytest.mark.parametrize(("what", "expected"), OBSERVED)
def test_azure_ai_ml_works_beside_it(beside, what, expected):
    assert beside[what] == expected


@pytest.mark.parametrize(("what", "expected"), JOB)
def test_azure_ai_ml_runs_jobs_beside_it(beside, what, expected):
    assert beside["job"][what] == expected
