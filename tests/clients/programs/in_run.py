"""A script that uses azureml-core in a run, and ends without saying so to anybody."""

import json
import sys
from pathlib import Path

import mlflow
from azureml.core import Dataset, Environment, Model, Run

MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a", "b"], "matrix": [[1, 2], [3, 4]]},
}
PIXEL = b"\x89PNG\r\n\x1a\n"
DATA = "a,b\n1,2\n3,4\n"


def work_with(workspace, run):
    """Return what a script does with its workspace."""
    store = workspace.get_default_datastore()
    Path("more.csv").write_text(DATA)
    store.upload_files(["more.csv"], target_path="more", overwrite=True, show_progress=False)
    table = Dataset.Tabular.from_delimited_files((store, "more/more.csv"))
    table.register(workspace, "more", create_new_version=True)
    read = Dataset.get_by_name(workspace, "more").to_pandas_dataframe()
    Path("model.txt").write_text("weights")
    model = Model.register(workspace, model_path="model.txt", model_name="ours")
    Environment("plain").register(workspace)
    vault = workspace.get_default_keyvault()
    vault.set_secret("db", "hunter2")
    return {
        "workspace": workspace.name,
        "table": read.values.tolist(),
        "model": [model.id, run.register_model("up", model_path="up/a.txt").run_id == run.id],
        "environment": Environment.get(workspace, "plain").name,
        "folder": Dataset.File.from_files((store, "in/**")).to_path(),
        "secrets": [vault.get_secret("db"), run.get_secret("db")],
    }


def log_to(run):
    run.log("not a number", float("nan"))
    run.log("word", "abc")
    run.log_row("row", a=1, b=2.5)
    run.log_list("list", [1, 2, 3])
    run.log_table("table", {"a": [1, 2], "b": [3, 4]})
    run.log_confusion_matrix("matrix", MATRIX)
    Path("pixel.png").write_bytes(PIXEL)
    run.log_image("image", path="pixel.png")
    run.tag("team", "ml")
    run.add_properties({"p": "1"})
    Path("a.txt").write_text("hello")
    run.upload_file("up/a.txt", "a.txt")
    child = run.child_run("kid")
    child.log("inner", 1)
    child.tag("t", "u")
    child.complete()


def fit():
    """Train beside mlflow, which logs by itself."""
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415 - after autolog

    mlflow.sklearn.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run():  # the same run
        LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
        mlflow.log_metric("theirs", 0.25)


def main():
    run = Run.get_context(allow_offline=False)
    log_to(run)
    inputs = run.input_datasets
    found = {
        **work_with(run.experiment.workspace, run),
        "mounted": Path(inputs["numbers"]).read_text(),
        "direct": inputs["table"].to_pandas_dataframe().values.tolist(),
        "outputs": Path(run.output_datasets["made"]).is_dir(),
        "children": [child.get_status() for child in run.get_children()],
    }
    fit()
    Path("outputs/found.json").write_text(json.dumps(found))
    for value in (0.5, 0.25):
        run.log("loss", value)
    sys.exit(0)  # nothing is flushed


main()
