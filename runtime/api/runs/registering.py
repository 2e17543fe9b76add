"""Registers files of a run as a model, which remembers the run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.model import Model, register_uri
from runtime.agent.assets.model_properties import own_properties
from runtime.agent.assets.resource_configuration import ResourceConfiguration
from runtime.agent.assets.uploaded import stored
from runtime.api.exceptions import azureml_errors
from runtime.api.workspace import Workspace


def register(
    workspace: Workspace,
    files: Path,
    name: str,
    run_id: str,
    *,
    tags: Mapping[str, str] | None,
    properties: Mapping[str, str] | None,
    description: str | None,
    model_framework: str | None,
    model_framework_version: str | None,
    datasets: Sequence[tuple[str, object]] | None,
    sample_input_dataset: object,
    sample_output_dataset: object,
    resource_configuration: ResourceConfiguration | None,
) -> Model:
    """Upload a file or folder and register it as the next version of a model."""
    with azureml_errors():
        datastore = Datastore(workspace)
        return register_uri(
            workspace,
            datastore.uri(stored(datastore, str(files))),
            name,
            tags=dict(tags or {}),
            properties=dict(properties or {}),
            description=description,
            run_id=run_id,
            kept=own_properties(
                model_framework,
                model_framework_version,
                resource_configuration,
                datasets,
                sample_input_dataset,
                sample_output_dataset,
            ),
        )
