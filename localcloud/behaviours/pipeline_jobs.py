"""Pipeline jobs: what a PUT has to give, and the jobs that their nodes become.

Everything is checked when the pipeline is submitted: its graph, its components, and each node as a
job of its own, with the places that the data before it will have.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.automl_jobs import filled_automl
from localcloud.behaviours.command_jobs import experiment_problems, filled_command
from localcloud.behaviours.job_data import data_problems, with_assets
from localcloud.behaviours.job_references import asset_id, required_asset
from localcloud.behaviours.pipeline_nodes import (
    KINDS,
    Node,
    Problem,
    Scope,
    child_id,
    child_properties,
    default_uri,
    outputs_of,
    search_node,
)
from localcloud.behaviours.sweep_jobs import SWEEP, filled_sweep
from localcloud.calls.automl import AUTOML
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.node_reads import read_of_nodes
from localcloud.calls.refusals import RefusedError, invalid
from runtime.pipelines.planning import sorted_names

PIPELINE: Final = "pipeline"
COMMAND: Final = "command"
_SETTINGS: Final = {
    "on_init": "a node that runs first",
    "on_finalize": "a node that runs last",
}


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a pipeline, and what each waits for, in the order in which they start."""

    nodes: Mapping[str, Node]
    upstream: Mapping[str, tuple[str, ...]]


def kind_of(properties: Document) -> str:
    """Return the type of a job, in lower case."""
    return str(properties.get("jobType") or "").lower()


def filled(call: Call, given: Document) -> JsonObject:
    """Return the properties of a new job. Raises ``RefusedError`` with every problem."""
    kind = kind_of(given)
    if kind not in _FILLED:
        raise RefusedError(
            400,
            "BadRequest",
            "The local cloud runs command jobs, sweeps, pipelines and automl jobs; it cannot run a"
            f" job of type '{given.get('jobType') or ''}'.",
            target="properties.jobType",
        )
    return _FILLED[kind](call, given)


def filled_pipeline(call: Call, given: Document) -> JsonObject:
    """Return the properties of a new pipeline job. Raises ``RefusedError`` with every problem."""
    name = call.arm.name
    given = {**given, "inputs": with_assets(call, given.get("inputs"))}
    settings = given.get("settings") or {}
    store = str(settings.get("default_datastore") or "")
    outputs = {
        each: {"uri": default_uri(name, each, str(value.get("jobOutputType")), store)}
        | {key: part for key, part in value.items() if part is not None}
        for each, value in (given.get("outputs") or {}).items()
        if value is not None
    }
    properties = {
        "description": None,
        "identity": None,
        **{key: value for key, value in given.items() if value is not None},
        "jobType": "Pipeline",
        "inputs": given["inputs"],
        "outputs": outputs,
        "settings": settings,
        "displayName": given.get("displayName") or name,
        "experimentName": given.get("experimentName") or "Default",
        "isArchived": bool(given.get("isArchived")),
        "tags": given.get("tags") or {},
        "properties": given.get("properties") or {},
    }
    problems = [*experiment_problems(given), *data_problems(call, {**given, "outputs": outputs})]
    problems += _settings_problems(settings)
    problems += _node_problems(call, name, properties)
    if problems:
        raise invalid(problems)
    return properties


def graph_of(call: Call, properties: Document, problems: list[Problem]) -> Graph:
    """Return the nodes of a pipeline with their components, in an order in which they can run."""
    nodes = {
        name: made
        for name, given in (properties.get("jobs") or {}).items()
        if (made := _node(call, name, given or {}, problems)) is not None
    }
    upstream = {
        name: tuple(each for each in node.upstream if each in nodes) for name, node in nodes.items()
    }
    try:
        order = sorted_names(upstream)
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        problems.append(("properties.jobs", f"These nodes wait for each other: {circle}."))
        order = list(upstream)
    return Graph(nodes, {name: upstream[name] for name in order})


def scope_of(name: str, properties: Document) -> Scope:
    """Return what the expressions of a pipeline mean, before any node has run."""
    settings: Document = properties.get("settings") or {}
    return Scope(
        name,
        properties.get("inputs") or {},
        properties.get("outputs") or {},
        settings,
        str(settings.get("default_compute") or properties.get("computeId") or ""),
        str(properties.get("experimentName") or "Default"),
        read=read_of_nodes(properties.get("properties") or {}),
    )


def child_call(call: Call, name: str) -> Call:
    """Return a call whose target is another job of the same workspace."""
    return replace(call, target=parse_arm_id(f"{call.arm.parent}/jobs/{name}"))


def _settings_problems(settings: Document) -> Iterator[Problem]:
    for key, what in _SETTINGS.items():
        if settings.get(key):
            says = f"'settings.{key}' ({what}) is not supported by the local cloud."
            yield f"properties.settings.{key}", says


def _node_problems(call: Call, name: str, properties: Document) -> list[Problem]:
    """Return everything that is wrong with the nodes: of the graph, and of each node's job."""
    problems: list[Problem] = []
    graph = graph_of(call, properties, problems)
    if not properties.get("jobs"):
        return [("properties.jobs", "The pipeline has no nodes.")]
    scope = scope_of(name, properties)
    scope = replace(scope, made={key: outputs_of(node, scope) for key, node in graph.nodes.items()})
    for key, node in graph.nodes.items():
        before = len(problems)
        child = child_properties(node, scope, problems)
        if len(problems) == before:
            problems += _refused(child_call(call, child_id(name, key)), key, child)
    return problems


def _refused(call: Call, node: str, properties: Document) -> Iterator[Problem]:
    """Yield why the job of a node would be refused."""
    at = f"properties.jobs.{node}"
    try:
        _FILLED[kind_of(properties)](call, properties)
    except RefusedError as refusal:
        for each in refusal.details or [{"message": refusal.message}]:
            yield at, f"Node '{node}': {each['message']}"


def _node(call: Call, name: str, given: Document, problems: list[Problem]) -> Node | None:
    at, kind = f"properties.jobs.{name}", str(given.get("type") or COMMAND)
    if kind not in KINDS:
        says = f"Node '{name}' is of type '{kind}'; the local cloud runs {_listed(KINDS)} nodes."
        problems.append((at, says))
        return None
    if kind == AUTOML:
        return search_node(name, given)
    trial: Document = given.get("trial") or {}
    reference = str((trial if kind == SWEEP else given).get("componentId") or "")
    try:
        spec = _spec(call, reference) if reference else None
    except RefusedError as refusal:
        problems.append((f"{at}.componentId", f"Node '{name}': {refusal.message}"))
        return None
    if spec is None:
        problems.append((f"{at}.componentId", f"Node '{name}' has no componentId."))
        return None
    wanted = COMMAND if kind == SWEEP else kind
    if str(spec.get("type") or COMMAND) != wanted:
        says = f"The component of node '{name}' is of type '{spec.get('type')}', not '{wanted}'."
        problems.append((f"{at}.componentId", says))
        return None
    return Node(name, kind, given, spec)


def _spec(call: Call, reference: str) -> Document | None:
    component = required_asset(call, asset_id(call, "components", reference), "components")
    found = find(call, component) if component else None
    return dict(found.properties.get("componentSpec") or {}) if found else None


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


_FILLED: Final[Mapping[str, Callable[[Call, Document], JsonObject]]] = {
    AUTOML: filled_automl,
    COMMAND: filled_command,
    SWEEP: filled_sweep,
    PIPELINE: filled_pipeline,
}
