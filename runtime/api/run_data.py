"""The data of a run configuration: ``data``, ``output_data`` and ``data_references`` entries.

The classes have the names they have in ``azureml.core.runconfig``, where ``Dataset`` and
``DataPath`` are other classes than those of ``azureml.core`` and ``azureml.data``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol, cast, runtime_checkable

import runtime.api.data  # noqa: F401 - gives references and datasets their `run_input`
from infra.contract.errors import UsageError
from runtime.api.run_sections import DataReferenceConfiguration
from runtime.api.section_documents import fill
from runtime.api.sections import Section
from runtime.definitions.job_data import location_of
from runtime.definitions.runconfig_keys import DATA_REFERENCE
from runtime.model.data import DataInput, DataOutput, Mechanism
from runtime.model.data import DataLocation as Location

__all__: list[str] = []

_READ: Final = ("direct", "mount", "download", "upload")
_REFERENCE_MODES: Final = ("mount", "download", "upload")
_WRITTEN: Final = ("mount", "upload")


@runtime_checkable
class RunInput(Protocol):
    """An object that a run reads; a reference for upload is written.

    ``used``: the names that the run's data already has.
    """

    def run_input(self, used: set[str]) -> DataInput | DataOutput: ...


@runtime_checkable
class RunOutput(Protocol):
    """An object that a run writes."""

    def run_output(self) -> DataOutput: ...


@dataclass
class Dataset(Section):
    """A registered dataset, by id, or by name and version."""

    KEYS: ClassVar[Mapping[str, str]] = {
        "dataset_id": "id",
        "dataset_name": "name",
        "dataset_version": "version",
    }

    dataset_id: str | None = None
    dataset_name: str | None = None
    dataset_version: str | int | None = None


@dataclass
class DataPath(Section):
    """A path on a datastore."""

    datastore_name: str | None = None
    relative_path: str | None = None


@dataclass
class Uri(Section):
    """An address."""

    path: str | None = None
    is_file: bool = False


@dataclass
class DataLocation(Section):
    """Where data is: one of a dataset, a path on a datastore, and an address."""

    dataset: Dataset | None = None
    data_path: DataPath | None = None
    uri: Uri | None = None


@dataclass
class Data(Section):
    """Data that the script reads."""

    data_location: DataLocation | None = None
    create_output_directories: bool | None = None
    mechanism: str = "direct"
    environment_variable_name: str | None = None
    path_on_compute: str | None = None
    overwrite: bool = False
    options: dict[str, object] | None = None


@dataclass
class DatasetRegistrationOptions(Section):
    """Transformations of a registered output; refused when it is submitted."""

    additional_transformation: object = None


@dataclass
class GlobsOptions(Section):
    """Patterns of files."""

    patterns: list[str] | None = None


@dataclass
class UploadOptions(Section):
    """How an output is stored: whether files that are there are replaced, and which are stored."""

    overwrite: bool = False
    source_globs: GlobsOptions | None = None


@dataclass
class MountOptions(Section):
    """How an output is mounted; it is stored when the script ends, and there is no cache."""

    disable_metadata_cache: bool = False


@dataclass
class RegistrationOptions(Section):
    """The dataset that an output is registered as."""

    name: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    dataset_registration_options: DatasetRegistrationOptions | None = None


@dataclass
class OutputOptions(Section):
    """How an output is written."""

    path_on_compute: str | None = None
    registration_options: RegistrationOptions | None = None
    upload_options: UploadOptions | None = None
    mount_options: MountOptions | None = None


@dataclass
class OutputData(Section):
    """A folder that the script writes."""

    output_location: DataLocation | None = None
    mechanism: str = "mount"
    additional_options: OutputOptions | None = field(default=None)


def configured_data(
    references: Mapping[str, object],
    data: Mapping[str, object],
    outputs: Mapping[str, object],
) -> Iterator[DataInput | DataOutput | RunInput | RunOutput]:
    """Yield what the three mappings of a run configuration declare; objects as they are.

    Raises ``UsageError`` for an entry that is no data, and for an unknown mode.
    """
    for name, value in references.items():
        yield _reference(name, value)
    for name, value in data.items():
        yield _input(name, value)
    for name, value in outputs.items():
        yield _output(name, value)


def _reference(name: str, value: object) -> DataInput | DataOutput | RunInput:
    if isinstance(value, RunInput):
        return value
    if isinstance(value, Mapping):  # what `DataReference.to_config` returns
        read = DataReferenceConfiguration()
        fill(read, value, DATA_REFERENCE, f"data_references[{name!r}]")
        value = read
    if not isinstance(value, DataReferenceConfiguration):
        raise _refused("data_references", name, value, "DataReferenceConfiguration(…)")
    mode = _one_of(value.mode or "mount", _REFERENCE_MODES, f"The mode of data reference {name!r}")
    place = Location("datastore", value.path_on_datastore or "", value.datastore_name)
    if mode == "upload":
        return DataOutput(name, place, mode, value.path_on_compute, value.overwrite)
    return DataInput(name, place, mode, value.path_on_compute, value.overwrite)


def _input(name: str, value: object) -> DataInput | DataOutput | RunInput:
    if isinstance(value, RunInput):
        return value
    if not isinstance(value, Data) or value.data_location is None:
        raise _refused("data", name, value, "Data(data_location=…)")
    if value.options:
        raise UsageError(
            f"The options of data {name!r} belong to Azure's data runtime.", remedy="Remove them."
        )
    mechanism = _one_of(value.mechanism, _READ, f"The mechanism of data {name!r}")
    place = _location(value.data_location, f"data {name!r}")
    put, overwrite = value.path_on_compute, value.overwrite
    if mechanism == "upload":
        return DataOutput(name, place, mechanism, put, overwrite)
    return DataInput(name, place, mechanism, put, overwrite, value.environment_variable_name)


def _output(name: str, value: object) -> DataOutput | RunOutput:
    if isinstance(value, RunOutput):
        return value
    if not isinstance(value, OutputData):
        raise _refused("output_data", name, value, "OutputData(…)")
    options = value.additional_options or OutputOptions()
    upload = options.upload_options or UploadOptions()
    registered = options.registration_options or RegistrationOptions()
    where = value.output_location
    is_default = where is None or where == DataLocation()
    _refuse_options(name, upload, registered)
    return DataOutput(
        name,
        None if where is None or is_default else _location(where, f"output {name!r}"),
        _one_of(value.mechanism, _WRITTEN, f"The mechanism of output {name!r}"),
        options.path_on_compute,
        upload.overwrite,
        registered.name,
    )


def _refuse_options(name: str, upload: UploadOptions, registered: RegistrationOptions) -> None:
    """Raise ``UsageError`` for the options of an output that have no effect here."""
    transformed = registered.dataset_registration_options
    given = {
        "source_globs": upload.source_globs and upload.source_globs.patterns,
        "description": registered.description,
        "tags": registered.tags,
        "additional_transformation": transformed and transformed.additional_transformation,
    }
    found = [option for option, value in given.items() if value]
    if found:
        raise UsageError(
            f"Output {name!r} has options that are not supported: {', '.join(found)}.",
            remedy="Remove them: the whole folder is stored, and registered by its name.",
        )


def _location(where: DataLocation, what: str) -> Location:
    dataset, path, uri = where.dataset or Dataset(), where.data_path or DataPath(), where.uri
    if dataset.dataset_name:
        version = dataset.dataset_version
        latest = not version or str(version).lower() == "latest"
        name = dataset.dataset_name
        return Location("asset", f"{name}@latest" if latest else f"{name}:{version}")
    if path.datastore_name or path.relative_path:
        return Location("datastore", path.relative_path or "", path.datastore_name)
    found = location_of(uri.path) if uri is not None and uri.path else None
    if found is not None:
        return found
    if dataset.dataset_id:
        raise UsageError(
            f"The dataset of {what} is given by id {dataset.dataset_id!r}.",
            remedy="Give its name and version: ids of datasets belong to one workspace of Azure.",
        )
    raise UsageError(
        f"The location of {what} is empty, or an address that cannot be read.",
        remedy="Give it a dataset with a name, a data_path, or a uri: an http(s) address or"
        " `azureml://datastores/NAME/paths/PATH`.",
    )


def _one_of(given: str, allowed: tuple[str, ...], what: str) -> Mechanism:
    mode = str(given).lower()
    if mode not in allowed:
        raise UsageError(f"{what} is {given!r}.", remedy=f"Use {', '.join(allowed)}.")
    return cast("Mechanism", mode)


def _refused(place: str, name: str, value: object, wanted: str) -> UsageError:
    return UsageError(
        f"{place}[{name!r}] is {type(value).__name__}, which cannot be data of a run.",
        remedy=f"Assign {wanted}.",
    )
