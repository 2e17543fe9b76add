"""The data of a run configuration: ``data``, ``output_data`` and ``data_references`` entries.

The classes have the names they have in ``azureml.core.runconfig``, where ``Dataset`` and
``DataPath`` are other classes than those of ``azureml.core`` and ``azureml.data``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol, cast, runtime_checkable

from infra.contract.errors import UsageError
from runtime.api.run_sections import DataReferenceConfiguration
from runtime.api.sections import Section
from runtime.model.data import DataInput, DataOutput, Mechanism
from runtime.model.data import DataLocation as Location

__all__: list[str] = []

_READ: Final = ("direct", "mount", "download")
_REFERENCE_MODES: Final = ("mount", "download", "upload")
_WRITTEN: Final = ("mount", "upload")


@runtime_checkable
class RunInput(Protocol):
    """An object that a run reads. ``used``: the names that the run's data already has."""

    def run_input(self, used: set[str]) -> DataInput: ...


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
class RegistrationOptions(Section):
    """The dataset that an output is registered as."""

    name: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    dataset_registration_options: object = None


@dataclass
class OutputOptions(Section):
    """How an output is written."""

    path_on_compute: str | None = None
    registration_options: RegistrationOptions | None = None
    upload_options: object = None
    mount_options: object = None


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
    if not isinstance(value, DataReferenceConfiguration):
        raise _refused("data_references", name, value, "DataReferenceConfiguration(…)")
    mode = _one_of(value.mode or "mount", _REFERENCE_MODES, f"The mode of data reference {name!r}")
    place = Location("datastore", value.path_on_datastore or "", value.datastore_name)
    if mode == "upload":
        return DataOutput(name, place, mode, value.path_on_compute, value.overwrite)
    return DataInput(name, place, mode, value.path_on_compute, value.overwrite)


def _input(name: str, value: object) -> DataInput | RunInput:
    if isinstance(value, RunInput):
        return value
    if not isinstance(value, Data) or value.data_location is None:
        raise _refused("data", name, value, "Data(data_location=…)")
    mechanism = _one_of(value.mechanism, _READ, f"The mechanism of data {name!r}")
    return DataInput(
        name,
        _location(value.data_location, f"data {name!r}"),
        mechanism,
        value.path_on_compute,
        value.overwrite,
        value.environment_variable_name,
    )


def _output(name: str, value: object) -> DataOutput | RunOutput:
    if isinstance(value, RunOutput):
        return value
    if not isinstance(value, OutputData):
        raise _refused("output_data", name, value, "OutputData(…)")
    options = value.additional_options or OutputOptions()
    registered = options.registration_options
    where = value.output_location
    return DataOutput(
        name,
        None if where is None else _location(where, f"output {name!r}"),
        _one_of(value.mechanism, _WRITTEN, f"The mechanism of output {name!r}"),
        options.path_on_compute,
        registered_as=None if registered is None else registered.name,
    )


def _location(where: DataLocation, what: str) -> Location:
    dataset, path, uri = where.dataset, where.data_path, where.uri
    if path is not None:
        return Location("datastore", path.relative_path or "", path.datastore_name)
    if dataset is not None and dataset.dataset_name:
        version = dataset.dataset_version
        named = f"{dataset.dataset_name}:{version}" if version else f"{dataset.dataset_name}@latest"
        return Location("asset", named)
    if dataset is not None and dataset.dataset_id:
        raise UsageError(
            f"The dataset of {what} is given by id {dataset.dataset_id!r}.",
            remedy="Give its name and version: ids of datasets belong to one workspace of Azure.",
        )
    if uri is not None and uri.path:
        remote = uri.path.startswith(("http://", "https://"))
        return Location("url" if remote else "local", uri.path)
    raise UsageError(
        f"The location of {what} is empty.",
        remedy="Give it a dataset with a name, a data_path or a uri.",
    )


def _one_of(given: str, allowed: tuple[str, ...], what: str) -> Mechanism:
    mode = str(given).lower()
    if mode not in allowed:
        raise UsageError(f"{what} is {given!r}.", remedy=f"Use {', '.join(allowed)}.")
    return cast("Mechanism", mode)


def _refused(place: str, name: str, value: object, wanted: str) -> UsageError:
    return UsageError(
        f"{place}[{name!r}] is {type(value).__name__}, which is no data of a run.",
        remedy=f"Assign {wanted}.",
    )
