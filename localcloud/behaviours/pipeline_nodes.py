"""The nodes of a pipeline job: the job that each becomes, with its data in place. Pure.

Clients write nodes, and the specifications of components, in the words of their YAML; jobs are
written in those of ARM. ``${{parent.inputs.X}}`` is an input of the pipeline,
``${{parent.jobs.Y.outputs.Z}}`` what another node of it writes, ``${{parent.outputs.X}}`` an output
of the pipeline.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from localcloud.behaviours.node_words import (
    command_limits,
    data_mode,
    distribution,
    in_arm_words,
    search_details,
    sweep_parts,
)
from localcloud.calls.automl import BEST_MODEL
from localcloud.calls.node_reads import READS, noted_reads
from runtime.model.pipelines import REUSED_PROPERTY

FINGERPRINT: Final = "aml.pipeline.fingerprint"
"""The property of a node's job: a hash of what it is made of."""
IS_REUSED: Final = "azureml.isreused"
_PIPELINE: Final = "azureml.pipelinerunid"
NODE_PROPERTIES: Final = frozenset({FINGERPRINT, IS_REUSED, REUSED_PROPERTY, READS, _PIPELINE})
"""The properties of a job that is a node."""
_DEFAULT: Final = re.compile(r"azureml://datastores/[^/]+/paths/azureml/[^/]+/[^/]+/?")
_INPUT: Final = re.compile(r"\$\{\{\s*parent\.inputs\.([\w.-]+)\s*\}\}")
_STEP: Final = re.compile(r"\$\{\{\s*parent\.jobs\.([\w-]+)\.outputs\.([\w.-]+)\s*\}\}")
_OUTPUT: Final = re.compile(r"\$\{\{\s*parent\.outputs\.([\w.-]+)\s*\}\}")
_DATA: Final = ("uri_", "mltable", "custom_model", "mlflow_model", "triton_model")
_FILE: Final = "uri_file"
_SEARCHED: Final = ("training_data", "validation_data")
_OF_THE_NODE: Final = frozenset(
    {
        *("name", "type", "tags", "properties", "inputs", "outputs", "compute", "computeId"),
        *("display_name", "description", "experiment_name", "_source", *_SEARCHED),
    }
)
"""The keys of an automl node that are no settings of its search."""
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: ``given`` as the pipeline has it, ``spec`` that of its component."""

    name: str
    kind: str
    given: Document
    spec: Document

    @property
    def upstream(self) -> tuple[str, ...]:
        """The nodes whose outputs it reads, each once."""
        text = json.dumps([self.given.get("inputs"), self.given.get("environment_variables")])
        return tuple(dict.fromkeys(step for step, _ in _STEP.findall(text)))

    @property
    def bound(self) -> Mapping[str, str]:
        """Its outputs that are outputs of the pipeline, by their names: the pipeline's."""
        found = {}
        for name, value in (self.given.get("outputs") or {}).items():
            match = _OUTPUT.fullmatch(_text(value).strip())
            if match:
                found[name] = match[1]
        return found

    @property
    def deterministic(self) -> bool:
        return self.spec.get("is_deterministic") is not False


def search_node(name: str, given: Document) -> Node:
    """Return a node that searches for a model: its data are its inputs, and it has no component."""
    data = {
        key: {"uri": each.get("uri") or each.get("path"), "job_input_type": each.get("type")}
        if isinstance(each, Mapping) and (each.get("uri") or each.get("path"))
        else each
        for key in _SEARCHED
        if (each := given.get(key)) is not None
    }
    compute = given.get("computeId") or given.get("compute")
    spec = {"outputs": {BEST_MODEL: {"type": "mlflow_model"}}}
    return Node(name, "automl", {**given, "inputs": data, "computeId": compute}, spec)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the expressions in a pipeline mean.

    ``outputs`` are the pipeline's, each with its URI; ``made`` what its nodes write, as outputs of
    jobs with their URIs. ``read``: inputs that a node of the pipeline around this one writes.
    """

    job: str
    inputs: Mapping[str, Document]
    outputs: Mapping[str, Document]
    settings: Document
    compute: str = ""
    experiment: str = "Default"
    made: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
    read: frozenset[str] = frozenset()


def child_id(job: str, node: str) -> str:
    """Return the name of a node's job: always the same one."""
    return f"{job}_{node}"


def default_uri(job: str, name: str, kind: str, datastore: str = "") -> str:
    """Return where an output of a job is that has no place of its own."""
    store = datastore.removeprefix("azureml:").rstrip("/").rpartition("/")[2]
    folder = f"azureml://datastores/{store or 'workspaceblobstore'}/paths/azureml/{job}"
    return f"{folder}/{name}{'' if kind == _FILE else '/'}"


def is_default(uri: object) -> bool:
    """Return whether a URI is where an output of some job is by default."""
    return isinstance(uri, str) and bool(_DEFAULT.fullmatch(uri))


def outputs_of(node: Node, scope: Scope) -> dict[str, JsonObject]:
    """Return the outputs of a node as its job declares them, each with its URI."""
    declared, given = node.spec.get("outputs") or {}, node.given.get("outputs") or {}
    found = {}
    for name in {**declared, **given}:
        form, own = declared.get(name) or {}, given.get(name) or {}
        own = own if isinstance(own, Mapping) else {}
        above = scope.outputs.get(node.bound.get(name, ""), {})
        kind = str(form.get("type") or own.get("job_output_type") or "uri_folder")
        store = str(scope.settings.get("default_datastore") or "")
        uri = above.get("uri") or own.get("uri") or own.get("path")
        output: JsonObject = {
            "jobOutputType": kind,
            "uri": uri or default_uri(child_id(scope.job, node.name), name, kind, store),
            "mode": above.get("mode") or data_mode(own.get("mode") or form.get("mode")),
            "assetName": above.get("assetName") or own.get("asset_name") or own.get("name"),
            "assetVersion": above.get("assetVersion")
            or own.get("asset_version")
            or own.get("version"),
        }
        found[name] = {key: value for key, value in output.items() if value is not None}
    return found


def inputs_of(node: Node, scope: Scope, problems: list[Problem]) -> dict[str, JsonObject]:
    """Return the inputs of a node as its job has them; ``problems`` gets what is wrong."""
    declared, given = node.spec.get("inputs") or {}, node.given.get("inputs") or {}
    at = f"properties.jobs.{node.name}.inputs"
    for name in given:
        if declared and name not in declared:
            hint = nearest(name, dict.fromkeys(declared), noun="input")
            says = f"The component of node '{node.name}' has no input '{name}'. {hint}"
            problems.append((f"{at}.{name}", says))
    varied = _space(node)
    found = {}
    for name in {**declared, **given}:
        if name in varied and name not in given:
            continue  # each trial has a value of its own
        form = declared.get(name) or {}
        value = _value(given.get(name), scope, node.name, problems)
        if value is None and form.get("default") is not None:
            value = {"jobInputType": "literal", "value": str(form["default"])}
        if value is None and not form.get("optional") and name in declared:
            says = f"Node '{node.name}' is given no '{name}', which its component needs."
            problems.append((f"{at}.{name}", says))
        if value is not None:
            found[name] = _formed(form, value, given.get(name))
    return found


def child_properties(node: Node, scope: Scope, problems: list[Problem]) -> JsonObject:
    """Return the properties of the job of a node. ``problems`` gets what is wrong."""
    inputs = inputs_of(node, scope, problems)
    _check_outputs(node, scope, problems)
    body: JsonObject = {
        "displayName": str(node.given.get("display_name") or node.name),
        "experimentName": scope.experiment,
        "computeId": str(node.given.get("computeId") or scope.compute),
        "tags": dict(node.given.get("tags") or {}),
        "inputs": inputs,
        "outputs": outputs_of(node, scope),
        **_BODIES[node.kind](node, scope, problems),
    }
    own = {key: str(value) for key, value in (node.given.get("properties") or {}).items()}
    origin = {"azureml.runsource": "azureml.StepRun", _PIPELINE: scope.job}
    origin |= noted_reads(name for name in inputs if _is_read(node, name, scope))
    return {**body, "properties": {**own, **origin, FINGERPRINT: _fingerprint(body, node, scope)}}


def _space(node: Node) -> Document:
    """Return the search space of a node, which only a sweep has."""
    return sweep_parts(node.given)["searchSpace"] if node.kind == "sweep" else {}


def _is_read(node: Node, name: str, scope: Scope) -> bool:
    """Return whether an input is what another node writes, of this pipeline or of one around it."""
    text = _text((node.given.get("inputs") or {}).get(name)).strip()
    above = _INPUT.fullmatch(text)
    return bool(_STEP.fullmatch(text)) or (above is not None and above[1] in scope.read)


def _command(node: Node, scope: Scope, problems: list[Problem]) -> JsonObject:
    return {
        "jobType": "Command",
        **_code(node, scope, problems),
        "limits": command_limits(node.given.get("limits") or node.spec.get("limits")),
    }


def _sweep(node: Node, scope: Scope, problems: list[Problem]) -> JsonObject:
    trial = _code(node, scope, problems)
    parts = sweep_parts(node.given)
    for name in parts["searchSpace"]:
        own = re.compile(rf"\$\{{\{{\s*inputs\.{re.escape(name)}\s*\}}\}}")
        trial["command"] = own.sub(f"${{{{search_space.{name}}}}}", str(trial["command"]))
    # Each trial has a place of its own; the node's output is that of the best one.
    outputs = {
        name: each if _is_placed(node, name) else {k: v for k, v in each.items() if k != "uri"}
        for name, each in outputs_of(node, scope).items()
    }
    swept = {
        name: each
        for name, each in inputs_of(node, scope, []).items()
        if name not in parts["searchSpace"]
    }
    return {"jobType": "Sweep", "trial": trial, "inputs": swept, "outputs": outputs, **parts}


def _pipeline(node: Node, scope: Scope, _: list[Problem]) -> JsonObject:
    above = {key: value for key, value in scope.settings.items() if not key.startswith("_")}
    own = {**above, **(node.spec.get("settings") or {}), **(node.given.get("settings") or {})}
    compute = str(node.given.get("computeId") or own.get("default_compute") or scope.compute)
    return {
        "jobType": "Pipeline",
        "computeId": None,
        "jobs": node.spec.get("jobs") or {},
        "settings": {**own, "default_compute": compute},
    }


def _automl(node: Node, scope: Scope, problems: list[Problem]) -> JsonObject:
    settings = {
        key: _with_inputs(value, scope, node.name, problems)
        for key, value in node.given.items()
        if key not in _OF_THE_NODE and value is not None
    }
    data = in_arm_words(inputs_of(node, scope, []))
    return {"jobType": "AutoML", "inputs": {}, "taskDetails": {**search_details(settings), **data}}


def _with_inputs(value: object, scope: Scope, node: str, problems: list[Problem]) -> object:
    """Return a value with the inputs of the pipeline in its texts."""
    if isinstance(value, str):
        return _filled(value, scope, node, problems)
    if isinstance(value, Mapping):
        return {key: _with_inputs(each, scope, node, problems) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_inputs(each, scope, node, problems) for each in value]
    return value


_BODIES: Final = {
    "command": _command,
    "sweep": _sweep,
    "pipeline": _pipeline,
    "automl": _automl,
}
KINDS: Final = tuple(_BODIES)


def _code(node: Node, scope: Scope, problems: list[Problem]) -> JsonObject:
    given, spec = node.given, node.spec
    variables = {
        **(spec.get("environment_variables") or {}),
        **(given.get("environment_variables") or {}),
    }
    return {
        "command": str(spec.get("command") or ""),
        "codeId": _bare(spec.get("code")),
        "environmentId": _bare(given.get("environment") or spec.get("environment")),
        "environmentVariables": {
            name: _filled(str(value), scope, node.name, problems)
            for name, value in variables.items()
        },
        "resources": in_arm_words({**_map(spec, "resources"), **_map(given, "resources")}),
        "distribution": distribution(given.get("distribution") or spec.get("distribution")),
    }


# --- values


def _value(given: object, scope: Scope, node: str, problems: list[Problem]) -> JsonObject | None:
    """Return a node's input as one of a job, ``None`` if it has no value."""
    if given is None:
        return None
    text = _text(given)
    if found := _INPUT.fullmatch(text.strip()):
        return _of_pipeline(found[1], scope, node, problems)
    if found := _STEP.fullmatch(text.strip()):
        return _of_step(found[1], found[2], scope, node, problems)
    if isinstance(given, Mapping) and given.get("uri"):
        kind = str(given.get("job_input_type") or "uri_folder")
        return {"jobInputType": kind, "uri": _filled(text, scope, node, problems)}
    return {"jobInputType": "literal", "value": _filled(text, scope, node, problems)}


def _of_pipeline(name: str, scope: Scope, node: str, problems: list[Problem]) -> JsonObject | None:
    if name not in scope.inputs:
        hint = nearest(name, dict.fromkeys(scope.inputs), noun="input")
        says = f"Node '{node}' reads input '{name}', which the pipeline does not have. {hint}"
        problems.append((f"properties.jobs.{node}", says))
        return None
    value = scope.inputs[name]
    has = value.get("value" if value.get("jobInputType") == "literal" else "uri")
    return dict(value) if has is not None else None


def _of_step(
    step: str, output: str, scope: Scope, node: str, problems: list[Problem]
) -> JsonObject | None:
    made = scope.made.get(step)
    if made is None or output not in made:
        known: Mapping[str, object] = scope.made if made is None else made
        noun, name = ("node", step) if made is None else ("output", output)
        hint = nearest(name, dict.fromkeys(known), noun=noun)
        says = f"Node '{node}' reads output '{output}' of node '{step}', which does not exist."
        problems.append((f"properties.jobs.{node}", f"{says} {hint}"))
        return None
    return {"jobInputType": made[output]["jobOutputType"], "uri": made[output]["uri"]}


def _filled(text: str, scope: Scope, node: str, problems: list[Problem]) -> str:
    """Return a text with the inputs of the pipeline in it."""

    def value(match: re.Match[str]) -> str:
        found = _of_pipeline(match[1], scope, node, problems) or {}
        return str(found.get("value", found.get("uri", "")))

    return _INPUT.sub(value, text)


def _formed(form: Document, value: JsonObject, given: object) -> JsonObject:
    """Return an input of the type that the component declares."""
    kind = str(form.get("type") or value.get("jobInputType"))
    is_data = kind.startswith(_DATA)
    if not is_data:
        text = value.get("value", value.get("uri"))
        return {"jobInputType": "literal", "value": None if text is None else str(text)}
    own = given.get("mode") if isinstance(given, Mapping) else None
    mode = data_mode(own or form.get("mode")) or value.get("mode")
    found = {"jobInputType": kind, "uri": value.get("uri", value.get("value")), "mode": mode}
    return {key: each for key, each in found.items() if each is not None}


def _check_outputs(node: Node, scope: Scope, problems: list[Problem]) -> None:
    declared = node.spec.get("outputs") or {}
    at = f"properties.jobs.{node.name}.outputs"
    for name in node.given.get("outputs") or {}:
        if declared and name not in declared:
            hint = nearest(name, dict.fromkeys(declared), noun="output")
            says = f"The component of node '{node.name}' has no output '{name}'. {hint}"
            problems.append((f"{at}.{name}", says))
    for name, above in node.bound.items():
        if above not in scope.outputs:
            hint = nearest(above, dict.fromkeys(scope.outputs), noun="output")
            says = f"Node '{node.name}' writes output '{above}', which the pipeline does not have."
            problems.append((f"{at}.{name}", f"{says} {hint}"))


def _fingerprint(body: Document, node: Node, scope: Scope) -> str:
    """Return the hash of what a node is made of: where its outputs go by default is not part."""
    places = {
        name: each if _is_placed(node, name) else {**each, "uri": None}
        for name, each in outputs_of(node, scope).items()
    }
    kept = {
        key: value
        for key, value in body.items()
        if key not in {"displayName", "experimentName", "tags"}
    }
    text = json.dumps([node.kind, {**kept, "outputs": places}], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_placed(node: Node, name: str) -> bool:
    """Return whether somebody named the place of an output."""
    own = (node.given.get("outputs") or {}).get(name)
    return isinstance(own, Mapping) and bool(own.get("uri") or own.get("path"))


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        found: Iterator[object] = (value.get(key) for key in ("value", "uri", "path"))
        value = next((each for each in found if each is not None), "")
    return str(value)


def _map(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _bare(reference: object) -> str | None:
    return str(reference).removeprefix("azureml:") if reference else None
