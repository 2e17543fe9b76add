"""MLflow's REST API with an unmodified mlflow client, in a process of its own."""

import pytest


def test_a_run_with_everything(tracked) -> None:
    found = tracked(
        """
        mlflow.set_experiment("everything")
        with mlflow.start_run(run_name="first", tags={"team": "ml"}) as run:
            mlflow.log_params({"alpha": 0.1, "kind": "ridge"})
            for step in (1, 2):
                mlflow.log_metric("rmse", 1 / step, step=step)
            mlflow.log_metrics({"bad": float("nan"), "big": float("inf")})
            mlflow.log_text("hello", "notes/readme.txt")
            mlflow.log_input(mlflow.data.meta_dataset.MetaDataset(
                mlflow.data.http_dataset_source.HTTPDatasetSource("https://example.org/d.csv")))
        id = run.info.run_id
        run = client.get_run(id)
        print(json.dumps({
            "status": run.info.status, "name": run.info.run_name,
            "metrics": {k: repr(v) for k, v in run.data.metrics.items()},
            "params": run.data.params, "team": run.data.tags["team"],
            "history": [[m.step, m.value] for m in client.get_metric_history(id, "rmse")],
            "files": [f.path for f in client.list_artifacts(id, "notes")],
            "text": mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/readme.txt"),
            "inputs": len(run.inputs.dataset_inputs),
            "again": refused(client.log_param, id, "alpha", 2),
            "missing": refused(client.get_run, "nothing"),
        }))
        """
    )
    assert found == {
        "status": "FINISHED",
        "name": "first",
        "metrics": {"rmse": "0.5", "bad": "nan", "big": "inf"},
        "params": {"alpha": "0.1", "kind": "ridge"},
        "team": "ml",
        "history": [[1, 1.0], [2, 0.5]],
        "files": ["notes/readme.txt"],
        "text": "hello",
        "inputs": 1,
        "again": "INVALID_PARAMETER_VALUE",
        "missing": "RESOURCE_DOES_NOT_EXIST",
    }


def test_runs_are_searched_deleted_and_restored(tracked) -> None:
    found = tracked(
        """
        experiment = mlflow.set_experiment("search").experiment_id
        ids = []
        for value in (3, 1, 2):
            with mlflow.start_run() as run:
                mlflow.log_metric("m", value)
                ids.append(run.info.run_id)

        def search(text="", view=1, **more):
            runs = client.search_runs([experiment], text, view, order_by=["metrics.m ASC"], **more)
            return [run.data.metrics["m"] for run in runs]

        client.delete_run(ids[0])
        answer = {
            "low": search("metrics.m < 3"), "some": search(max_results=1),
            "active": search(), "all": search(view=3), "deleted": search(view=2),
        }
        client.restore_run(ids[0])
        answer["restored"] = search()
        answer["wrong"] = refused(client.search_runs, [experiment], "nonsense ~ 1")
        print(json.dumps(answer))
        """
    )
    assert found == {
        "low": [1.0, 2.0],
        "some": [1.0],
        "active": [1.0, 2.0],
        "all": [1.0, 2.0, 3.0],
        "deleted": [3.0],
        "restored": [1.0, 2.0, 3.0],
        "wrong": "INVALID_PARAMETER_VALUE",
    }


def test_experiments(tracked) -> None:
    found = tracked(
        """
        id = client.create_experiment("made", tags={"a": "b"})
        client.set_experiment_tag(id, "c", "d")
        taken = refused(client.create_experiment, "made")
        client.rename_experiment(id, "renamed")
        client.delete_experiment(id)
        stages = [client.get_experiment(id).lifecycle_stage]
        client.restore_experiment(id)
        experiment = client.get_experiment_by_name("renamed")
        stages.append(experiment.lifecycle_stage)
        named = client.search_experiments(filter_string="name = 'renamed'")
        with mlflow.start_run() as run:
            pass
        print(json.dumps({
            "tags": experiment.tags, "taken": taken, "stages": stages,
            "named": [e.name for e in named], "default": run.info.experiment_id,
            "nobody": client.get_experiment_by_name("nobody"),
        }))
        """
    )
    assert found == {
        "tags": {"a": "b", "c": "d"},
        "taken": "RESOURCE_ALREADY_EXISTS",
        "stages": ["deleted", "active"],
        "named": ["renamed"],
        "default": "0",
        "nobody": None,
    }


def test_a_logged_model_is_loaded_again(tracked) -> None:
    found = tracked(
        """
        import numpy
        from sklearn.linear_model import Ridge
        mlflow.set_experiment("models")
        model = Ridge().fit(numpy.array([[1.0], [2.0]]), numpy.array([1.0, 2.0]))
        with mlflow.start_run() as run:
            info = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
        id = run.info.run_id
        listed = mlflow.search_logged_models(output_format="list")
        print(json.dumps({
            "by_model": mlflow.sklearn.load_model(info.model_uri).coef_.tolist(),
            "by_run": mlflow.sklearn.load_model(f"runs:/{id}/model").coef_.tolist(),
            "expected": model.coef_.tolist(), "listed": [m.name for m in listed],
            "ready": listed[0].status.name, "folder": [f.path for f in client.list_artifacts(id)],
            "outputs": len(client.get_run(id).outputs.model_outputs),
        }))
        """
    )
    assert found.pop("by_model") == found.pop("by_run") == found.pop("expected")
    assert found == {"listed": ["model"], "ready": "READY", "folder": ["model"], "outputs": 1}


def test_nested_runs_are_children(tracked, cloud, workspace) -> None:
    ids = tracked(
        """
        with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
            pass
        print(json.dumps([parent.info.run_id, child.info.run_id]))
        """
    )
    children = cloud.http.get(f"/history/v1.0{workspace}/runs/{ids[0]}/children").json()["value"]
    assert [each["runId"] for each in children] == [ids[1]]


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        ("GET /api/2.0/mlflow/runs/get?run_id=x", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("POST /api/2.0/mlflow/registered-models/create", 400, "INVALID_PARAMETER_VALUE"),
        ("GET /api/2.0/mlflow/experiments/get-by-name", 400, "INVALID_PARAMETER_VALUE"),
        ("GET /api/2.0/mlflow/experiments/search?page_token=x", 400, "INVALID_PARAMETER_VALUE"),
        ("GET /api/2.0/mlflow-artifacts/artifacts/nothing", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("PUT /api/2.0/mlflow-artifacts/artifacts/a/%2e%2e/b", 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_errors_have_mlflows_codes(cloud, workspace, request_line, status, code) -> None:
    method, path = request_line.split()
    answered = cloud.http.request(method, f"/mlflow/v2.0{workspace}{path}")
    assert (answered.status_code, answered.json()["error_code"]) == (status, code)


def test_tracking_needs_a_token(cloud, workspace) -> None:
    url = f"/mlflow/v2.0{workspace}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert cloud.http.get(url, headers={"authorization": ""}).status_code == 401
