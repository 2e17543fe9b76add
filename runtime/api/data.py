"""Data as arguments and inputs of runs: references, datasets and outputs, as in azureml-core.

Their classes are those that a script has inside a run, where no run is submitted; importing this
module gives them what a submission asks of them: ``run_input`` and ``run_output``.
"""

from collections.abc import Collection
from typing import Final

from infra.contract.errors import UsageError
from runtime.agent.assets.abstract_dataset import AbstractDataset
from runtime.agent.assets.consumption import DatasetConsumptionConfig
from runtime.agent.assets.definitions import FILE
from runtime.agent.assets.output_dataset import OutputFileDatasetConfig
from runtime.agent.assets.references import DataPath, DataPathComputeBinding, DataReference
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism

__all__ = [
    "DataPath",
    "DataPathComputeBinding",
    "DataReference",
    "DatasetConsumptionConfig",
    "OutputFileDatasetConfig",
]
_MECHANISMS: Final[dict[str, Mechanism]] = {
    "direct": "direct",
    "mount": "mount",
    "download": "download",
    "upload": "upload",
}
_REGISTER: Final = "Register it first: `dataset.register(workspace, name)`."


def reference_data(reference: DataReference, _: Collection[str] = ()) -> DataInput | DataOutput:
    """Return what a run reads from, or for ``as_upload`` writes to, a path on a datastore."""
    location = DataLocation(
        "datastore", reference.path_on_datastore or "", reference.datastore.name
    )
    name, put, overwrite = (
        reference.data_reference_name,
        reference.path_on_compute,
        reference.overwrite,
    )
    if reference.mode == "upload":
        return DataOutput(name, location, "upload", put, overwrite)
    return DataInput(name, location, _MECHANISMS[reference.mode], put, overwrite)


def path_data(path: DataPath, used: Collection[str] = ()) -> DataInput | DataOutput:
    """Return what a run reads from a data path."""
    return reference_data(path.create_data_reference(), used)


def dataset_data(config: DatasetConsumptionConfig, _: Collection[str] = ()) -> DataInput:
    """Return a dataset as a run's input; one that nobody registered is saved in its workspace."""
    dataset = config.dataset
    if isinstance(dataset, OutputFileDatasetConfig):
        raise UsageError(
            f"Input {config.name!r} is the output of another run.",
            remedy="Only the steps of one pipeline share outputs; register it there, and use"
            " `Dataset.get_by_name`.",
        )
    if not isinstance(dataset, AbstractDataset):
        raise UsageError(
            f"Input {config.name!r} is {type(dataset).__name__}, which is not a dataset.",
            remedy="Use `Dataset.File.from_files`, `Dataset.Tabular` or `Dataset.get_by_name`.",
        )
    location = _plain(dataset) if config.mode != "direct" else None
    if location is None:
        identity = dataset.id
        if identity is None:
            raise UsageError(
                f"The dataset of input {config.name!r} belongs to no workspace, so that the run"
                " could not find it.",
                remedy=_REGISTER,
            )
        location = DataLocation("asset", identity)
    return DataInput(config.name, location, _MECHANISMS[config.mode], config.path_on_compute)


def output_data(output: OutputFileDatasetConfig) -> DataOutput:
    """Return the folder that a run writes."""
    location = None
    if output.destination is not None:
        store, path = output.destination
        location = DataLocation("datastore", path, store if isinstance(store, str) else store.name)
    definition = output.definition()
    plain = definition.kind == FILE and not definition.reader and not definition.steps
    return DataOutput(
        output.name,
        location,
        _MECHANISMS[output.mode],
        output.source,
        output.overwrite,
        output.registered_as,
        output.description,
        dict(output.tags),
        "" if plain or not output.registered_as else definition.json(),
    )


def _plain(dataset: AbstractDataset) -> DataLocation | None:
    """Return where the data is, if a run needs no workspace to find it."""
    definition = dataset.definition
    if definition.kind != FILE or definition.steps or len(definition.sources) != 1:
        return None
    source = definition.sources[0]
    if source["kind"] == "url":
        return DataLocation("url", source["path"])
    if source["kind"] == "local" and "*" not in source["path"]:
        return DataLocation("local", source["path"])
    return None


for _owner, _name, _method in (
    (DataReference, "run_input", reference_data),
    (DataPath, "run_input", path_data),
    (DatasetConsumptionConfig, "run_input", dataset_data),
    (OutputFileDatasetConfig, "run_output", output_data),
):
    setattr(_owner, _name, _method)
