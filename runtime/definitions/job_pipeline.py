"""Reads pipeline jobs of CLI v2: `pipeline.yml` with its components → the steps, or every problem.

A step is read as the command job that it and its component make together. Pipelines inside
pipelines become steps of the outer one, called ``outer.inner``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeAlias

from infra.catalogue.names import RULES
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.broken_steps import can_be_checked
from runtime.definitions.job import JobFile, job_of, read_job_document
from runtime.definitions.job_data import read_data
from runtime.definitions.job_kinds import CONTROL_FLOW, check_job
from runtime.definitions.job_nodes import Node, Nodes, StepOutput
from runtime.definitions.job_parallel import parallel_document
from runtime.definitions.job_values import check_unused, with_values
from runtime.definitions.keys import Unused
from runtime.definitions.located import Located
from runtime.definitions.problems import Problem, Problems, place_of
from runtime.definitions.recognition import Kind
from runtime.definitions.settings_given import Setting
from runtime.definitions.sweep_nodes import (
    SWEEP,
    SweepReader,
    check_outputs,
    space_of,
    trial_limits,
)
from runtime.model.data import DataLocation, DataOutput
from runtime.model.pipelines import Pipeline, Step

StepReader: TypeAlias = Callable[[Located, Path, Problems], JobFile | None]
"""Reads a step that is no command job; ``None`` if its problems were added."""
_EMPTY: Final = Located({}, 1)
_ELSEWHERE: Final = "azureml://datastores/step/paths/output"
"""Stands for the path of an input that another step writes."""
_UNREAD: Final = "0"
_FROM_COMPONENT: Final = (
    *("command", "environment", "distribution", "resources", "limits"),
    *("environment_variables", "code", "display_name"),
)
_OF_STEP: Final = ("tags", "description", "properties", "identity", "services", "queue_settings")
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "spark": ("a Spark job", "Submit it alone: `aml submit FILE`."),
    "import": ("an import", "Read the source in a step with a command of your own."),
    "data_transfer": ("a data transfer", "Copy it with a command: `cp -R`."),
    **CONTROL_FLOW,
}


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """A pipeline job. ``name`` is its run's id, if it has one.

    ``regenerate``: ``force_rerun`` is set. ``unused`` are the keys without effect. ``problems`` are
    those of the file, whose steps that could not be read are left out.
    """

    file: Path
    pipeline: Pipeline
    name: str | None = None
    regenerate: bool = False
    unused: tuple[Unused, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_pipeline_job(
    file: Path,
    settings: Sequence[Setting] = (),
    *,
    readers: Mapping[str, StepReader],
    sweeps: SweepReader,
    values: Mapping[str, str] | None = None,
) -> PipelineFile:
    """Read what can be read of a pipeline job, with the problems of the rest.

    ``settings`` are what `--set` gave; they replace what the file says. ``values`` are those of
    inputs, given with `-P`. ``readers`` read the types of steps that packages above this one know,
    ``sweeps`` what steps search. Raises ``DefinitionError`` for a file that is no document at all.
    """
    problems = Problems(file)
    document = read_job_document(file, problems, settings)
    if document is None:
        problems.add("It is no pipeline.", remedy="Write `jobs: {…}`.")
        problems.raise_any()
    found = _Reading(file, problems, readers, sweeps, values or {}).pipeline(document or _EMPTY)
    return replace(found, problems=tuple(problems.found))


@dataclass
class _Reading:
    file: Path
    problems: Problems
    readers: Mapping[str, StepReader]
    sweeps: SweepReader
    values: Mapping[str, str]
    steps: list[Step] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)

    def pipeline(self, document: Located) -> PipelineFile:
        self.unused += check_job(document, Kind.PIPELINE_JOB, self.problems)
        nodes = Nodes(self.file.parent, self.problems)
        own = with_values(nodes.unfolded(document), self.values, self.problems)
        check_unused(own, self.file.parent, self.problems)
        settings = own.get("settings") or _EMPTY
        for key in ("on_init", "on_finalize"):
            given = settings.get(key)
            if given is not None:
                self.problems.at_line(
                    given.line, f"`settings.{key}` cannot be used.", "Write it as a step."
                )
        scope = nodes.scope(own)
        self.unused += scope.unbound_outputs()
        self._add(scope, _Defaults.of(own))
        experiment = self._ruled(own, "experiment_name", "experiment") or "Default"
        pipeline = Pipeline(
            _text(own, "display_name") or self.file.stem,
            tuple(self.steps),
            experiment,
            description=_text(own, "description"),
            display_name=_text(own, "display_name"),
            tags={k: v.text for k, v in (own.get("tags") or _EMPTY).entries.items()},
            properties={k: v.text for k, v in (own.get("properties") or _EMPTY).entries.items()},
            continue_on_failure=_flag(settings, "continue_on_step_failure")
            or _flag(settings, "continue_run_on_step_failure"),
            outputs={name: each.source for name, each in scope.bound_outputs.items()},
            at=str(self.file),
        )
        name = self._ruled(own, "name", "job")
        regenerate = _flag(settings, "force_rerun")
        return PipelineFile(self.file, pipeline, name, regenerate, tuple(self.unused))

    def _ruled(self, document: Located, key: str, rule: str) -> str | None:
        name = document.get(key)
        if name is None or name.is_map:
            return None
        problem = RULES[rule].problem(name.text)
        if problem:
            self.problems.at_line(name.line, problem, "Choose another name.")
        return name.text

    def _add(self, scope: "Nodes", defaults: "_Defaults") -> None:
        """Add the steps of a pipeline, and those of the pipelines in it."""
        for node in scope.nodes:
            if node.inner is not None:
                self._add(node.inner, defaults.below(node.inner.document))
                continue
            made = self._step(node, scope, defaults)
            if made is not None:
                self.steps.append(made)

    def _step(self, node: Node, scope: "Nodes", defaults: "_Defaults") -> Step | None:
        kind = node.kind
        if kind in _REFUSED:
            what, todo = _REFUSED[kind]
            self.problems.at_line(
                node.line, f"Step {node.name!r} is {what}, which cannot be a step yet.", todo
            )
            return None
        if kind in self.readers:
            return self._read_elsewhere(node, scope, defaults)
        reads: dict[str, StepOutput] = {}
        before = len(self.problems.found)
        sweep = self._sweep(node)
        inputs = self._readable(self._inputs(node, scope, reads), scope.folder)
        body = parallel_document(node.body, self.problems) if kind == "parallel" else node.body
        document = self._document(node, body, inputs, scope, defaults)
        space = space_of(node.document) if node.kind == SWEEP else ()
        job = job_of(document, node.folder, self.problems, space)
        self.unused += [each for each in job.unused if not each.path.startswith("$schema")]
        if job.target is None:
            self._without_compute(node)
        if sweep is not None:
            check_outputs(job.spec.outputs, node.document, node.name, self.problems)
        if len(self.problems.found) > before:
            job = replace(job, spec=can_be_checked(job.spec))
        reuse = _deterministic(node.component)
        return replace(self._made(node, job, reads, defaults, reuse=reuse), sweep=sweep)

    def _readable(self, inputs: Mapping[str, Located], folder: Path) -> dict[str, Located]:
        """Return inputs of which those that are wrong were noted, and replaced by a text."""
        found = {}
        for name, value in inputs.items():
            problems = Problems(self.file)
            read_data(Located({"inputs": Located({name: value}, value.line)}, 1), folder, problems)
            for each in problems.found:
                self.problems.add(each.message, remedy=each.remedy, at=each.at)
            found[name] = _unread(value.line) if problems.found else value
        return found

    def _sweep(self, node: Node) -> JsonObject | None:
        """Return what a step searches, ``None`` for a step that is no sweep."""
        found = self.sweeps(node.document, self.problems) if node.kind == SWEEP else None
        if found is None:
            return None
        sweep, unused = found
        self.unused += unused
        return sweep

    def _read_elsewhere(self, node: Node, scope: "Nodes", defaults: "_Defaults") -> Step | None:
        """Return a step of a type that one of ``readers`` reads: its own keys name its data."""
        reads: dict[str, StepOutput] = {}
        entries = dict(node.document.entries)
        for name, value in node.document.entries.items():
            resolved = value if value.is_list else scope.resolved(value, node.name, name)
            if isinstance(resolved, StepOutput):
                reads[name] = resolved
                entries[name] = _from_step(_EMPTY, value, resolved)
            elif resolved is not None:
                entries[name] = resolved if value.is_map else _literal(resolved)
        compute = scope.literal(node.document.get("compute")) or defaults.compute
        if compute is not None:
            entries["compute"] = compute
        entries["outputs"] = Located(scope.outputs_of(node), node.line)
        job = self.readers[node.kind](Located(entries, node.line), node.folder, self.problems)
        if job is None:
            return None
        self.unused += job.unused
        if job.target is None:
            self._without_compute(node)
        return self._made(node, job, reads, defaults)

    def _made(
        self,
        node: Node,
        job: JobFile,
        reads: Mapping[str, StepOutput],
        defaults: "_Defaults",
        *,
        reuse: bool = True,
    ) -> Step:
        """Return the step of a node, which runs as ``job`` says."""
        spec = replace(
            job.spec,
            outputs=tuple(defaults.stored(each) for each in job.spec.outputs),
            display_name=job.spec.display_name or node.name,
            origins={},
        )
        return Step(
            node.name,
            spec,
            {name: each.source for name, each in reads.items()},
            reuse=reuse,
            has_code=job.has_code,
            kind=node.kind,
            at=str(place_of(node.line, self.file)),
        )

    def _without_compute(self, node: Node) -> None:
        self.problems.at_line(
            node.line,
            f"Step {node.name!r} names no compute.",
            "Write `compute: azureml:NAME`, or `settings: {default_compute: azureml:NAME}`.",
        )

    # --- data

    def _inputs(
        self, node: Node, scope: "Nodes", reads: dict[str, StepOutput]
    ) -> dict[str, Located]:
        """Return the inputs of a step with their values; ``reads`` gets those of other steps."""
        declared = (node.component or _EMPTY).get("inputs") or _EMPTY
        given = (node.document.get("inputs") or _EMPTY).entries
        for name, each in given.items():
            if node.component is not None and name not in declared.entries:
                what = f"The component of step {node.name!r} has no input {name!r}."
                hint = nearest(name, dict.fromkeys(declared.entries), noun="input")
                self.problems.at_line(each.line, what, hint)
        found: dict[str, Located] = {}
        for name in (*declared.entries, *(each for each in given if each not in declared.entries)):
            value = given.get(name)
            form = declared.entries.get(name, _EMPTY)
            if value is None:
                if _is_needed(form):
                    what = f"Step {node.name!r} is given no {name!r}, which its component needs."
                    todo = f"Write `inputs: {{{name}: …}}`."
                    self.problems.at_line(node.line, what, todo)
                    found[name] = _unread(node.line)
                else:
                    found[name] = _typed(form, None, node.line)
                continue
            before = len(self.problems.found)
            resolved = scope.resolved(value, node.name, name)
            if isinstance(resolved, StepOutput):
                reads[name] = resolved
                self._check_types(node, name, form, resolved, value)
                found[name] = _from_step(form, value, resolved)
                continue
            is_wrong = len(self.problems.found) > before
            found[name] = _unread(value.line) if is_wrong else _typed(form, resolved, value.line)
        return found

    def _check_types(
        self, node: Node, name: str, form: Located, made: StepOutput, at: Located
    ) -> None:
        """Note a file that is to be read as a folder, or a folder as a file."""
        wanted = _text(form, "type")
        if wanted is None or not made.type:
            return
        if (wanted == _FILE) != (made.type == _FILE):
            self.problems.at_line(
                at.line,
                f"Input {name!r} of step {node.name!r} is a {wanted}, and output"
                f" {made.source.output!r} of step {made.source.step!r} a {made.type}.",
                "Give both the same type.",
            )

    def _document(
        self,
        node: Node,
        body: Located,
        inputs: Mapping[str, Located],
        scope: "Nodes",
        defaults: "_Defaults",
    ) -> Located:
        """Return the command job that a step and its component are together."""
        entries = {
            key: value
            for key in _FROM_COMPONENT
            if (value := node.document.get(key) or body.get(key)) is not None
        }
        if node.kind == SWEEP:
            entries = {
                **{k: v for k, v in entries.items() if k != "limits"},
                **trial_limits(node.document),
            }
        entries |= {key: value for key in _OF_STEP if (value := node.document.get(key)) is not None}
        variables = [
            each.entries
            for source in (body, node.document)
            if (each := source.get("environment_variables")) is not None
        ]
        if variables:
            merged = {name: value for each in variables for name, value in each.items()}
            entries["environment_variables"] = Located(merged, node.line)
        compute = scope.literal(node.document.get("compute")) or defaults.compute
        if compute is not None:
            entries["compute"] = compute
        entries["inputs"] = Located(dict(inputs), node.line)
        entries["outputs"] = Located(scope.outputs_of(node), node.line)
        return Located(entries, node.line)


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What the steps of a pipeline have unless they say otherwise."""

    compute: Located | None
    datastore: str | None

    @classmethod
    def of(cls, document: Located) -> "_Defaults":
        settings = document.get("settings") or _EMPTY
        store = _text(settings, "default_datastore")
        return cls(
            settings.get("default_compute") or document.get("compute"),
            store.removeprefix("azureml:").rpartition("/")[2] if store else None,
        )

    def below(self, document: Located) -> "_Defaults":
        """Return those of a pipeline in this one."""
        own = _Defaults.of(document)
        return _Defaults(own.compute or self.compute, own.datastore or self.datastore)

    def stored(self, output: DataOutput) -> DataOutput:
        if output.location is not None or self.datastore is None:
            return output
        return replace(output, location=DataLocation("datastore", "", self.datastore))


_FILE: Final = "uri_file"


def _from_step(form: Located, value: Located, made: StepOutput) -> Located:
    """Return the input that another step's output is, as a job would have it."""
    line = value.line
    kind = _text(form, "type") or made.type or "uri_folder"
    entries = {
        "type": Located(kind, line, kind),
        "path": Located(_ELSEWHERE, line, _ELSEWHERE),
    }
    for source in (form, value):
        mode = source.get("mode")
        if mode is not None:
            entries["mode"] = mode
    return Located(entries, line)


def _typed(form: Located, value: Located | None, line: int) -> Located:
    """Return the value of an input in the form that its component declares."""
    if value is None or value.is_null:
        return form if form.entries else Located(None, line)
    if value.is_map or value.is_list or not form.entries:
        return Located({**form.entries, **value.entries}, value.line) if value.is_map else value
    kept = {key: each for key, each in form.entries.items() if key != "default"}
    word = _text(form, "type") or ""
    key = "path" if word.startswith("uri_") or word == "mltable" or "model" in word else "value"
    return Located({**kept, key: value}, value.line)


def _unread(line: int) -> Located:
    """Return a text in place of an input that is wrong, so that a command may use it."""
    return Located(_UNREAD, line, _UNREAD)


def _literal(value: Located) -> Located:
    """Return the literal that an input of the pipeline is; data stays as it is declared."""
    return value.get("value") or value.get("default") or value


def _is_needed(form: Located) -> bool:
    """Return whether an input that a component declares must be given."""
    optional = form.get("optional")
    return form.get("default") is None and (optional is None or optional.value is not True)


def _deterministic(component: Located | None) -> bool:
    given = component.get("is_deterministic") if component is not None else None
    return given is None or given.value is not False


def _flag(document: Located, key: str) -> bool:
    value = document.get(key)
    return value is not None and value.value is True


def _text(document: Located, key: str) -> str | None:
    value = document.get(key)
    return value.text if value is not None and not value.is_map else None
