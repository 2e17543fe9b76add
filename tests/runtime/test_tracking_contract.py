"""What MLflow's API answers is the same on every target: the agent's own server, and the cloud's.

A script that searches, deletes or pages its runs must not find out where it runs.
"""

import io
import json
import re

import pytest

from localcloud.calls.cloud import Cloud
from localcloud.planes.mlflow import ENDPOINTS
from localcloud.store.store import Store
from runtime.agent.artifacts import Artifacts
from runtime.agent.backends import OwnBackend
from runtime.agent.tracking import InMemoryTracking
from runtime.agent.wire import RefusalError, TrackingCall, TrackingReply
from tests.localcloud.harness import SUB, Chain, Clock, make_workspace

RUNS = {
    "low": {"rmse": 0.1, "alpha": "1", "team": "ml"},
    "middle": {"rmse": 0.5, "alpha": "2", "team": "ml"},
    "high": {"rmse": 0.9, "alpha": "2"},
    "broken": {"rmse": float("nan"), "alpha": "3"},
    "empty": {},
}


class TrackingContract:
    """Inherit it, with a fixture ``server``: ``server(method, path, body) -> (status, answer)``."""

    @pytest.fixture
    def call(self, server):
        def call(path, method="POST", **body):
            status, answer = server(method, path, body)
            assert status == 200, answer
            return answer

        return call

    @pytest.fixture
    def refused(self, server):
        def refused(path, method="POST", **body):
            status, answer = server(method, path, body)
            assert status >= 400, answer
            return status, answer["error_code"], answer["message"]

        return refused

    @pytest.fixture
    def experiment(self, call):
        return call("experiments/create", name="contract")["experiment_id"]

    @pytest.fixture
    def ids(self, call, experiment):
        """Five runs, started in the order of their names here."""
        ids = {}
        for number, (name, logged) in enumerate(RUNS.items()):
            made = call(
                "runs/create", experiment_id=experiment, run_name=name, start_time=1000 + number
            )
            ids[name] = made["run"]["info"]["run_id"]
            log(call, ids[name], logged)
        return ids

    @pytest.fixture
    def search(self, call, experiment, ids):
        def search(filter="", **more):
            answer = call("runs/search", experiment_ids=[experiment], filter=filter, **more)
            return [run["info"]["run_name"] for run in answer.get("runs", ())]

        return search

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("", {*RUNS}),
            ("metrics.rmse < 0.6", {"low", "middle"}),
            ("metrics.rmse < 0.6 and params.alpha = '2'", {"middle"}),
            ("params.alpha != '2'", {"low", "broken"}),
            ("tags.team = 'ml'", {"low", "middle"}),
            ("tags.team IS NULL", {"high", "broken", "empty"}),
            ("tags.`team` LIKE 'm%'", {"low", "middle"}),
            ("attributes.run_name = 'high'", {"high"}),
            ("run_name ILIKE 'HIG_'", {"high"}),
            ("run_name IN ('low', 'high')", {"low", "high"}),
            ("attributes.start_time > 1002", {"broken", "empty"}),
            ("attributes.status = 'RUNNING'", {*RUNS}),
            ("metrics.missing > 0", set()),
        ],
    )
    def test_a_filter_is_honoured(self, search, filter, found):
        assert set(search(filter)) == found

    @pytest.mark.parametrize(
        ("order", "found"),
        [
            ([], ["empty", "broken", "high", "middle", "low"]),
            (["attributes.start_time ASC"], [*RUNS]),
            (["metrics.rmse DESC"], ["high", "middle", "low", "broken", "empty"]),
            (["metrics.rmse ASC"], ["low", "middle", "high", "broken", "empty"]),
            (["params.alpha DESC", "start_time"], ["broken", "middle", "high", "low", "empty"]),
        ],
    )
    def test_an_order_is_honoured(self, search, order, found):
        assert search(order_by=order) == found

    def test_a_page_has_max_results_and_names_the_next(self, call, experiment, ids):
        pages, token = [], ""
        while token is not None:
            answer = call(
                "runs/search", experiment_ids=[experiment], max_results=2, page_token=token
            )
            pages.append([run["info"]["run_name"] for run in answer["runs"]])
            token = answer.get("next_page_token")
        assert pages == [["empty", "broken"], ["high", "middle"], ["low"]]

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ({"filter": "nonsense"}, "Invalid clause"),
            ({"filter": "metrics.rmse < 1 or metrics.rmse > 2"}, "Invalid clause"),
            ({"filter": "colors.red = 'x'"}, "Invalid entity type"),
            ({"filter": "attributes.nothing = 'x'"}, "Invalid attribute key"),
            ({"filter": "nothing = 'x'"}, "Invalid attribute key"),
            ({"filter": "metrics.rmse = 'low'"}, "number"),
            ({"filter": "metrics.rmse LIKE 'low'"}, "Invalid comparator"),
            ({"filter": "params.alpha = 2"}, "quoted string"),
            ({"filter": "params.alpha > '2'"}, "Invalid comparator"),
            ({"filter": "start_time = '5'"}, "number"),
            ({"order_by": ["metrics.rmse UPWARDS"]}, "Invalid order_by"),
            ({"order_by": ["nothing"]}, "Invalid attribute key"),
            ({"max_results": "many"}, "max_results"),
            ({"max_results": -1}, "max_results"),
        ],
    )
    def test_a_search_that_cannot_be_answered_is_refused(self, refused, experiment, body, says):
        status, code, message = refused("runs/search", experiment_ids=[experiment], **body)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert says in message

    def test_a_deleted_run_is_found_where_deleted_ones_are_asked_for(self, call, search, ids):
        call("runs/delete", run_id=ids["low"])
        assert "low" not in search()
        assert search(run_view_type="DELETED_ONLY") == ["low"]
        assert set(search(run_view_type="ALL")) == {*RUNS}
        info = call("runs/get", "GET", run_id=ids["low"])["run"]["info"]
        assert info["lifecycle_stage"] == "deleted"
        call("runs/restore", run_id=ids["low"])
        assert "low" in search()

    @pytest.mark.parametrize(
        ("path", "method"),
        [
            ("runs/get", "GET"),
            ("runs/delete", "POST"),
            ("runs/restore", "POST"),
            ("runs/update", "POST"),
            ("runs/set-tag", "POST"),
            ("metrics/get-history", "GET"),
            ("metrics/get-history-bulk", "GET"),
        ],
    )
    def test_an_unknown_run_is_absent(self, refused, path, method):
        status, code, message = refused(path, method, run_id="nothing", key="a", metric_key="a")
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert message == "Run with id=nothing not found"

    def test_experiments_are_searched_renamed_deleted_and_restored(self, call, experiment):
        def found(**more):
            return {e["name"] for e in call("experiments/search", **more)["experiments"]}

        call("experiments/set-experiment-tag", experiment_id=experiment, key="team", value="ml")
        assert found(filter="tags.team = 'ml'") == {"contract"}
        assert found(filter="name = 'contract'", max_results=1) == {"contract"}
        call("experiments/update", experiment_id=experiment, new_name="renamed")
        assert found(filter="name LIKE 'ren%'") == {"renamed"}
        call("experiments/delete-experiment-tag", experiment_id=experiment, key="team")
        assert found(filter="tags.team = 'ml'") == set()
        call("experiments/delete", experiment_id=experiment)
        assert "renamed" not in found()
        assert found(view_type="DELETED_ONLY") == {"renamed"}
        call("experiments/restore", experiment_id=experiment)
        assert "renamed" in found()

    def test_a_deleted_experiment_takes_no_runs(self, call, refused, experiment):
        call("experiments/delete", experiment_id=experiment)
        _, code, message = refused("runs/create", experiment_id=experiment)
        assert (code, message) == ("INVALID_PARAMETER_VALUE", "'contract' was deleted.")

    def test_an_experiments_name_is_taken_once(self, refused, experiment):
        status, code, _ = refused("experiments/create", name="contract")
        assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")

    def test_an_invalid_search_of_experiments_is_refused(self, refused):
        assert refused("experiments/search", filter="run_id = 'x'")[0] == 400
        assert refused("experiments/search", order_by=["what ever"])[0] == 400

    def test_a_batch_is_all_or_nothing(self, call, refused, ids):
        _, code, message = refused(
            "runs/log-batch",
            run_id=ids["low"],
            params=[{"key": "alpha", "value": "other"}],
            tags=[{"key": "batch", "value": "1"}],
            metrics=[{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
        )
        assert code == "INVALID_PARAMETER_VALUE"
        assert "Changing param values is not allowed" in message
        data = call("runs/get", "GET", run_id=ids["low"])["run"]["data"]
        assert {tag["key"] for tag in data["tags"]} == {"team", "mlflow.runName"}
        assert {metric["key"] for metric in data["metrics"]} == {"rmse"}

    @pytest.mark.parametrize("value", ["low", None, {"a": 1}])
    def test_a_metric_that_is_no_number_is_refused(self, refused, ids, value):
        status, code, message = refused(
            "runs/log-metric", run_id=ids["low"], key="m", value=value, timestamp=1
        )
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "value" in message

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), (1.5, 1.5)],
    )
    def test_an_answer_is_valid_json_whatever_was_logged(self, call, ids, sent, shown):
        call("runs/log-metric", run_id=ids["low"], key="m", value=sent, timestamp=1, step=0)
        metrics = call("runs/get", "GET", run_id=ids["low"])["run"]["data"]["metrics"]
        assert {m["key"]: m["value"] for m in metrics}["m"] == shown
        history = call("metrics/get-history", "GET", run_id=ids["low"], metric_key="m")
        assert [m["value"] for m in history["metrics"]] == [shown]

    def test_a_metrics_history_comes_in_pages(self, call, ids):
        for step in range(5):
            call("runs/log-metric", run_id=ids["low"], key="m", value=step, timestamp=1, step=step)
        asked = {"run_id": ids["low"], "metric_key": "m", "max_results": "2"}
        first = call("metrics/get-history", "GET", **asked)
        assert [m["step"] for m in first["metrics"]] == [0, 1]
        token = first["next_page_token"]
        assert [
            m["step"]
            for m in call("metrics/get-history", "GET", page_token=token, **asked)["metrics"]
        ] == [2, 3]

    def test_a_tag_is_deleted_once(self, call, refused, ids):
        call("runs/delete-tag", run_id=ids["low"], key="team")
        status, code, _ = refused("runs/delete-tag", run_id=ids["low"], key="team")
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")

    def test_the_name_tag_renames_a_run(self, call, ids):
        call("runs/set-tag", run_id=ids["low"], key="mlflow.runName", value="lowest")
        info = call("runs/get", "GET", run_id=ids["low"])["run"]["info"]
        assert info["run_name"] == "lowest"

    def test_logged_models_are_searched_and_deleted(self, call, refused, experiment, ids):
        made = [
            call(
                "logged-models",
                experiment_id=experiment,
                name=name,
                source_run_id=ids["low"],
                tags=[{"key": "team", "value": name}],
            )["model"]["info"]["model_id"]
            for name in ("one", "two", "three")
        ]

        def found(**more):
            models = call("logged-models/search", experiment_ids=[experiment], **more)
            return [model["info"]["name"] for model in models.get("models", ())]

        by_name = [{"field_name": "name", "ascending": True}]
        assert found(order_by=by_name) == ["one", "three", "two"]
        assert found(order_by=by_name, max_results=1) == ["one"]
        assert found(filter="name = 'two'") == ["two"]
        assert found(filter="tags.team LIKE 't%'", order_by=by_name) == ["three", "two"]
        assert refused("logged-models/search", filter="size > 3")[0] == 400
        call(f"logged-models/{made[0]}/tags/team", "DELETE")
        assert found(filter="tags.team = 'one'") == []
        call(f"logged-models/{made[0]}", "DELETE")
        assert refused(f"logged-models/{made[0]}", "GET")[0] == 404

    def test_an_unsupported_call_says_so(self, refused):
        status, code, _ = refused("unheard/of")
        assert (status, code) == (404, "ENDPOINT_NOT_FOUND")


def log(call, run_id, logged):
    if "rmse" in logged:
        value = logged["rmse"] if logged["rmse"] == logged["rmse"] else "NaN"
        call("runs/log-metric", run_id=run_id, key="rmse", value=value, timestamp=1, step=0)
    if "alpha" in logged:
        call("runs/log-parameter", run_id=run_id, key="alpha", value=logged["alpha"])
    if "team" in logged:
        call("runs/set-tag", run_id=run_id, key="team", value=logged["team"])


@pytest.fixture
def agent_server(tmp_path):
    tracking = InMemoryTracking("own", "Default", "0")
    artifacts = Artifacts(tmp_path, "own", tracking.model_name, tracking.model_run)
    backend = OwnBackend(tracking, artifacts, "own", lambda *_: None)

    def answer(method, path, body):
        target = f"/api/2.0/mlflow/{path}"
        if method == "GET":
            target += "?" + "&".join(f"{key}={value}" for key, value in body.items())
        content = b"" if method == "GET" else json.dumps(body).encode()
        call = TrackingCall(method, target, io.BytesIO(content), len(content), "application/json")
        try:
            reply = backend.answer(call)
        except RefusalError as refusal:
            reply = TrackingReply.of_refusal(refusal)
        return reply.status, json.loads(reply.content)

    return answer


class TestAgent(TrackingContract):
    @pytest.fixture
    def server(self, agent_server):
        return agent_server


class TestCloud(TrackingContract):
    @pytest.fixture
    def server(self, tmp_path):
        store = Store(tmp_path / "cloud")
        chain = Chain(Cloud(store, tmp_path / "cloud", "https://127.0.0.1:1", clock=Clock()), None)
        workspace = make_workspace(chain.arm, f"{SUB}/resourceGroups/g")

        def answer(method, path, body):
            reply = chain.call(
                method,
                f"/mlflow/v2.0{workspace}/api/2.0/mlflow/{path}",
                query=body if method == "GET" else {},
                headers={"authorization": f"Bearer {chain._token}"},
                body=b"" if method == "GET" else json.dumps(body).encode(),
            )
            return reply.status_code, reply.json()

        yield answer
        store.close()


REGISTRY = [each for each in ENDPOINTS if re.search(" (registered-models|model-versions)", each)]


def answered_by(server, endpoint):
    method, path = re.sub(r"\{\}", "x", endpoint).split()
    _, answer = server(method, path, {})
    return answer.get("error_code")


@pytest.mark.parametrize("endpoint", sorted({*ENDPOINTS} - {*REGISTRY}))
def test_the_agent_knows_every_endpoint_of_the_cloud(agent_server, endpoint):
    assert answered_by(agent_server, endpoint) != "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("endpoint", REGISTRY)
def test_the_agent_refuses_the_model_registry_which_a_workspace_has(agent_server, endpoint):
    assert answered_by(agent_server, endpoint) == "ENDPOINT_NOT_FOUND"
