"""A pipeline: steps, what each reads from others, and its parameters. All values are frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from runtime.model.data import DataLocation
from runtime.model.runs import RunRecord, RunSpec

ParameterValue: TypeAlias = str | int | float | bool | DataLocation
ParameterType: TypeAlias = Literal["string", "int", "float", "bool", "datapath"]

STEP_PROPERTY: Final = "aml.pipeline.step"
"""The property of a run that is a step: the step's name."""
REUSED_PROPERTY: Final = "azureml.reusedrunid"
"""The property of a step that was not run, as Azure ML names it: the run that it stands for."""
NATIVE_PROPERTY: Final = "aml.pipeline.native"
"""The property of a pipeline's run that the service of a workspace drives."""
PIPELINE_TARGET: Final = "pipeline"
"""The target of a pipeline's own run, which executes nothing itself."""
_PARENTS: Final = frozenset({"hyperdrive", "automl"})
"""What `azureml.runsource` says of a sweep and of a search for a model, which is their type."""


def type_of(record: RunRecord) -> str:
    """Return the type of a run in Azure ML's words, such as ``azureml.scriptrun``."""
    if STEP_PROPERTY in record.properties:
        return "azureml.StepRun"
    if record.target == PIPELINE_TARGET or NATIVE_PROPERTY in record.properties:
        return "azureml.PipelineRun"
    source = record.properties.get("azureml.runsource", "")
    if source in _PARENTS:
        return source
    return "azureml.sdkrun" if record.target == "sdk" else "azureml.scriptrun"


@dataclass(frozen=True, slots=True)
class Source:
    """An output of a step. ``path`` is a file or folder in it; ``""`` is all of it.

    ``is_file``: it is declared as a file, which the step has to write. ``or_all``: it is all of
    the output if the step left nothing at ``path``.
    """

    step: str
    output: str
    path: str = ""
    is_file: bool = False
    or_all: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is given when a pipeline is submitted. ``default`` ``None``: it must be."""

    name: str
    type: ParameterType
    default: ParameterValue | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a run whose inputs may be outputs of other steps.

    ``reads`` maps an input of ``run`` to the output it is; ``parameters`` maps one to the parameter
    of type ``datapath`` that says where it is. The locations of these inputs in ``run`` mean
    nothing. Texts of ``run`` (arguments, command, variables) may have ``${{parameters.NAME}}``.
    ``after``: steps that end before this one starts, whatever it reads. ``reuse``: an earlier run
    of the same definition, code, environment and data stands for this one. ``has_code`` is false
    for a step that sends no files. ``sweep`` is a sweep, as JSON, of which ``run`` is what its
    children vary; ``leaves`` maps an output of the step to the file of the best child that it gets,
    ``""`` for the metrics of all children. ``kind`` is what the step is called, for people. ``at``
    is the place that declares it, ``FILE:LINE``.
    """

    name: str
    run: RunSpec
    reads: Mapping[str, Source] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    reuse: bool = True
    has_code: bool = True
    sweep: Mapping[str, object] | None = None
    leaves: Mapping[str, str] = field(default_factory=dict)
    kind: str = "step"
    at: str = ""

    @property
    def upstream(self) -> tuple[str, ...]:
        """Return the steps that this one waits for, each once, in their order."""
        return tuple(dict.fromkeys([*(each.step for each in self.reads.values()), *self.after]))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps that share data, submitted as one run.

    ``name`` is for people, and part of what a step is compared with when it says why it runs.
    ``continue_on_failure``: steps that do not depend on a failed one still start. ``outputs`` maps
    a name to the output of a step by which the pipeline is known.
    """

    name: str
    steps: tuple[Step, ...]
    experiment: str = "Default"
    parameters: tuple[Parameter, ...] = ()
    description: str | None = None
    display_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    continue_on_failure: bool = False
    outputs: Mapping[str, Source] = field(default_factory=dict)
    at: str = ""

    def step(self, name: str) -> Step:
        """Return a step by its name; ``KeyError`` without it."""
        return {each.name: each for each in self.steps}[name]
