"""``Run.register_model``: files of a run, in ``outputs`` or uploaded, as a version of a model."""

import os
import shutil
import tempfile
import typing

from ..assets.model import Model, register_uri
from ..assets.model_properties import RUN, own_properties
from . import connection, files
from .errors import ModelPathNotFoundException


def register(
    run: typing.Any, model_name: str, model_path: typing.Optional[str], **options: typing.Any
) -> Model:
    """Register what is at ``model_path`` (default: the model's name) in a run.

    Raises ``ModelPathNotFoundException`` if the run has no such file or folder.
    """
    path = files.clean_name(model_path or model_name)
    names = [each for each in run.get_file_names() if each == path or each.startswith(f"{path}/")]
    written = run.id == os.environ.get("AML_RUN_ID") and os.path.exists(path)
    if not names and not written:
        raise ModelPathNotFoundException(
            f"Run {run.id} has no file {path!r}: write it to ./outputs, or upload it first."
        )
    workspace = run.experiment.workspace
    if connection.call("workspace").get("holds_runs"):
        return _from_artifacts(run, workspace, model_name, path, written, options)
    with tempfile.TemporaryDirectory() as folder:
        place = path if written else _downloaded(run.id, path, names, folder)
        properties = {**(options.pop("properties", None) or {}), RUN: run.id}
        return Model.register(workspace, place, model_name, properties=properties, **options)


def _from_artifacts(
    run: typing.Any,
    workspace: typing.Any,
    model_name: str,
    path: str,
    written: bool,
    options: typing.Dict[str, typing.Any],
) -> Model:
    """Register files that are in the workspace's storage, or are put there first."""
    if written and os.path.isdir(path):
        run.upload_folder(path, path)
    elif written:
        run.upload_file(path, path)
    kept = own_properties(
        options.get("model_framework"),
        options.get("model_framework_version"),
        options.get("resource_configuration"),
        options.get("datasets"),
        options.get("sample_input_dataset"),
        options.get("sample_output_dataset"),
    )
    uri = f"azureml://jobs/{run.id}/outputs/artifacts/paths/{path}"
    return register_uri(
        workspace,
        uri,
        model_name,
        tags=options.get("tags"),
        properties=options.get("properties"),
        description=options.get("description"),
        run_id=run.id,
        kept=kept,
    )


def _downloaded(run: str, path: str, names: typing.List[str], folder: str) -> str:
    """Return the path of a copy of the files of a run."""
    for name in names:
        files.download_file(run, name, os.path.join(folder, name))
    place = os.path.join(folder, path)
    if not os.path.exists(place):
        shutil.rmtree(folder, ignore_errors=True)
        raise ModelPathNotFoundException(f"Run {run} has no file {path!r}.")
    return place
