"""What azureml-core does with files, models, environments, datasets and secrets of a workspace."""

import json
import os
import sys
import tempfile
from pathlib import Path

URL = os.environ["CLOUD_URL"]
os.environ |= {"MSI_ENDPOINT": f"{URL}/msi/token", "MSI_SECRET": "none"}

from azureml.core import (  # noqa: E402 - reads the environment
    Dataset,
    Environment,
    Experiment,
    Model,
    Run,
    Workspace,
)
from azureml.core.authentication import MsiAuthentication  # noqa: E402
from azureml.core.resource_configuration import ResourceConfiguration  # noqa: E402
from azureml.exceptions import ServiceException  # noqa: E402

MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a", "b"], "matrix": [[1, 2], [3, 4]]},
}


def refused(action):
    try:
        action()
    except ServiceException as error:
        return "cannot be changed" in str(error)
    return False


def logged(run):
    run.log("not a number", float("nan"))
    run.log("word", "abc")
    run.log_table("table", {"a": [1, 2]})
    run.log_confusion_matrix("matrix", MATRIX)
    run.flush()
    metrics = run.get_metrics()
    return [str(metrics["not a number"]), metrics["word"], metrics["table"], "matrix" in metrics]


def files(run):
    run.upload_file("outputs/a.txt", "a.txt")
    run.upload_files(["up/b.txt"], ["a.txt"])
    run.upload_folder("below", "folder")
    run.download_file("outputs/a.txt", "got.txt")
    run.download_files("below", output_directory="all")
    names = set(run.get_file_names())
    wanted = {"outputs/a.txt", "up/b.txt", "below/c.txt"}
    return [wanted <= names, Path("got.txt").read_text(), Path("all/below/c.txt").read_text()]


def described(experiment, run):
    run.add_properties({"p": "1"})
    run.tag("team", "ml")
    children = run.create_children(count=2)
    children[0].log("x", 1)
    children[0].flush()
    for child in children:
        child.complete()
    below = run.get_metrics(recursive=True)
    return {
        "properties": run.get_properties(),
        "changed": refused(lambda: run.add_properties({"p": "2"})),
        "children": [child.get_status() for child in run.get_children()],
        "below": below[children[0].id],
        "tagged": [each.id for each in experiment.get_runs(tags={"team": "ml"})] == [run.id],
        "found": Run.get(experiment.workspace, run.id).id == run.id,
        "details": run.get_details()["runId"] == run.id,
    }


def models(workspace, run):
    ours = run.register_model("ours", model_path="outputs/a.txt", tags={"x": "y"})
    Model.register(workspace, model_name="theirs", model_path="a.txt", properties={"k": "v"})
    again = Model.register(
        workspace,
        model_name="theirs",
        model_path="folder",
        description="d",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="1.5",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    )
    again.add_tags({"q": "r"})
    again.download(target_dir="model")
    got = [each.read_text() for each in Path("model").rglob("c.txt")]
    names = sorted(workspace.models)
    ours.delete()
    return [
        [again.id, Model(workspace, "theirs", version=1).properties, again.tags],
        [again.model_framework, again.model_framework_version, again.properties],
        [each.id for each in Model.list(workspace, model_framework="ScikitLearn")],
        Model(workspace, "theirs").resource_configuration.memory_in_gb,
        [ours.run_id == run.id, names, got, [each.id for each in Model.list(workspace)]],
    ]


def environments(workspace):
    wanted = Environment("plain")
    wanted.python.conda_dependencies.add_pip_package("numpy")
    first, same = wanted.register(workspace), wanted.register(workspace)
    wanted.environment_variables["A"] = "B"
    second = wanted.register(workspace)
    found = Environment.get(workspace, "plain")
    packages = list(found.python.conda_dependencies.pip_packages)
    return [first.version, same.version, second.version, packages, sorted(workspace.environments)]


def datasets(workspace):
    store = workspace.get_default_datastore()
    Path("a.csv").write_text("a,b\n1,2\n3,4\n")
    store.upload_files(["a.csv"], target_path="data", show_progress=False)
    file = Dataset.File.from_files((store, "data/a.csv"), validate=False)
    file.register(workspace, "file", create_new_version=True)
    table = Dataset.Tabular.from_delimited_files((store, "data/a.csv"))
    table.register(workspace, "table")
    table.keep_columns("a").register(workspace, "table", create_new_version=True)
    latest = Dataset.get_by_name(workspace, "table")
    listed = {name: each.version for name, each in workspace.datasets.items()}
    got = [Path(each).read_text() for each in file.download("files", overwrite=True)]
    by_id = Dataset.get_by_id(workspace, Dataset.get_by_name(workspace, "table", version=1).id)
    rows = [each.to_pandas_dataframe().values.tolist() for each in (latest, by_id)]
    latest.unregister_all_versions()
    left = sorted(name for name, _ in workspace.datasets.items())
    return [got, rows, listed, left]


def secrets(workspace):
    vault = workspace.get_default_keyvault()
    vault.set_secret("db", "hunter2")
    vault.set_secrets({"one": "1"})
    listed = sorted(each["name"] for each in vault.list_secrets())
    values = vault.get_secrets(["db", "one"])
    vault.delete_secret("db")
    return [listed, values, [each["name"] for each in vault.list_secrets()]]


def main():
    workspace = Workspace.get(
        os.environ["CLOUD_WORKSPACE"],
        auth=MsiAuthentication(cloud="AmlLocalCloud"),
        subscription_id=os.environ["AZURE_SUBSCRIPTION_ID"],
        resource_group=os.environ["CLOUD_GROUP"],
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("a.txt").write_text("hello")
        Path("folder").mkdir()
        Path("folder/c.txt").write_text("c")
        experiment = Experiment(workspace, "first")
        run = experiment.start_logging(snapshot_directory=None)
        observed = {
            "logged": logged(run),
            "files": files(run),
            **described(experiment, run),
            "models": models(workspace, run),
            "environments": environments(workspace),
            "datasets": datasets(workspace),
            "secrets": secrets(workspace),
        }
        experiment.set_tags({"area": "churn"})
        run.complete()
        os.chdir("/")
    observed["status"] = run.get_status()
    sys.stdout.write("\n")  # azureml-core leaves an unfinished line
    json.dump(observed, sys.stdout, default=str)


main()
