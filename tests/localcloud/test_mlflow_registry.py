"""MLflow's model registry with an unmodified mlflow client, and what it refuses."""

import pytest

RUN = """
def log(name, text="weights"):
    with mlflow.start_run() as run:
        mlflow.log_text(text, f"{name}/data.txt")
        mlflow.log_text("flavors: {}", f"{name}/MLmodel")
    return run.info.run_id
"""


def test_a_model_is_registered_read_changed_and_deleted(tracked) -> None:
    found = tracked(
        RUN
        + """
run = log("files")
first = mlflow.register_model(f"runs:/{run}/files", "first-model", tags={"a": "b"})
second = mlflow.register_model(f"runs:/{run}/files", "first-model")
client.update_registered_model("first-model", "about it")
client.update_model_version("first-model", "1", "the first")
client.set_registered_model_tag("first-model", "team", "ml")
client.set_model_version_tag("first-model", "1", "c", "d")
client.delete_model_version_tag("first-model", "1", "a")
model = client.get_registered_model("first-model")
version = client.get_model_version("first-model", "1")
answer = {
    "versions": [first.version, second.version], "run": version.run_id == run,
    "status": version.status, "stage": version.current_stage,
    "described": [model.description, version.description],
    "tags": [model.tags, version.tags],
    "latest": [v.version for v in model.latest_versions],
    "newest": [v.version for v in client.get_latest_versions("first-model")],
    "file": mlflow.artifacts.load_text(
        client.get_model_version_download_uri("first-model", "2") + "/data.txt"),
}
client.rename_registered_model("first-model", "renamed-model")
renamed = client.get_registered_model("renamed-model")
answer["renamed"] = [renamed.name, client.get_model_version("renamed-model", "2").version]
answer["old name"] = refused(client.get_registered_model, "first-model")
client.delete_model_version("renamed-model", "2")
answer["one left"] = client.get_latest_versions("renamed-model")[0].version
client.delete_registered_model("renamed-model")
answer["deleted"] = refused(client.get_model_version, "renamed-model", "1")
print(json.dumps(answer))
"""
    )
    assert found == {
        "versions": ["1", "2"],
        "run": True,
        "status": "READY",
        "stage": "None",
        "described": ["about it", "the first"],
        "tags": [{"team": "ml"}, {"c": "d"}],
        "latest": ["2"],
        "newest": ["2"],
        "file": "weights",
        "renamed": ["renamed-model", "2"],
        "old name": "RESOURCE_DOES_NOT_EXIST",
        "one left": "1",
        "deleted": "RESOURCE_DOES_NOT_EXIST",
    }


def test_aliases(tracked) -> None:
    found = tracked(
        RUN
        + """
run = log("files")
for _ in range(2):
    mlflow.register_model(f"runs:/{run}/files", "aliased")
client.set_registered_model_alias("aliased", "champion", "1")
answer = {"first": client.get_model_version_by_alias("aliased", "champion").version}
client.set_registered_model_alias("aliased", "champion", 2)
client.set_registered_model_alias("aliased", "challenger", "1")
answer["moved"] = client.get_model_version_by_alias("aliased", "champion").version
answer["of the model"] = client.get_registered_model("aliased").aliases
answer["of a version"] = list(client.get_model_version("aliased", "2").aliases)
client.delete_registered_model_alias("aliased", "challenger")
answer["removed"] = refused(client.get_model_version_by_alias, "aliased", "challenger")
client.delete_model_version("aliased", "2")
answer["of a deleted version"] = refused(client.get_model_version_by_alias, "aliased", "champion")
answer["no version"] = refused(client.set_registered_model_alias, "aliased", "best", "9")
print(json.dumps(answer))
"""
    )
    assert found == {
        "first": "1",
        "moved": "2",
        "of the model": {"champion": "2", "challenger": "1"},
        "of a version": ["champion"],
        "removed": "INVALID_PARAMETER_VALUE",
        "of a deleted version": "INVALID_PARAMETER_VALUE",
        "no version": "RESOURCE_DOES_NOT_EXIST",
    }


def test_models_and_versions_are_searched(tracked) -> None:
    found = tracked(
        RUN
        + """
runs = [log("files"), log("files")]
for run in runs:
    mlflow.register_model(f"runs:/{run}/files", "searched-a", tags={"stage": "new"})
mlflow.register_model(f"runs:/{runs[0]}/files", "searched-b")
client.set_registered_model_tag("searched-b", "team", "ml")

def names(text="name LIKE 'searched-%'", **more):
    return [m.name for m in client.search_registered_models(text, **more)]

def versions(text, **more):
    return [[v.name, v.version] for v in client.search_model_versions(text, **more)]

page = client.search_registered_models("name LIKE 'searched-%'", max_results=1)
print(json.dumps({
    "all": names(), "descending": names(order_by=["name DESC"]),
    "two orders": versions(
        "name LIKE 'searched-%'", order_by=["name DESC", "version_number DESC"]),
    "tagged": names("tags.team = 'ml'"), "named": names("name = 'searched-a'"),
    "pages": [page[0].name, names(page_token=page.token)],
    "by run": versions(f"run_id = '{runs[1]}'"),
    "by name": versions("name = 'searched-a'", order_by=["version_number DESC"]),
    "by number": versions("name = 'searched-a' and version_number > 1"),
    "by tag": versions("tags.stage = 'new'", order_by=["version_number ASC"]),
    "nonsense": refused(client.search_registered_models, "nonsense ~ 1"),
    "no such key": refused(client.search_registered_models, "run_id = 'a'"),
    "metrics": refused(client.search_model_versions, "metrics.a > 1"),
    "prompts": refused(client.search_registered_models, "tags.`mlflow.prompt.is_prompt` = 'true'"),
}))
"""
    )
    assert found == {
        "all": ["searched-a", "searched-b"],
        "descending": ["searched-b", "searched-a"],
        "two orders": [["searched-b", "1"], ["searched-a", "2"], ["searched-a", "1"]],
        "tagged": ["searched-b"],
        "named": ["searched-a"],
        "pages": ["searched-a", ["searched-b"]],
        "by run": [["searched-a", "2"]],
        "by name": [["searched-a", "2"], ["searched-a", "1"]],
        "by number": [["searched-a", "2"]],
        "by tag": [["searched-a", "1"], ["searched-a", "2"]],
        "nonsense": "INVALID_PARAMETER_VALUE",
        "no such key": "INVALID_PARAMETER_VALUE",
        "metrics": "INVALID_PARAMETER_VALUE",
        "prompts": "NOT_IMPLEMENTED",
    }


def test_a_model_is_registered_while_it_is_logged_and_loaded_again(
    tracked, cloud, workspace
) -> None:
    found = tracked(
        """
        import numpy
        from sklearn.linear_model import Ridge
        model = Ridge().fit(numpy.array([[1.0], [2.0]]), numpy.array([1.0, 2.0]))
        with mlflow.start_run() as run:
            info = mlflow.sklearn.log_model(
                model, name="model", registered_model_name="ridge", pip_requirements=[])
        client.set_registered_model_alias("ridge", "best", "1")
        copied = client.copy_model_version("models:/ridge/1", "ridge-copy")
        uris = ["models:/ridge/1", "models:/ridge/latest", "models:/ridge@best",
                "models:/ridge-copy/1"]
        tags = client.get_logged_model(info.model_id).tags
        print(json.dumps({
            "version": info.registered_model_version,
            "loaded": [mlflow.sklearn.load_model(uri).coef_.tolist() for uri in uris],
            "expected": model.coef_.tolist(), "copied": copied.version,
            "noted": json.loads(tags["mlflow.modelVersions"])[0],
            "run": client.get_model_version("ridge", "1").run_id == run.info.run_id,
        }))
        """
    )
    assert found.pop("loaded") == [found.pop("expected")] * 4
    assert found == {
        "version": "1", "copied": "1", "noted": {"name": "ridge", "version": "1"}, "run": True,
    }  # fmt: skip
    properties = cloud.arm("GET", f"{workspace}/models/ridge/versions/1").json()["properties"]
    assert properties["modelType"] == "mlflow_model"
    assert "/datastores/workspaceartifactstore/paths/ExperimentRun/dcid." in properties["modelUri"]


def test_models_are_the_same_for_both_kinds_of_clients(tracked, cloud, workspace) -> None:
    uri = f"azureml:/{workspace}/datastores/workspaceartifactstore/paths/a/b"
    path = f"{workspace}/models/azure-model"
    body = {"properties": {"modelUri": uri, "tags": {"a": "b"}, "description": "from Azure"}}
    assert cloud.arm("PUT", f"{path}/versions/3", body).status_code == 201
    found = tracked(
        """
        version = client.get_model_version("azure-model", "3")
        client.set_registered_model_alias("azure-model", "best", "3")
        uri = client.get_model_version_download_uri("azure-model", "3")
        next = client.create_model_version("azure-model", "mlflow-artifacts:/x/y")
        print(json.dumps([version.tags, version.description, uri, next.version]))
        """
    )
    assert found == [{"a": "b"}, "from Azure", "mlflow-artifacts:/a/b", "4"]
    assert cloud.arm("PUT", path, {"properties": {"description": "new"}}).status_code == 200
    assert tracked("print(json.dumps(client.get_registered_model('azure-model').aliases))") == {
        "best": "3"
    }
    listed = cloud.arm("GET", f"{path}/versions").json()["value"]
    assert [each["name"] for each in listed] == ["4", "3"]
    for shown in (
        *listed,
        cloud.arm("GET", path).json(),
        cloud.arm("GET", f"{path}/versions/4").json(),
    ):
        assert "mlflow" not in shown


def test_what_the_registry_does_not_have_is_refused_in_mlflows_form(tracked) -> None:
    found = tracked(
        RUN
        + """
import warnings; warnings.simplefilter("ignore")
run = log("files")
mlflow.register_model(f"runs:/{run}/files", "staged")
print(json.dumps({
    "stage": refused(client.transition_model_version_stage, "staged", "1", "Production"),
    "of a stage": refused(client.get_latest_versions, "staged", ["Production"]),
    "no stage": [v.version for v in client.get_latest_versions("staged", ["None"])],
    "prompt": refused(mlflow.genai.register_prompt, "greeting", "Hello {{name}}"),
    "trace": refused(client.get_trace, "tr-1"),
    "traces": refused(lambda: client.search_traces(locations=["0"])),
    "taken": refused(client.create_registered_model, "staged"),
    "bad name": refused(client.create_registered_model, "no spaces please"),
    "bad alias": refused(client.set_registered_model_alias, "staged", "v1", "1"),
    "missing": refused(client.get_registered_model, "nothing"),
}))
"""
    )
    assert found == {
        "stage": "NOT_IMPLEMENTED",
        "of a stage": "NOT_IMPLEMENTED",
        "no stage": ["1"],
        "prompt": "NOT_IMPLEMENTED",
        "trace": "ENDPOINT_NOT_FOUND",
        "traces": "ENDPOINT_NOT_FOUND",
        "taken": "RESOURCE_ALREADY_EXISTS",
        "bad name": "INVALID_PARAMETER_VALUE",
        "bad alias": "INVALID_PARAMETER_VALUE",
        "missing": "RESOURCE_DOES_NOT_EXIST",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/api/3.0/mlflow/traces/search",
        "/api/2.0/mlflow/traces",
        "/api/2.0/mlflow/webhooks",
        "/api/4.0/mlflow/whatever",
        "/v1/traces",
        "//api//2.0/mlflow//traces",
    ],
)
def test_every_endpoint_that_is_missing_is_missing_in_mlflows_form(cloud, workspace, path) -> None:
    answered = cloud.http.post(f"/mlflow/v2.0{workspace}{path}", json={})
    assert answered.status_code == 404
    assert answered.json()["error_code"] == "ENDPOINT_NOT_FOUND"


def test_the_history_of_several_runs_is_read_at_once(tracked, cloud, workspace) -> None:
    ids = tracked(
        """
        ids = []
        for value in (1, 2):
            with mlflow.start_run() as run:
                mlflow.log_metric("shared", value)
            ids.append(run.info.run_id)
        print(json.dumps(ids))
        """
    )
    url = f"/mlflow/v2.0{workspace}/api/2.0/mlflow/metrics/get-history-bulk"
    query = [*(("run_id", each) for each in ids), ("metric_key", "shared")]
    metrics = cloud.http.get(url, params=query).json()["metrics"]
    assert [(each["run_id"], each["value"]) for each in metrics] == [(ids[0], 1.0), (ids[1], 2.0)]
