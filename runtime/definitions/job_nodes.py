"""The nodes of a pipeline job: their components, and what the expressions of their data mean.

``${{parent.inputs.X}}`` is an input of the pipeline that a node is in,
``${{parent.jobs.Y.outputs.Z}}`` what another node of it writes, and ``${{parent.outputs.X}}`` an
output of the pipeline.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Final

from infra.contract.load import nearest
from runtime.definitions.keys import Unused
from runtime.definitions.located import Located, file_of, folder_of
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.definitions.sweep_nodes import SWEEP, is_sweep, trial_of
from runtime.model.pipelines import Source

_EMPTY: Final = Located({}, 1)
_INPUT: Final = re.compile(r"\$\{\{\s*parent\.inputs\.([\w.-]+)\s*\}\}")
_STEP: Final = re.compile(r"\$\{\{\s*parent\.jobs\.([\w-]+)\.outputs\.([\w.-]+)\s*\}\}")
_OUTPUT: Final = re.compile(r"\$\{\{\s*parent\.outputs\.([\w.-]+)\s*\}\}")
_ANY: Final = re.compile(r"\$\{\{(.*?)\}\}")
_FILE: Final = "uri_file"
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class StepOutput:
    """An output of a step, and its type: ``uri_folder``, ``uri_file``, … or ``""``."""

    source: Source
    type: str = ""


@dataclass
class Node:
    """A node of a pipeline: ``document`` as it is written there, ``component`` if it has one.

    ``body`` has the command: the component, else the node itself. ``file`` and ``folder`` are where
    that is written. ``inner``: it is a pipeline itself. The component of a sweep is its trial,
    whose inputs that are parameters of the search are no inputs any more.
    """

    name: str
    document: Located
    line: int
    file: Path
    component: Located | None = None
    inner: "Nodes | None" = None

    @property
    def body(self) -> Located:
        return self.document if self.component is None else self.component

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def kind(self) -> str:
        """Return the type of the node: ``command`` unless it says otherwise."""
        if is_sweep(self.document):
            return SWEEP
        for each in (self.body, self.document):
            kind = each.get("type")
            if kind is not None and kind.text != "component":
                return kind.text
        return "command"


@dataclass
class Nodes:
    """The nodes of one pipeline; ``folder`` is that of its file. ``scope`` reads them."""

    folder: Path
    problems: Problems
    document: Located = _EMPTY
    prefix: str = ""
    inputs: Mapping[str, "Located | StepOutput | None"] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    made: dict[str, dict[str, StepOutput]] = field(default_factory=dict)
    bound_outputs: dict[str, StepOutput] = field(default_factory=dict)
    depth: int = 0

    def unfolded(self, document: Located) -> Located:
        """Return a pipeline whose `component` names another file, with what is in that."""
        named = document.get("component")
        if named is None or document.get("jobs") is not None:
            return document
        found = named if named.is_map else self._component(named, Path(self.problems.file))[0]
        if found is None:
            return document
        inputs = self._over(found.get("inputs"), document.get("inputs"))
        return Located({**found.entries, **document.entries, "inputs": inputs}, document.line)

    def scope(self, document: Located) -> "Nodes":
        """Return this pipeline with its nodes read, and those of the pipelines in it."""
        given = (document.get("inputs") or _EMPTY).entries
        if not self.inputs:
            self.inputs = {name: self._plain(name, each) for name, each in given.items()}
        self.document = document
        jobs = (document.get("jobs") or _EMPTY).entries
        for name, each in jobs.items():
            node = self._node(name, each)
            self._require_maps(node)
            self.nodes.append(node)
        for node in self.nodes:
            if node.kind != "pipeline":
                self.made[self._short(node)] = self._outputs(node)
        # A pipeline inside needs what the steps beside it write; its own outputs come with it.
        for node in self._pipelines():
            node.inner = self._inner(node)
            self.made[self._short(node)] = node.inner.bound_outputs
        self._bind_outputs()
        return self

    def _pipelines(self) -> list[Node]:
        """Return the pipelines inside, those that others read first."""
        waiting = [node for node in self.nodes if node.kind == "pipeline"]
        names = {self._short(node) for node in waiting}
        ordered: list[Node] = []
        while waiting:
            for node in waiting:
                used = {found[1] for each in node.document.scalars()
                        for found in _STEP.finditer(each.text)}  # fmt: skip
                if not used & (names - {self._short(each) for each in ordered}) - {
                    self._short(node)
                }:
                    break
            else:
                node = waiting[0]  # a circle: the graph says which
            waiting.remove(node)
            ordered.append(node)
        return ordered

    def _short(self, node: Node) -> str:
        return node.name.removeprefix(self.prefix)

    # --- reading nodes

    def _node(self, name: str, document: Located) -> Node:
        file = Path(file_of(document.line, self.problems.file))
        node = Node(f"{self.prefix}{name}", document, document.line, file)
        swept = is_sweep(document)
        named = document.get("trial" if swept else "component")
        if named is None:
            return node
        component, found = (named, file) if named.is_map else self._component(named, file)
        if swept:
            trial = trial_of(component or _EMPTY, document, name, self.problems)
            return replace(node, component=trial, file=found)
        node = replace(node, component=component or _EMPTY, file=found)
        if named.is_map:
            return node
        written = document.get("type")
        if written is not None and written.text not in {node.kind, "component"}:
            what = f"Step {name!r} is of type {written.text}, and its component {node.kind}."
            self.problems.at_line(written.line, what, "Leave `type` out.")
        return node

    def _require_maps(self, node: Node) -> None:
        """Note inputs and outputs that are no maps: they are read one by one, by name."""
        parts = [node.document] if node.component is None else [node.document, node.component]
        for part, key in product(parts, ("inputs", "outputs")):
            given = part.get(key)
            if given is not None and not given.is_map and not given.is_null:
                what = f"`{key}` of step {node.name!r} is no map."
                self.problems.at_line(given.line, what, f"Write `{key}: {{NAME: …}}`.")

    def _component(self, named: Located, file: Path) -> tuple[Located | None, Path]:
        text = named.text.strip()
        path = Path(
            os.path.normpath(folder_of(named.line, self.folder) / text.removeprefix("file:"))
        )
        if text.startswith(("azureml:", "azureml://")) or not path.suffix:
            what = f"The component {text!r} is not a file."
            todo = "Write the path of its YAML file: `component: ./FILE.yml`."
            self.problems.at_line(named.line, what, todo)
            return None, file
        if not path.is_file():
            near = [each.name for each in path.parent.glob("*.y*ml")]
            hint = nearest(path.name, dict.fromkeys(near), noun="file there")
            self.problems.at_line(named.line, f"There is no component {text!r}.", hint)
            return None, file
        problems = Problems(path)
        document = read_file(path, problems)
        for each in problems.found:
            self.problems.add(each.message, remedy=each.remedy, at=each.at)
        return document, path

    def _inner(self, node: Node) -> "Nodes":
        inner = Nodes(node.folder, self.problems, prefix=f"{node.name}.", depth=self.depth + 1)
        if self.depth >= _DEEPEST:
            self.problems.at_line(
                node.line, f"Step {node.name!r} is a pipeline inside itself.", "Remove it."
            )
            return inner
        declared = (node.component or _EMPTY).get("inputs") or _EMPTY
        given = (node.document.get("inputs") or _EMPTY).entries
        inner.inputs = {
            **{name: self._plain(name, each) for name, each in declared.entries.items()},
            **{name: self.resolved(each, node.name, name) for name, each in given.items()},
        }
        return inner.scope(node.body)

    # --- data

    def resolved(self, value: Located, node: str, name: str) -> "Located | StepOutput | None":
        """Return what the input of a node means: a value, an output, or nothing."""
        text = binding(value)
        if not text:
            return value
        if found := _INPUT.fullmatch(text):
            return self._of_pipeline(found[1], value.line)
        if found := _STEP.fullmatch(text):
            return self._of_step(found[1], found[2], value.line)
        if _ANY.search(text):
            self.problems.at_line(
                value.line,
                f"Input {name!r} of step {node!r} is {text}, which has no meaning here.",
                "Use ${{parent.inputs.NAME}} or ${{parent.jobs.STEP.outputs.NAME}}.",
            )
            return None
        return value

    def literal(self, value: Located | None) -> Located | None:
        """Return a value, which may be an input of the pipeline."""
        found = self.resolved(value, "", "compute") if value is not None else None
        return found if isinstance(found, Located) and not found.is_null else None

    def outputs_of(self, node: Node) -> dict[str, Located]:
        """Return the outputs of a step with what its component and the pipeline say of them."""
        declared = ((node.component or _EMPTY).get("outputs") or _EMPTY).entries
        given = (node.document.get("outputs") or _EMPTY).entries
        for name, value in given.items():
            if node.component is not None and name not in declared:
                what = f"The component of step {node.name!r} has no output {name!r}."
                hint = nearest(name, dict.fromkeys(declared), noun="output")
                self.problems.at_line(value.line, what, hint)
        own = (self.document.get("outputs") or _EMPTY).entries
        found = {}
        for name in {**declared, **given}:
            value = given.get(name, _EMPTY)
            parent = _OUTPUT.fullmatch(binding(value))
            above = own.get(parent[1], _EMPTY) if parent else value
            entries = {**declared.get(name, _EMPTY).entries, **above.entries}
            kept = {key: each for key, each in entries.items() if key != "optional"}
            found[name] = Located(kept, value.line)
        return found

    def _outputs(self, node: Node) -> dict[str, StepOutput]:
        found = {}
        for name, value in self.outputs_of(node).items():
            kind = value.get("type")
            path = value.get("path")
            file = ""
            if kind is not None and kind.text == _FILE:
                file = PurePosixPath(path.text if path else name).name
            source = Source(node.name, name, file, is_file=bool(file))
            found[name] = StepOutput(source, kind.text if kind else "")
        return found

    def _of_pipeline(self, name: str, line: int) -> "Located | StepOutput | None":
        if name in self.inputs:
            return self.inputs[name]
        hint = nearest(name, dict.fromkeys(self.inputs), noun="input")
        self.problems.at_line(line, f"The pipeline has no input {name!r}.", hint)
        return None

    def _of_step(self, step: str, output: str, line: int) -> StepOutput | None:
        if step not in self.made:
            hint = nearest(step, dict.fromkeys(self.made), noun="step")
            self.problems.at_line(line, f"The pipeline has no step {step!r}.", hint)
            return None
        if output not in self.made[step]:
            hint = nearest(output, dict.fromkeys(self.made[step]), noun="output")
            self.problems.at_line(line, f"Step {step!r} has no output {output!r}.", hint)
            return None
        return self.made[step][output]

    def _bind_outputs(self) -> None:
        """Find the output of a step that each output of the pipeline is."""
        for node in self.nodes:
            for name, value in (node.document.get("outputs") or _EMPTY).entries.items():
                found = _OUTPUT.fullmatch(binding(value))
                if found and name in self.made[self._short(node)]:
                    self.bound_outputs[found[1]] = self.made[self._short(node)][name]
                own = (self.document.get("outputs") or _EMPTY).entries
                if found and found[1] not in own:
                    hint = nearest(found[1], dict.fromkeys(own), noun="output")
                    what = f"The pipeline has no output {found[1]!r}."
                    self.problems.at_line(value.line, what, hint)
        for name, value in (self.document.get("outputs") or _EMPTY).entries.items():
            if (named := _STEP.fullmatch(binding(value))) and name not in self.bound_outputs:
                made = self._of_step(named[1], named[2], value.line)
                if made is not None:
                    self.bound_outputs[name] = made

    def unbound_outputs(self) -> Iterator[Unused]:
        """Yield the outputs of the pipeline that no step writes."""
        for name, value in (self.document.get("outputs") or _EMPTY).entries.items():
            if name not in self.bound_outputs and not binding(value):
                why = f"No step writes it: one has to say `${{{{parent.outputs.{name}}}}}`."
                yield Unused(f"outputs.{name}", value.line, why)

    def _plain(self, name: str, value: Located) -> Located | None:
        """Return an input of the pipeline itself; local paths are those of its file."""
        del name
        path = value.get("path")
        if not value.is_map:
            return value
        if path is not None and _is_local(path.text):
            folder = folder_of(path.line, self.folder).absolute()
            full = str(Path(os.path.normpath(folder / path.text)))
            entries = {**value.entries, "path": Located(full, path.line, full)}
            return Located(entries, value.line)
        if path is None and value.get("value") is None and value.get("default") is None:
            optional = value.get("optional")
            return None if optional is not None and optional.value is True else value
        return value

    def _over(self, below: Located | None, above: Located | None) -> Located:
        """Return inputs of a component with the values that are given for them."""
        found = dict((below or _EMPTY).entries)
        for name, value in (above or _EMPTY).entries.items():
            form = found.get(name, _EMPTY)
            entries = value.entries if value.is_map else {"value": value}
            found[name] = Located({**form.entries, **entries}, value.line)
        return Located(found, 1)


def binding(value: Located) -> str:
    """Return the expression that an input or output is, or that its path is; ``""`` without."""
    path = value.get("path") if value.is_map else None
    text = path.text if path is not None else "" if value.is_map or value.is_list else value.text
    return text.strip() if "${{" in text and "parent." in text else ""


def _is_local(path: str) -> bool:
    return "://" not in path and not path.startswith(("azureml:", "runs:", "git+", "/", "${{"))
