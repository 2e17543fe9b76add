"""The definition of a run, kept with it: azureml-core's run configuration, keys in camelCase."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.model.data import DataLocation
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution
from runtime.model.redaction import MASK, redacted
from runtime.model.runs import RunEvent, RunRecord, RunSpec

KIND: Final = "definition"
"""The kind of event that carries a definition, or changed keys of one."""
_COMMUNICATORS: Final = {"mpi": "IntelMpi", "tensorflow": "ParameterServer"}


def definition(spec: RunSpec) -> JsonObject:
    """Return the definition of a run. Values of variables may be secret: they are not in it."""
    return {
        "script": spec.script,
        "command": spec.command,
        "arguments": list(spec.arguments),
        "target": spec.target,
        "framework": spec.framework,
        "communicator": _communicator(spec.distribution),
        "maxRunDurationSeconds": spec.max_duration_s,
        "nodeCount": spec.node_count,
        "priority": spec.priority,
        "environmentVariables": dict.fromkeys(spec.variables, MASK),
        "environment": _environment(spec.environment),
        "history": {"outputCollection": spec.collects},
        "docker": {"useDocker": spec.docker.use, "shmSize": spec.docker.shm_size},
        "spark": {"configuration": dict(spec.spark)},
        "data": {
            each.name: {"dataLocation": _location(each.location), "mechanism": each.mechanism}
            for each in spec.inputs
        },
        "outputData": {each.name: {} for each in spec.outputs},
        **_sections(spec.distribution),
        "sourceDirectoryDataStore": None,
        "displayName": spec.display_name,
    }


def described(record: RunRecord, events: Iterable[RunEvent]) -> JsonObject:
    """Return the definition of a run in the history: what was kept of it, else its record."""
    found: JsonObject = {
        "script": record.script,
        "arguments": list(record.arguments),
        "target": record.target,
    }
    for event in events:
        if event.kind == KIND and not event.data.get("run"):
            found |= event.data
    return found


def input_datasets(found: JsonObject) -> list[JsonObject]:
    """Return the registered datasets of a definition, as azureml-core shows those of a run."""
    inputs: JsonObject = found.get("data") or {}
    return [
        {
            "dataset": {"id": location["dataset"]["id"]},
            "consumptionDetails": {
                "type": "RunInput",
                "inputName": name,
                "mechanism": str(each["mechanism"]).capitalize(),
            },
        }
        for name, each in inputs.items()
        if "dataset" in (location := each.get("dataLocation") or {})
    ]


def _location(location: DataLocation) -> JsonObject:
    match location.kind:
        case "asset":
            name, _, version = location.path.replace("@", ":").partition(":")
            return {"dataset": {"id": location.path, "name": name, "version": version or None}}
        case "datastore":
            path = {"datastoreName": location.datastore, "relativePath": location.path}
            return {"dataPath": path}
    return {"uri": {"path": redacted(location.path)}}


def _communicator(distribution: Distribution | None) -> str:
    if distribution is None:
        return "None"
    return _COMMUNICATORS.get(distribution.kind) or (distribution.backend or "Nccl")


def _sections(distribution: Distribution | None) -> JsonObject:
    if distribution is None:
        return {"mpi": {"processCountPerNode": 1}}
    return {
        "mpi": {"processCountPerNode": distribution.processes_per_node},
        "pytorch": {
            "communicationBackend": distribution.backend or "Nccl",
            "processCount": distribution.processes,
        },
        "tensorflow": {
            "workerCount": distribution.workers,
            "parameterServerCount": distribution.parameter_servers,
        },
    }


def _environment(spec: EnvironmentSpec | None) -> JsonObject | None:
    if spec is None:
        return None
    image = spec.image
    return {
        "name": spec.name,
        "version": spec.version,
        "environmentVariables": dict.fromkeys(spec.variables, MASK),
        "python": {
            "userManagedDependencies": spec.kind == "user_managed",
            "interpreterPath": spec.interpreter or "python",
            "condaDependencies": redacted(spec.conda or "") or None,
            "pipRequirements": redacted(spec.requirements or "") or None,
            "version": spec.python,
        },
        "docker": {
            "baseImage": image.name if image else None,
            "baseDockerfile": image.dockerfile if image else None,
        },
        "spark": asdict(spec.spark) if spec.spark else None,
    }
