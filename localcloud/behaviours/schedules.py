"""Schedules of jobs: stored, listed by whether they are enabled, and triggered by hand.

The local cloud starts no job at a schedule's times; ``trigger`` starts its job at once.
"""

import uuid
from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING_JOBS
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import JsonObject
from localcloud.behaviours import jobs
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.MachineLearningServices/workspaces/schedules"
_CREATE_JOB: Final = "CreateJob"
_VIEWS: Final = {"enabledonly": (True,), "disabledonly": (False,), "all": (True, False)}


def _fill(_call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = wanted["properties"]
    if not isinstance(properties.get("action"), dict):
        raise invalid([("properties.action", "The property 'properties.action' is required.")])
    return {**wanted, "properties": {"isEnabled": True, "tags": {}, "properties": {}, **properties}}


def _list(call: Call) -> Reply:
    """List the schedules that ``listViewType`` asks for: the enabled ones by default."""
    asked = call.query.get("listviewtype") or "EnabledOnly"
    if asked.lower() not in _VIEWS:
        says = f"listViewType is '{asked}'; use EnabledOnly, DisabledOnly or All."
        raise invalid([("listViewType", says)])
    workspace = existing(call, call.arm)
    found = call.cloud.store.resources.children(workspace.id, type=TYPE, now=call.now)
    return page(
        _document(call, each)
        for each in found
        if bool(each.properties["isEnabled"]) in _VIEWS[asked.lower()]
    )


def _document(call: Call, schedule: StoredResource) -> JsonObject:
    state = {"provisioningState": schedule.provisioning_state(call.now)}
    return {
        "id": schedule.id,
        "name": schedule.name,
        "type": schedule.type,
        **schedule.document,
        "properties": {**schedule.properties, **state},
    }


def _trigger(call: Call) -> Reply:
    """Submit the job of an enabled schedule."""
    schedule = existing(call)
    action = schedule.properties["action"]
    if action.get("actionType") != _CREATE_JOB:
        raise RefusedError(
            400,
            "BadRequest",
            f"Schedule '{schedule.name}' has the action {action.get('actionType')}; the local "
            f"cloud can trigger {_CREATE_JOB} only.",
        )
    if not schedule.properties["isEnabled"]:
        raise RefusedError(
            400, "BadRequest", f"Schedule '{schedule.name}' is disabled; enable it to trigger it."
        )
    definition = _definition(call, action.get("jobDefinition") or {})
    name = f"{schedule.name}-{uuid.uuid4().hex[:8]}"
    call.target = parse_arm_id(f"{schedule.parent}/jobs/{name}")
    jobs.submit(call, definition)
    return answer({"scheduleActionType": _CREATE_JOB, "submissionId": name})


def _definition(call: Call, given: object) -> JsonObject:
    """Return the properties of the job to submit: those given, or those of the job named."""
    if not isinstance(given, dict):
        raise RefusedError(400, "BadRequest", "The schedule's job definition must be an object.")
    source = given.get("sourceJobId")
    if not source:
        return given
    job = find(call, str(source).removeprefix("azureml:"))
    if job is None or job.type != jobs.TYPE:
        raise RefusedError(404, "JobNotFound", f"There is no job '{source}'.")
    return {key: value for key, value in job.properties.items() if key != "isArchived"}


KINDS: Final = (
    Kind(
        TYPE,
        versions=MACHINE_LEARNING_JOBS,
        required=("properties",),
        system_data=True,
        fill=_fill,
        handlers={"LIST": _list},
        actions={"trigger": _trigger},
    ),
)
