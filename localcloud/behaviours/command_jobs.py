"""Command jobs: what a PUT has to give, and what is filled in. The nodes run them."""

import re
from collections.abc import Iterator
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.job_data import data_problems, with_assets
from localcloud.behaviours.job_references import (
    asset_id,
    compute_of,
    environment_id,
    required_asset,
)
from localcloud.calls.docker_arguments import docker_options
from localcloud.calls.job_limits import queue_limit
from localcloud.calls.messages import Call
from localcloud.calls.refusals import invalid
from localcloud.store.resources import StoredResource
from runtime.environments.docker_arguments import size_bytes
from runtime.model.runs import QUEUE_TIMEOUT

_EXPERIMENT: Final = re.compile(r"[a-zA-Z0-9][\w\-]{0,254}")


def filled_command(call: Call, given: Document) -> JsonObject:
    """Return the properties of a new command job. Raises ``RefusedError`` with every problem."""
    compute = compute_of(call, str(given.get("computeId") or ""))
    code = required_asset(call, asset_id(call, "codes", str(given.get("codeId") or "")), "codes")
    environment = environment_id(call, str(given.get("environmentId") or ""))
    given = {**given, "inputs": with_assets(call, given.get("inputs"))}
    resources = {"instanceCount": 1, **(given.get("resources") or {})}
    problems = [*_problems(given, resources, compute), *data_problems(call, given)]
    if problems:
        raise invalid(problems)
    name = call.arm.name
    return {
        "description": None,
        "identity": None,
        "inputs": {},
        "outputs": {},
        "environmentVariables": {},
        "limits": None,
        "distribution": None,
        **{key: value for key, value in given.items() if value is not None},
        "jobType": "Command",
        "computeId": compute.id,
        "environmentId": environment,
        "codeId": code,
        "resources": resources,
        "displayName": given.get("displayName") or name,
        "experimentName": given.get("experimentName") or "Default",
        "isArchived": bool(given.get("isArchived")),
        "tags": given.get("tags") or {},
        "properties": given.get("properties") or {},
    }


def experiment_problems(given: Document) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the name of a job's experiment."""
    experiment = str(given.get("experimentName") or "Default")
    if not _EXPERIMENT.fullmatch(experiment):
        yield (
            "properties.experimentName",
            f"'{experiment}' is not an experiment name: use letters, digits, '-' and '_'.",
        )


def _problems(
    given: Document, resources: Document, compute: StoredResource
) -> Iterator[tuple[str, str]]:
    """Yield every problem that can be found with the compute alone."""
    command = str(given.get("command") or "")
    if not command.strip():
        yield "properties.command", "The job has no command."
    yield from experiment_problems(given)
    timeout = (given.get("limits") or {}).get("timeout")
    if timeout and not duration_s(str(timeout)):
        yield "properties.limits.timeout", f"'{timeout}' is not an ISO 8601 duration such as PT1H."
    try:
        queue_limit(given.get("properties") or {})
    except ValueError:
        limit = (given.get("properties") or {})[QUEUE_TIMEOUT]
        says = f"'{limit}' is not a time: {QUEUE_TIMEOUT} takes seconds, more than 0."
        yield f"properties.properties.{QUEUE_TIMEOUT}", says
    yield from node_problems(resources, compute)
    yield from _container_problems(resources)


def _container_problems(resources: Document) -> Iterator[tuple[str, str]]:
    try:
        docker_options(str(resources.get("dockerArgs") or ""))
    except UsageError as error:
        yield "properties.resources.dockerArgs", f"{error.detail} {error.remedy}"
    try:
        size_bytes(str(resources.get("shmSize") or "2g"))
    except ValueError as error:
        yield "properties.resources.shmSize", f"{error}."


def node_problems(resources: Document, compute: StoredResource) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the number of nodes that a job asks for."""
    count = resources.get("instanceCount")
    if not isinstance(count, int) or count < 1:
        yield "properties.resources.instanceCount", "instanceCount must be 1 or more."
        return
    most = 1
    if compute.properties["computeType"] == "AmlCompute":
        most = int(compute.properties["properties"]["scaleSettings"]["maxNodeCount"])
    if count > most:
        yield (
            "properties.resources.instanceCount",
            f"The job asks for {count} nodes, but compute '{compute.name}' has at most {most}.",
        )
