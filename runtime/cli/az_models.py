"""`aml model`: models of the workspace, in the words of both generations of `az ml model`."""

import json
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from runtime.agent.assets.model import Model
from runtime.agent.assets.resource_configuration import ResourceConfiguration
from runtime.api.assets_by_path import register_asset
from runtime.api.exceptions import azureml_errors
from runtime.api.run import Run
from runtime.cli.az import AzOptions, az_options, given
from runtime.cli.az_assets import asset_given, asset_options, deployed_workspace, name_and_version
from runtime.cli.option_values import pair
from runtime.cli.render import print_data
from runtime.definitions.asset_yaml import AssetKind

_PATH: Final = click.Path(path_type=Path)
_ID = click.option("-i", "--model-id", "identifier", metavar="NAME:VERSION", help="The model.")
_NAME = click.option("-n", "--name", "--model-name", metavar="NAME", help="Name of the model.")
_VERSION = click.option("-v", "--version", metavar="VERSION", help="Default: the newest.")
_LABEL = click.option("-l", "--label", metavar="LABEL", help="`latest` is the only label.")
_TAG = click.option("--tag", "--tags", "tags", multiple=True, metavar="KEY=VALUE", help="A tag.")
_PROPERTY = click.option(
    "--property", "properties", multiple=True, metavar="KEY=VALUE", help="A property."
)


@click.group()
def model() -> None:
    """Register, list, show, download and delete models of the workspace."""


@model.command()
@click.option("-n", "--name", required=True, help="Name of the model.")
@click.option("-p", "--model-path", type=_PATH, help="File or folder of this machine.")
@click.option("--asset-path", metavar="PATH", help="File or folder of the run, as in `outputs/m`.")
@click.option("-r", "--run-id", metavar="RUN", help="The run that made the model.")
@click.option(
    "-f",
    "--run-metadata-file",
    "metadata",
    type=_PATH,
    metavar="FILE",
    help="What `aml run submit-script -t FILE` wrote: the run that made the model.",
)
@click.option("-e", "--experiment-name", metavar="NAME", help="Accepted for old scripts.")
@click.option("-d", "--description", help="Description of the model.")
@_TAG
@_PROPERTY
@click.option("--model-framework", help="Framework of the model.")
@click.option("--model-framework-version", help="Its version.")
@click.option("--cc", "--cpu-cores", "cpu", type=float, help="Cores that the model needs.")
@click.option("--gb", "--memory-gb", "memory", type=float, help="Memory that the model needs.")
@az_options()
def register(
    *,
    name: str,
    model_path: Path | None,
    asset_path: str | None,
    run_id: str | None,
    metadata: Path | None,
    experiment_name: str | None,
    description: str | None,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    model_framework: str | None,
    model_framework_version: str | None,
    cpu: float | None,
    memory: float | None,
) -> None:
    """Register the next version of a model: a local file or folder, or one of a run."""
    del experiment_name  # a run's id says it
    az = given()
    if (model_path is None) == (asset_path is None):
        raise UsageError(
            "A model is either local or of a run.",
            remedy="Give `--model-path PATH`, or `--asset-path PATH` with `-f FILE` or `-r RUN`.",
        )
    kept_tags = dict(pair(each) for each in tags)
    kept = dict(pair(each, option="--property", noun="property") for each in properties)
    resources = ResourceConfiguration(cpu, memory) if cpu or memory else None
    workspace = deployed_workspace(az)
    with azureml_errors():
        if asset_path is None:
            made = Model.register(
                workspace,
                str(model_path),
                name,
                tags=kept_tags,
                properties=kept,
                description=description,
                model_framework=model_framework,
                model_framework_version=model_framework_version,
                resource_configuration=resources,
            )
        else:
            made = Run.get(workspace, run_id or _run_of(metadata)).register_model(
                name,
                asset_path,
                tags=kept_tags,
                properties=kept,
                description=description,
                model_framework=model_framework,
                model_framework_version=model_framework_version,
                resource_configuration=resources,
            )
    az.show(_document(made))


def _run_of(metadata: Path | None) -> str:
    """Return the id in the result of a submission that was kept in a file."""
    if metadata is None:
        raise UsageError(
            "`--asset-path` is a path of a run.", remedy="Name the run: `-r RUN`, or `-f FILE`."
        )
    try:
        document = json.loads(metadata.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            f"{metadata} is not JSON: {error}.",
            remedy="Give the file that `aml run submit-script -t FILE` wrote.",
        ) from error
    found = document.get("runId") or document.get("run_id") if isinstance(document, dict) else None
    if not found:
        raise UsageError(
            f"{metadata} names no run.",
            remedy="Give the file that `aml run submit-script -t FILE` wrote.",
        )
    return str(found)


@model.command()
@asset_options
@az_options(metadata=False, path=False)
def create(*, file: Path | None, settings: tuple[str, ...], **named: str | None) -> None:
    """Register the model in a file, or the one that the options describe."""
    az = given()
    wanted = asset_given(AssetKind.MODEL, file, settings, **named)
    workspace = deployed_workspace(az)
    document = register_asset(workspace, wanted)
    with azureml_errors():
        az.show(_document(Model(workspace, wanted.name, version=str(document["name"]))))


@model.command("list")
@_NAME
@_TAG
@_PROPERTY
@click.option("--run-id", metavar="RUN", help="Models that this run made.")
@click.option("-l", "--latest", is_flag=True, help="Only the newest version of each name.")
@click.option("-r", "--max-results", type=click.IntRange(min=1), metavar="N", help="At most N.")
@az_options(metadata=False, path=False)
def list_models(
    *,
    name: str | None,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    run_id: str | None,
    latest: bool,
    max_results: int | None,
) -> None:
    """List models, newest first."""
    az = given()
    with azureml_errors():
        found = Model.list(
            deployed_workspace(az),
            name=name,
            tags=[pair(each) for each in tags] or None,
            properties=[pair(each, option="--property", noun="property") for each in properties]
            or None,
            run_id=run_id,
            latest=latest,
        )
    az.show([_document(each) for each in found[:max_results]])


@model.command()
@_ID
@_NAME
@_VERSION
@_LABEL
@az_options(metadata=False, path=False)
def show(
    *, identifier: str | None, name: str | None, version: str | None, label: str | None
) -> None:
    """Show a version of a model."""
    az = given()
    az.show(_document(_found(az, identifier, name, version, label)))


@model.command()
@_ID
@_NAME
@_VERSION
@click.option(
    "-p",
    "-t",
    "--download-path",
    "--target-dir",
    "folder",
    type=_PATH,
    default=Path(),
    help="Folder to write to. Default: the current folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@az_options(metadata=False, path=False)
def download(
    *,
    identifier: str | None,
    name: str | None,
    version: str | None,
    folder: Path,
    overwrite: bool,
) -> None:
    """Download the files of a model, and print their path."""
    az = given()
    found = _found(az, identifier, name, version, None)
    with azureml_errors():
        print_data(found.download(str(folder), exist_ok=overwrite))


@model.command()
@_ID
@_NAME
@_VERSION
@az_options(metadata=False, path=False)
def delete(*, identifier: str | None, name: str | None, version: str | None) -> None:
    """Delete a version of a model; its files stay on the datastore."""
    found = _found(given(), identifier, name, version, None)
    with azureml_errors():
        found.delete()


def _found(
    az: AzOptions, identifier: str | None, name: str | None, version: str | None, label: str | None
) -> Model:
    wanted, number = name_and_version(name, version, label, identifier)
    with azureml_errors():
        return Model(deployed_workspace(az), wanted, version=number)


def _document(found: Model) -> JsonObject:
    """Return a model under the keys of both generations of `az ml model`."""
    document: JsonObject = found.serialize()
    return document | {
        "type": found.asset_type,
        "path": found.url,
        "asset_id": found.asset_id,
        "job_name": found.run_id,
        "creation_context": {"created_at": document["createdTime"], "created_by": found.created_by},
    }
