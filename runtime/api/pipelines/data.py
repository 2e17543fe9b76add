"""The data of a pipeline's steps: what each reads and writes, as a submission asks of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from runtime.agent.assets.consumption import DatasetConsumptionConfig
from runtime.agent.assets.output_dataset import OutputFileDatasetConfig
from runtime.agent.assets.references import DataPath, DataPathComputeBinding
from runtime.api.data import dataset_data, output_data
from runtime.api.exceptions import UserErrorException
from runtime.api.pipeline import PipelineData, PipelineParameter
from runtime.api.run_data import RunInput
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism, data_variable
from runtime.model.pipelines import Parameter, Source
from runtime.pipelines.parameters import token, type_of

__all__: list[str] = []

ELSEWHERE: Final = DataLocation("local", "")
"""The place of an input that is bound when its step starts."""
_BINDINGS: Final = 2
_MODES: Final[Mapping[str, Mechanism]] = {
    "mount": "mount",
    "download": "download",
    "upload": "upload",
    "direct": "direct",
}


@dataclass
class Read:
    """An input of a step that is bound later."""

    given: DataInput

    def run_input(self, used: set[str]) -> DataInput:
        del used
        return self.given


@dataclass
class Written:
    """An output of a step."""

    given: DataOutput

    def run_output(self) -> DataOutput:
        return self.given


@dataclass
class Outputs:
    """The outputs of all steps of a pipeline: which step writes each."""

    makers: dict[object, tuple[str, str]] = field(default_factory=dict)

    def writes(self, step: str, data: object) -> None:
        """Note that a step writes some data."""
        known = self.makers.setdefault(key_of(data), (step, output_name(data)))
        if known[0] != step:
            raise UserErrorException(
                f"Steps {known[0]!r} and {step!r} both write {output_name(data)!r}.",
                remedy="Give each step an output of its own.",
            )

    def source(self, data: object) -> Source | None:
        """Return the output that reading some data means; ``None`` if no step writes it."""
        made = self.makers.get(key_of(data))
        if made is None:
            return None
        # A script may write to the folder itself: `AZUREML_DATAREFERENCE_<name>` is its path.
        path = inner_path(data)
        return Source(*made, path=path, or_all=path == getattr(data, "name", None))


@dataclass
class StepData:
    """The data of one step while it is collected."""

    step: str
    outputs: Outputs
    parameters: dict[str, Parameter]
    reads: dict[str, Source] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    made: dict[object, Read | Written | RunInput] = field(default_factory=dict)
    written: set[object] = field(default_factory=set)

    def argument(self, value: object) -> object:
        """Return an argument as a run takes it: data as inputs and outputs, parameters as text."""
        if isinstance(value, PipelineParameter):
            if is_data(value.default_value):
                return self.data(value)
            self.declare(value)
            return token(value.name)
        if is_data(value):
            made = self.data(value)
            nested = inner_path(value)
            if nested and isinstance(made, Read | Written) and key_of(value) in self.written:
                return f"${data_variable(made.given.name)}/{nested}"
            return made
        return value

    def data(self, value: object) -> Read | Written | RunInput:
        """Return data as an input or output of the step; the same data is the same object."""
        key = (key_of(value), isinstance(value, DatasetConsumptionConfig))
        if key not in self.made:
            self.made[key] = self._data(value)
        return self.made[key]

    def declare(self, parameter: PipelineParameter) -> None:
        """Note a parameter of the pipeline. Two that share a name are one, if they are equal."""
        made = as_parameter(parameter)
        known = self.parameters.setdefault(made.name, made)
        if known != made:
            raise UserErrorException(
                f"Two parameters are called {made.name!r}.",
                remedy="Use one PipelineParameter object, or another name.",
            )

    def _data(self, value: object) -> Read | Written | RunInput:
        if key_of(value) in self.written:
            return Written(written_output(value))
        source = self.outputs.source(value)
        if source is not None:
            return self._from_step(value, source)
        parameter = _parameter_of(value)
        if parameter is not None:
            self.declare(parameter)
            name, mechanism = _bound_as(value, parameter)
            self.bound[name] = parameter.name
            return Read(DataInput(name, ELSEWHERE, mechanism))
        if isinstance(value, PipelineData):
            raise UserErrorException(
                f"Step {self.step!r} reads {value.name!r}, which no step of the pipeline writes.",
                remedy=f"Give it to the step that writes it: `outputs=[{value.name}]`.",
            )
        if isinstance(value, RunInput):
            return value
        raise UserErrorException(
            f"Step {self.step!r} has an input of type {type(value).__name__}.",
            remedy="Give PipelineData, a named dataset, a DataReference or an"
            " OutputFileDatasetConfig.",
        )

    def _from_step(self, value: object, source: Source) -> Read:
        name, mechanism, place = source.output, _MODES["mount"], None
        if isinstance(value, DatasetConsumptionConfig):
            name, mechanism, place = value.name, _MODES[value.mode], value.path_on_compute
        elif isinstance(value, PipelineData):
            name = str(getattr(value, "input_name", None) or value.name)
        self.reads[name] = source
        # A dataset that another step writes is passed as a path: it has no id yet.
        mechanism = "mount" if mechanism == "direct" else mechanism
        return Read(DataInput(name, ELSEWHERE, mechanism, place))


def is_data(value: object) -> bool:
    """Return whether a value is data that a step reads or writes."""
    if isinstance(value, tuple) and len(value) == _BINDINGS:
        return isinstance(value[1], DataPathComputeBinding)
    return isinstance(
        value,
        PipelineData | OutputFileDatasetConfig | DatasetConsumptionConfig | DataPath | RunInput,
    )


def key_of(value: object) -> object:
    """Return what identifies data: copies of one output with other settings are that output."""
    if isinstance(value, DatasetConsumptionConfig):
        return key_of(value.dataset)
    if isinstance(value, OutputFileDatasetConfig):
        return ("output", value.name)
    if isinstance(value, tuple):
        return key_of(value[0])
    return id(value)


def output_name(value: object) -> str:
    """Return the name of an output."""
    return str(getattr(value, "output_name", None) or getattr(value, "name", value))


def inner_path(value: object) -> str:
    """Return the path in its folder at which data is.

    ``PipelineData`` of which nobody says that it is a folder is a path that does not exist when the
    step starts: the script makes a folder there, or writes a file.
    """
    if isinstance(value, DatasetConsumptionConfig):
        return inner_path(value.dataset)
    return value.name if isinstance(value, PipelineData) and not value.is_directory else ""


def written_output(value: object) -> DataOutput:
    """Return the output of a step."""
    if isinstance(value, OutputFileDatasetConfig):
        return output_data(value)
    if isinstance(value, PipelineData):
        store = getattr(value.datastore, "name", value.datastore)
        location = DataLocation("datastore", "", str(store)) if store else None
        mode = "upload" if value.output_mode == "upload" else "mount"
        return DataOutput(
            value.output_name,
            location,
            cast("Mechanism", mode),
            value.output_path_on_compute,
            bool(value.output_overwrite),
        )
    raise UserErrorException(
        f"{value!r} ({type(value).__name__}) cannot be an output of a step.",
        remedy="Give PipelineData or an OutputFileDatasetConfig.",
    )


def outputs_given(
    outputs: Sequence[object] | None, arguments: Sequence[object]
) -> Iterator[object]:
    """Yield what a step writes: its outputs, and the output datasets among its arguments."""
    yield from outputs or ()
    for each in arguments:
        if isinstance(each, OutputFileDatasetConfig):
            yield each


def as_parameter(parameter: PipelineParameter) -> Parameter:
    """Return a parameter of the SDK as a pipeline's."""
    default = parameter.default_value
    if is_data(default):
        return Parameter(parameter.name, "datapath", data_place(default))
    kind = type_of(default)
    if default is None:
        return Parameter(parameter.name, "string")
    if kind is None or not isinstance(default, str | int | float | bool):
        raise UserErrorException(
            f"The default of parameter {parameter.name!r} is {default!r}.",
            remedy="Give text, a number, True or False, a DataPath or a dataset.",
        )
    return Parameter(parameter.name, kind, default)


def data_place(value: object) -> DataLocation:
    """Return where data is that no step writes."""
    if isinstance(value, DataPath):
        value = value.create_data_reference()
    if isinstance(value, DatasetConsumptionConfig):
        return dataset_data(value).location
    if isinstance(value, RunInput):
        found = value.run_input(set())
        if isinstance(found, DataInput):
            return found.location
    raise UserErrorException(
        f"{value!r} is no place of data.", remedy="Give a DataPath or a dataset."
    )


def _parameter_of(value: object) -> PipelineParameter | None:
    """Return the parameter that says where data is, ``None`` for data that is where it is."""
    pair = value if isinstance(value, tuple) else ()
    for each in (value, getattr(value, "dataset", None), *pair):
        if isinstance(each, PipelineParameter):
            return each
    return None


def _bound_as(value: object, parameter: PipelineParameter) -> tuple[str, Mechanism]:
    """Return name and mechanism of an input whose place is a parameter."""
    if isinstance(value, DatasetConsumptionConfig):
        mode = _MODES[value.mode]
        return value.name, "mount" if mode == "direct" else mode
    if isinstance(value, tuple):
        return parameter.name, _MODES.get(str(getattr(value[1], "mode", "mount")), "mount")
    return parameter.name, "mount"
