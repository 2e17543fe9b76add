"""The agent's tracking endpoint, spoken to by the real MLflow client in a child process."""

import json

import pytest

from runtime.agent.calls import events_of
from runtime.agent.tracking import InMemoryTracking
from runtime.agent.wire import RefusalError

TRACKS = """
import mlflow, tempfile, pathlib
with mlflow.start_run() as run:
    mlflow.log_param("alpha", 0.5)
    mlflow.log_params({"depth": 3, "seed": 1})
    for step in range(3):
        mlflow.log_metric("rmse", 1.0 / (step + 1), step=step)
    mlflow.log_metrics({"r2": 0.5, "broken": float("nan")})
    mlflow.set_tag("team", "ml")
    mlflow.log_dict({"a": 1}, "report/figures.json")
    pathlib.Path("empty.txt").touch()
    mlflow.log_artifact("empty.txt")
    with mlflow.start_run(nested=True):
        mlflow.log_metric("inner", 1.0)
client = mlflow.MlflowClient()
print("id", run.info.run_id)
print("history", [m.value for m in client.get_metric_history(run.info.run_id, "rmse")])
print("artifacts", sorted(f.path for f in client.list_artifacts(run.info.run_id)))
print("back", mlflow.artifacts.load_dict(run.info.artifact_uri + "/report/figures.json"))
print("params", client.get_run(run.info.run_id).data.params)
"""
LOGS_A_MODEL = """
import mlflow, numpy
from sklearn.linear_model import LinearRegression
with mlflow.start_run() as run:
    model = LinearRegression().fit(numpy.array([[1.0], [2.0]]), [1.0, 2.0])
    logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
print("by model", mlflow.sklearn.load_model(logged.model_uri).predict([[3.0]]).round(6))
by_run = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
print("by run", by_run.predict([[3.0]]).round(6))
"""


SEARCHES = """
import mlflow
from mlflow.exceptions import MlflowException
with mlflow.start_run() as own:
    experiment = own.info.experiment_id
    for name, value in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        with mlflow.start_run(nested=True, run_name=name):
            mlflow.log_metric("m", value)
def names(**how):
    how.setdefault("filter_string", "metrics.m > 0")
    found = mlflow.search_runs([experiment], output_format="list", **how)
    return [run.info.run_name for run in found]
print("filter", names(filter_string="metrics.m >= 2", order_by=["metrics.m DESC"]))
print("first", names(order_by=["metrics.m ASC"], max_results=1))
gone = mlflow.search_runs([experiment], "attributes.run_name = 'b'", output_format="list")[0]
mlflow.delete_run(gone.info.run_id)
print("left", sorted(names()))
try:
    names(filter_string="nonsense")
except MlflowException as error:
    print("refused", error.error_code)
"""


@pytest.fixture
def tracked(agent, tmp_path):
    """Run a script below the agent; return its output by the first word of each line."""

    def run(script, **variables):
        code, output = agent.run(script, HOME=str(tmp_path), **variables)
        assert code == 0, output
        pairs = (line.partition(" ")[::2] for line in output.splitlines())
        return dict(pairs)

    return run


def test_mlflow_tracks_to_the_agent(agent, tracked):
    said = tracked(TRACKS, MLFLOW_EXPERIMENT_NAME="exp")
    assert said["id"] == "exp_1_00000000"
    assert said["history"] == "[1.0, 0.5, 0.3333333333333333]"
    assert said["artifacts"] == "['empty.txt', 'report']"
    assert said["back"] == "{'a': 1}"
    assert said["params"] == "{'alpha': '0.5', 'depth': '3', 'seed': '1'}"
    assert metrics_of(agent) == {"rmse": [1.0, 0.5, 1 / 3], "r2": [0.5], "broken": ["NaN"]}
    assert json.loads((agent.folder / "outputs/artifacts/report/figures.json").read_text())


def test_mlflow_names_no_address_that_is_gone(agent, tmp_path):
    code, output = agent.run(
        "import mlflow\nwith mlflow.start_run(): mlflow.log_param('a', 1)\n", HOME=str(tmp_path)
    )
    assert code == 0
    assert "View run" not in output
    assert "127.0.0.1" not in output


def test_mlflow_searches_and_deletes_runs(tracked):
    said = tracked(SEARCHES)
    assert said["filter"] == "['a', 'c']"
    assert said["first"] == "['b']"
    assert said["left"] == "['a', 'c']"
    assert said["refused"] == "INVALID_PARAMETER_VALUE"


def metrics_of(agent):
    series = {}
    for event in agent.events:
        if event["kind"] == "metric" and "run" not in event["data"]:
            series.setdefault(event["data"]["key"], []).append(event["data"]["value"])
    return series


def test_what_mlflow_tracks_is_in_the_events(agent, tracked):
    tracked(TRACKS)
    seen = {(e["kind"], e["data"].get("key") or e["data"].get("path")) for e in agent.events}
    assert {("param", "alpha"), ("param", "depth"), ("tag", "team")} <= seen
    assert {("artifact", "report/figures.json"), ("artifact", "empty.txt")} <= seen
    nested = [e for e in agent.events if e["data"].get("key") == "inner"]
    assert all(event["data"]["run"] != "exp_1_00000000" for event in nested)


def test_mlflow_logs_a_model_and_loads_it(agent, tracked):
    said = tracked(LOGS_A_MODEL)
    assert said["by"] == "run [3.]"
    assert (agent.folder / "outputs/artifacts/model/MLmodel").is_file()


def test_a_call_without_the_token_is_refused(agent):
    script = (
        "import os, urllib.request, urllib.error\n"
        "url = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/get?run_id=x'\n"
        "try: urllib.request.urlopen(url)\n"
        "except urllib.error.HTTPError as e: print(e.code)\n"
    )
    assert agent.run(script) == (0, "401\n")


@pytest.mark.parametrize("path", ["..%2f..%2fsecret", "../../../secret", "0/x/artifacts/../../y"])
def test_artifacts_cannot_escape_their_folder(agent, path):
    script = (
        "import os, urllib.request, urllib.error\n"
        f"url = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow-artifacts/artifacts/{path}'\n"
        "token = {'Authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN']}\n"
        "put = urllib.request.Request(url, b'x', token, method='PUT')\n"
        "try: print(urllib.request.urlopen(put).status)\n"
        "except urllib.error.HTTPError as e: print(e.code)\n"
    )
    assert agent.run(script) == (0, "404\n")


@pytest.fixture
def tracking():
    return InMemoryTracking("run1", "exp", "7")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "runs/get", {"run_id": "other"}, "RESOURCE_DOES_NOT_EXIST"),
        ("GET", "experiments/get", {"experiment_id": "8"}, "RESOURCE_DOES_NOT_EXIST"),
        ("GET", "experiments/get-by-name", {"experiment_name": "x"}, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "experiments/create", {"name": "exp"}, "RESOURCE_ALREADY_EXISTS"),
        ("GET", "logged-models/m-1", {}, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "registered-models/create", {"name": "m"}, "ENDPOINT_NOT_FOUND"),
        ("POST", "runs/get", {"run_id": "run1"}, "ENDPOINT_NOT_FOUND"),
    ],
)
def test_refusals_have_mlflows_codes(tracking, method, path, body, code):
    with pytest.raises(RefusalError) as refused:
        tracking.answer(method, path, body)
    assert refused.value.code == code


def test_a_parameter_is_written_once(tracking):
    body = {"run_id": "run1", "key": "alpha", "value": "1"}
    tracking.answer("POST", "runs/log-parameter", body)
    tracking.answer("POST", "runs/log-parameter", body)
    with pytest.raises(RefusalError, match="alpha"):
        tracking.answer("POST", "runs/log-parameter", {**body, "value": "2"})


def test_the_latest_metric_is_the_one_of_the_highest_step(tracking):
    for step, value in ((5, 0.1), (2, 0.9)):
        body = {"run_id": "run1", "key": "loss", "value": value, "step": step, "timestamp": 1}
        tracking.answer("POST", "runs/log-metric", body)
    run = tracking.answer("GET", "runs/get", {"run_id": "run1"})["run"]
    assert [metric["value"] for metric in run["data"]["metrics"]] == [0.1]


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [
        (
            "runs/log-metric",
            {"key": "a", "value": 1, "step": "3", "timestamp": 9},
            [("metric", {"key": "a", "value": 1, "step": 3, "timestamp": 9})],
        ),
        (
            "runs/log-batch",
            {"params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "2"}]},
            [("param", {"key": "p", "value": "1"}), ("tag", {"key": "t", "value": "2"})],
        ),
        (
            "runs/set-tag",
            {"run_id": "nested", "key": "t", "value": "2"},
            [("tag", {"key": "t", "value": "2", "run": "nested"})],
        ),
        ("runs/update", {"status": "FINISHED"}, []),
        ("runs/get", {}, []),
    ],
)
def test_calls_become_events(path, body, events):
    assert list(events_of(path, body, "run1")) == events
