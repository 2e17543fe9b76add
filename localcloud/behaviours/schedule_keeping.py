"""Starts the jobs of schedules at their times: one thread that looks at them every second.

When each was last due is in a file, so that one time that passed while the cloud did not run is
made up for when it starts.
"""

import json
import logging
import threading
from pathlib import Path
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import PlatformError
from infra.contract.json_types import JsonObject
from infra.contract.private import private_folder
from localcloud.behaviours import jobs
from localcloud.behaviours.schedule_triggers import at_time, job_name, trigger_of
from localcloud.calls.cloud import Cloud
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.MachineLearningServices/workspaces/schedules"
CREATE_JOB: Final = "CreateJob"
_LOG: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 1.0
_FILE: Final = "due.json"


class ScheduleEngine:
    """The schedules of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "schedules"
        self._stopping = threading.Event()
        cloud.reset_folders.append(self._folder)
        self._thread = threading.Thread(target=self._keep, name="schedules of jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; jobs that were started continue."""
        self._stopping.set()
        self._thread.join()

    def reset(self) -> None:
        """Forget when schedules were due; the store is about to be wiped."""
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self._folder / _FILE

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except (OSError, ValueError):
                _LOG.exception("the schedules cannot be looked at")

    def _look(self) -> None:
        """Start the jobs of the schedules that are due."""
        cloud, now = self._cloud, self._cloud.clock()
        schedules = cloud.store.resources.of_type(TYPE, now=now)
        if not schedules:
            return
        known = self._read()
        passed = dict(known)
        for each in schedules:
            due = _due(each, known.get(each.key, 0.0))
            if due is not None and due <= now:
                passed[each.key] = now
                # Before the job: one that is refused is not tried again each second.
                self._write(passed)
                fire(cloud, each, due)

    def _read(self) -> dict[str, float]:
        try:
            found: dict[str, float] = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _write(self, passed: dict[str, float]) -> None:
        private_folder(self._folder)
        partial = self._file.with_suffix(".part")
        partial.write_text(json.dumps(passed), encoding="utf-8")
        partial.replace(self._file)


def fire(cloud: Cloud, schedule: StoredResource, due: float) -> None:
    """Submit the job of a schedule that was due at a time. Why it is refused is logged."""
    name = job_name(schedule.name, due)
    target = f"{schedule.parent}/jobs/{name}"
    call = Call(cloud, "PUT", target, target=parse_arm_id(target))
    try:
        jobs.submit(call, at_time(definition_of(call, schedule), due))
    except RefusedError as refusal:
        _LOG.warning("schedule %s cannot start its job: %s", schedule.name, refusal.message)


def definition_of(call: Call, schedule: StoredResource) -> JsonObject:
    """Return the properties of a schedule's job: those given, or those of the job it names."""
    given = schedule.properties["action"].get("jobDefinition") or {}
    if not isinstance(given, dict):
        raise RefusedError(400, "BadRequest", "The schedule's job definition must be an object.")
    source = given.get("sourceJobId")
    if source:
        job = find(call, str(source).removeprefix("azureml:"))
        if job is None or job.type != jobs.TYPE:
            raise RefusedError(404, "JobNotFound", f"There is no job '{source}'.")
        given = jobs.submitted(job)
    own = {**(given.get("properties") or {}), jobs.SCHEDULE: schedule.name}
    return {**given, "displayName": call.arm.name, "properties": own}


def _due(schedule: StoredResource, passed: float) -> float | None:
    """Return when an enabled schedule is due next, in seconds since the epoch."""
    properties = schedule.properties
    if not properties["isEnabled"] or properties["action"].get("actionType") != CREATE_JOB:
        return None
    try:
        trigger = trigger_of(properties.get("trigger") or {}, schedule.created)
    except PlatformError:
        return None  # stored by an earlier version, which did not look at triggers
    return trigger.next_after(max(passed, schedule.modified))
