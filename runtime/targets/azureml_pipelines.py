"""The parts of a pipeline job: the component that a step is, and its node. Pure but for data."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject
from runtime.agent.assets.transport import Transport
from runtime.model.data import data_variable
from runtime.model.runs import PreparedRun
from runtime.targets.azureml_data import INPUT_MODES, JobData, binding, job_data

_ANONYMOUS: Final = "azureml_anonymous"
_SNAKE: Final = {
    "instanceCount": "instance_count",
    "shmSize": "shm_size",
    "dockerArgs": "docker_args",
    "processCountPerInstance": "process_count_per_instance",
    "workerCount": "worker_count",
    "parameterServerCount": "parameter_server_count",
}


def with_reads(run: PreparedRun, reads: Mapping[str, str], transport: Transport) -> JobData:
    """Return the data of a step; inputs in ``reads`` are what other steps write.

    ``reads`` has the expression of each. An output without a place gets one from the service.
    """
    spec = run.spec
    own = tuple(each for each in spec.inputs if each.name not in reads)
    data = job_data(replace(run, spec=replace(spec, inputs=own)), transport)
    inputs, exports = dict(data.inputs), list(data.exports)
    for each in spec.inputs:
        if each.name in reads:
            name = binding(each.name)
            inputs[name] = {"jobInputType": "uri_folder", "mode": INPUT_MODES[each.mechanism]}
            exports.append(f"{data_variable(each.name)}=${{{{inputs.{name}}}}}")
    outputs = dict(data.outputs)
    for output in spec.outputs:
        if output.location is None:
            name = binding(output.name)
            outputs[name] = {k: v for k, v in outputs[name].items() if k != "uri"}
    return replace(data, inputs=inputs, outputs=outputs, exports=tuple(exports))


def component_asset(job: Document, *, is_reusable: bool) -> tuple[str, JsonObject]:
    """Return the name with the version of a step's component, and its body.

    The version is made of the content, so a component that has not changed is one asset.
    """
    given = job["properties"]
    spec: JsonObject = {
        "type": "command",
        "name": _ANONYMOUS,
        "command": given["command"],
        "code": f"azureml:{given['codeId']}",
        "environment": f"azureml:{given['environmentId']}",
        "inputs": {
            name: {"type": each["jobInputType"]}
            for name, each in (given.get("inputs") or {}).items()
        },
        "outputs": {
            name: {"type": each["jobOutputType"]}
            for name, each in (given.get("outputs") or {}).items()
        },
        "is_deterministic": is_reusable,
        "_source": "REMOTE.WORKSPACE.COMPONENT",
    }
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    version = str(uuid.UUID(digest[:32]))
    spec["version"] = version
    body = {"componentSpec": spec, "isAnonymous": True, "isArchived": False}
    return f"{_ANONYMOUS}/versions/{version}", {"properties": body}


def node_of(job: Document, component: str, reads: Mapping[str, str]) -> JsonObject:
    """Return the node of a step in the words of a pipeline job, which are those of its YAML."""
    given = job["properties"]
    bound = {binding(name): expression for name, expression in reads.items()}
    timeout = duration_s(str(given["limits"]["timeout"]))
    node: JsonObject = {
        "type": "command",
        "componentId": component,
        "computeId": given["computeId"],
        "display_name": given["displayName"],
        "environment_variables": given["environmentVariables"],
        "resources": _snake(given["resources"]),
        "limits": {"timeout": int(timeout or 0)},
        "tags": given["tags"],
        "properties": given["properties"],
        "inputs": {
            name: _input(each, bound.get(name))
            for name, each in (given.get("inputs") or {}).items()
        },
        "outputs": {name: _output(each) for name, each in (given.get("outputs") or {}).items()},
        "_source": "REMOTE.WORKSPACE.COMPONENT",
    }
    how = given.get("distribution")
    if how:
        kind = str(how["distributionType"]).lower()
        rest = {key: value for key, value in how.items() if key != "distributionType"}
        node["distribution"] = {"type": kind, **_snake(rest)}
    return node


def _input(each: Document, expression: str | None) -> JsonObject:
    if expression is not None:
        return {"job_input_type": "literal", "value": expression, "mode": each["mode"]}
    return {"job_input_type": each["jobInputType"], "uri": each["uri"], "mode": each["mode"]}


def _output(each: Document) -> JsonObject:
    found = {
        "job_output_type": each["jobOutputType"],
        "mode": each["mode"],
        "uri": each.get("uri"),
        "asset_name": each.get("assetName"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _snake(document: Document) -> JsonObject:
    return {_SNAKE.get(key, key): value for key, value in document.items()}
