"""Schedules of jobs: checked, stored, listed by whether they are enabled, and triggered by hand.

``schedule_keeping`` starts their jobs at their times.
"""

import uuid
from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING_JOBS
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import JsonObject
from localcloud.behaviours import jobs
from localcloud.behaviours.pipeline_jobs import child_call, filled
from localcloud.behaviours.schedule_keeping import CREATE_JOB, TYPE, definition_of
from localcloud.behaviours.schedule_triggers import at_time, trigger_problem
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource

_VIEWS: Final = {"enabledonly": (True,), "disabledonly": (False,), "all": (True, False)}


def _fill(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = {"isEnabled": True, "tags": {}, "properties": {}, **wanted["properties"]}
    if not isinstance(properties.get("action"), dict):
        raise invalid([("properties.action", "The property 'properties.action' is required.")])
    problem = trigger_problem(properties.get("trigger"), call.now)
    if problem:
        raise invalid([("properties.trigger", problem)])
    if properties["isEnabled"] and properties["action"].get("actionType") == CREATE_JOB:
        _check_job(call, properties)
    return {**wanted, "properties": properties}


def _check_job(call: Call, properties: JsonObject) -> None:
    """Refuse a schedule whose job would be refused."""
    job = child_call(call, call.arm.name)
    schedule = StoredResource(
        str(call.arm), TYPE, str(call.arm.parent), {"properties": properties}, call.now, call.now
    )
    filled(job, at_time(definition_of(job, schedule), call.now))


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


def _delete(call: Call) -> Reply | None:
    """Refuse to delete an enabled schedule, as the service does.

    https://learn.microsoft.com/azure/machine-learning/how-to-schedule-pipeline-job#delete-a-schedule
    """
    schedule = find(call, str(call.arm))
    if schedule is not None and schedule.properties["isEnabled"]:
        says = f"Schedule '{schedule.name}' is enabled; disable it to delete it."
        raise RefusedError(400, "BadRequest", says)
    return None


def _trigger(call: Call) -> Reply:
    """Submit the job of an enabled schedule."""
    schedule = existing(call)
    action = schedule.properties["action"]
    if action.get("actionType") != CREATE_JOB:
        raise RefusedError(
            400,
            "BadRequest",
            f"Schedule '{schedule.name}' has the action {action.get('actionType')}; the local "
            f"cloud can trigger {CREATE_JOB} only.",
        )
    if not schedule.properties["isEnabled"]:
        raise RefusedError(
            400, "BadRequest", f"Schedule '{schedule.name}' is disabled; enable it to trigger it."
        )
    name = f"{schedule.name}-{uuid.uuid4().hex[:8]}"
    call.target = parse_arm_id(f"{schedule.parent}/jobs/{name}")
    jobs.submit(call, at_time(definition_of(call, schedule), call.now))
    return answer({"scheduleActionType": CREATE_JOB, "submissionId": name})


KINDS: Final = (
    Kind(
        TYPE,
        versions=MACHINE_LEARNING_JOBS,
        required=("properties",),
        system_data=True,
        fill=_fill,
        handlers={"LIST": _list, "DELETE": _delete},
        actions={"trigger": _trigger},
    ),
)
