"""Schedules of a project: ``<home>/schedules/NAME.json``, started by the local cloud's daemon.

A schedule keeps its pipeline as it was when it was made: code, parameters, environments. The
daemon looks at ``next`` of each file and starts ``runtime.pipelines.due`` when one has come.
"""

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load, nearest
from infra.contract.private import private_file, private_folder
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.local_files import remote_path
from runtime.model.pipelines import ParameterValue, Pipeline
from runtime.model.run_ids import run_id as new_run_id
from runtime.pipelines.documents import Work, work_document, work_of
from runtime.pipelines.graph import Problem
from runtime.pipelines.native import not_kept, schedule_properties
from runtime.pipelines.native_runs import native_job, service_of, service_targets
from runtime.pipelines.parameters import shown, with_values
from runtime.pipelines.submission import Options, keep_code, start_work
from runtime.pipelines.triggers import Cron, DataChange, Recurrence, Trigger, first_due
from runtime.submit.notes import silent
from runtime.submit.session import ProjectSession
from runtime.targets.base import Pipelining, Report
from runtime.targets.run_places import Workspace, named_errors

FOLDER: Final = "schedules"
SCHEDULE_PROPERTY: Final = "azureml.scheduleid"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w-]{0,254}", re.ASCII)
_STARTED_BY: Final = {"recurrence": "times", "cron": "times", "data": "changes of data"}
_TRIGGERS: Final = {"recurrence": Recurrence, "cron": Cron, "data": DataChange}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule.

    ``next`` is when it is due, in seconds since the epoch, ``None`` for never; ``seen`` what the
    data held when it was last looked at. ``last_run`` is the run that it started last, or
    ``problem`` why it could not. ``work`` is the pipeline, ``variables`` the environment variables
    whose values are not kept. ``native`` is the target whose service keeps it, if one does: then
    there is no ``work`` here.
    """

    name: str
    trigger: Trigger
    stack: str
    work: JsonObject
    variables: tuple[str, ...] = ()
    enabled: bool = True
    next: float | None = None
    seen: str = ""
    last_run: str = ""
    problem: str = ""
    description: str = ""
    created: float = 0.0
    pipeline_id: str = ""
    native: str = ""

    @property
    def kind(self) -> str:
        """What it is started by: ``recurrence``, ``cron`` or ``data``."""
        return next(key for key, kind in _TRIGGERS.items() if isinstance(self.trigger, kind))


@dataclass(frozen=True, slots=True)
class Changes:
    """What ``changed`` changes of a schedule; ``None``, and no values, leave it as it is."""

    description: str | None = None
    trigger: Trigger | None = None
    values: Mapping[str, ParameterValue] = field(default_factory=dict)
    is_enabled: bool | None = None
    continue_on_failure: bool | None = None


class Schedules:
    """The schedules of one project."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def names(self) -> list[str]:
        """Return the names of all schedules."""
        return sorted(each.stem for each in self._folder.glob("*.json"))

    def read(self, name: str) -> Schedule:
        """Return a schedule. Raises ``UnknownNameError``, which names the nearest."""
        try:
            document: JsonObject = json.loads(self._file(name).read_text(encoding="utf-8"))
        except OSError as error:
            known = dict.fromkeys(self.names())
            raise UnknownNameError(
                f"There is no schedule {name!r}.", remedy=nearest(name, known, noun="schedule")
            ) from error
        trigger = dict(document.pop("trigger"))
        kind = _TRIGGERS[trigger.pop("kind")]
        fields = {key: tuple(v) if isinstance(v, list) else v for key, v in trigger.items()}
        variables = tuple(document.pop("variables"))
        return Schedule(**document, trigger=kind(**fields), variables=variables)

    def write(self, schedule: Schedule) -> None:
        """Write a schedule, whole or not at all."""
        private_folder(self._folder)
        trigger = {"kind": schedule.kind, **asdict(schedule.trigger)}
        document = {**asdict(schedule), "trigger": trigger}
        partial = private_file(self._folder / f".{os.getpid()}-{schedule.name}")
        partial.write_text(json.dumps(document), encoding="utf-8")
        partial.replace(self._file(schedule.name))

    def change(self, name: str, change: Callable[[Schedule], Schedule]) -> Schedule:
        """Change a schedule as it is now, while nobody else does; return what it is then.

        Raises ``UnknownNameError`` for one that was deleted meanwhile.
        """
        with self._alone():
            changed = change(self.read(name))
            self.write(changed)
        return changed

    def delete(self, name: str) -> None:
        """Delete a schedule. Raises ``UnknownNameError``."""
        with self._alone():
            self.read(name)
            self._file(name).unlink()

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the schedules alone; ``False`` if another process does."""
        private_folder(self._folder)
        with private_file(self._folder / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process changes a schedule."""
        private_folder(self._folder)
        with private_file(self._folder / "changes.lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def create(
    session: ProjectSession,
    name: str,
    trigger: Trigger,
    pipeline: Pipeline,
    values: Mapping[str, ParameterValue] | None = None,
    *,
    description: str = "",
    pipeline_id: str = "",
    native: bool | None = False,
    problems: Sequence[Problem] = (),
    report: Report = silent,
) -> Schedule:
    """Make a schedule. The pipeline is checked, and its code kept as it is now.

    ``native``: the service of the steps' workspace keeps the schedule and drives its pipelines
    (``None``: in Azure, where it does the same). Raises ``UsageError`` for a name that is taken,
    and what is wrong with trigger or pipeline.
    """
    _check_name(session, name)
    first_due(trigger, time.time())
    work = keep_code(session, pipeline, Options(values or {}), problems=problems, report=report)
    services = service_of(session, work.pipeline, native=native, report=report)
    why = "" if native or services is None else not_kept(trigger)
    if why:
        report(f"This machine keeps the schedule: {why}.")
    if services is not None and not why:
        first = work.pipeline.steps[0].run.target
        job = native_job(session, services, work, name)
        services[first].put_schedule(name, schedule_properties(name, trigger, job, description))
        return _noted(session, name, trigger, description=description, native=first)
    return of_work(session, name, trigger, work, description=description, pipeline_id=pipeline_id)


def _check_name(session: ProjectSession, name: str) -> Schedules:
    schedules = Schedules(session.home.absolute())
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a schedule.",
            remedy="Use letters, digits, '_' and '-', and begin with a letter or digit.",
        )
    if name in schedules.names():
        raise UsageError(
            f"Schedule {name!r} already exists.",
            remedy=f"Delete it first: `aml schedule delete {name}`.",
        )
    return schedules


def _noted(
    session: ProjectSession, name: str, trigger: Trigger, *, description: str, native: str
) -> Schedule:
    """Write down a schedule that the service of a target keeps."""
    made = Schedule(
        name,
        trigger,
        session.stack,
        {},
        description=description,
        created=time.time(),
        native=native,
    )
    Schedules(session.home.absolute()).write(made)
    return made


def _service(session: ProjectSession, schedule: Schedule) -> Pipelining | None:
    """Return the service that keeps a schedule, ``None`` for one that is kept here."""
    found = service_targets(session, [schedule.native] if schedule.native else [])
    return next(iter(found.values()), None)


def deleted(session: ProjectSession, name: str) -> None:
    """Delete a schedule, also that of the service. Raises ``UnknownNameError``."""
    schedules = Schedules(session.home.absolute())
    known = schedules.read(name)
    service = _service(session, known)
    if service is not None:
        service.delete_schedule(name)
    schedules.delete(name)


def of_work(
    session: ProjectSession,
    name: str,
    trigger: Trigger,
    work: Work,
    *,
    description: str = "",
    pipeline_id: str = "",
) -> Schedule:
    """Make a schedule of a pipeline whose code was kept earlier. Raises what ``create`` raises."""
    schedules = _check_name(session, name)
    now = time.time()
    due = first_due(trigger, now)
    properties = {**work.pipeline.properties, SCHEDULE_PROPERTY: name}
    work = replace(work, pipeline=replace(work.pipeline, properties=properties))
    document, variables = work_document(work)
    refuse_variables(variables)
    seen = content_at(session, trigger) if isinstance(trigger, DataChange) else ""
    made = Schedule(
        name,
        trigger,
        session.stack,
        document,
        next=due,
        seen=seen,
        description=description,
        created=now,
        pipeline_id=pipeline_id,
    )
    schedules.write(made)
    return made


def refuse_variables(names: Collection[str]) -> None:
    """Raise ``UsageError`` for environment variables of a pipeline that is to be scheduled."""
    if names:
        raise UsageError(
            "The pipeline cannot be scheduled here: its steps have environment variables, whose"
            f" values no file keeps and the local cloud does not have: {', '.join(names)}.",
            remedy="Give the values as parameters of the pipeline, and read secrets in the script:"
            " `Run.get_context().get_secret(name)`.",
        )


def changed(session: ProjectSession, name: str, changes: Changes) -> Schedule:
    """Change a schedule; what is not given stays. A new trigger is next due from now on.

    Raises ``UsageError`` for a trigger of another kind, for parameters that the pipeline does not
    have, and for a schedule that the workspace's service keeps.
    """
    schedules = Schedules(session.home.absolute())
    known = schedules.read(name)
    if known.native:
        raise UsageError(
            f"Schedule {name!r} is kept by the workspace's service, and is not changed from here.",
            remedy="Delete it, and create it anew.",
        )
    trigger, seen = changes.trigger, ""
    if trigger is not None:
        if type(trigger) is not type(known.trigger):
            raise UsageError(
                f"Schedule {name!r} is started by {_STARTED_BY[known.kind]}, and stays so.",
                remedy="Delete it, and create it anew.",
            )
        first_due(trigger, time.time())
        seen = content_at(session, trigger) if isinstance(trigger, DataChange) else ""

    def change(made: Schedule) -> Schedule:
        was_enabled = made.enabled
        if trigger is not None:
            made = replace(made, trigger=trigger, seen=seen)
        if changes.values or changes.continue_on_failure is not None:
            made = replace(made, work=_reworked(made, changes))
        if changes.description is not None:
            made = replace(made, description=changes.description)
        if changes.is_enabled is not None:
            made = replace(made, enabled=changes.is_enabled)
        if made.enabled and (trigger is not None or not was_enabled):
            made = replace(made, next=made.trigger.next_after(time.time()))
        return replace(made, next=made.next if made.enabled else None)

    return schedules.change(name, change)


def _reworked(known: Schedule, changes: Changes) -> JsonObject:
    work = work_of(known.work, {})
    kept, template = work.pipeline, work.template or work.pipeline
    pipeline, values = with_values(template, {**work.values, **changes.values})
    going_on = changes.continue_on_failure
    pipeline = replace(
        pipeline,
        experiment=kept.experiment,
        properties=kept.properties,
        continue_on_failure=kept.continue_on_failure if going_on is None else going_on,
    )
    texts = {name: shown(each) for name, each in values.items()}
    return work_document(replace(work, pipeline=pipeline, values=texts, template=template))[0]


def continues(schedule: Schedule) -> bool:
    """Return whether steps that do not depend on a failed one run in its pipelines."""
    return bool(schedule.work) and work_of(schedule.work, {}).pipeline.continue_on_failure


def enabled(session: ProjectSession, name: str, *, is_enabled: bool) -> Schedule:
    """Enable or disable a schedule; an enabled one is next due from now on."""
    schedules = Schedules(session.home.absolute())
    known = schedules.read(name)
    service = _service(session, known)
    if service is not None:
        service.put_schedule(name, {"isEnabled": is_enabled})
    is_ours = is_enabled and service is None

    def change(made: Schedule) -> Schedule:
        due = made.trigger.next_after(time.time()) if is_ours else None
        return replace(made, enabled=is_enabled, next=due)

    return schedules.change(name, change)


def fire(session: ProjectSession, schedule: Schedule, now: float) -> Schedule:
    """Start the pipeline of a schedule that is due, if its data changed; return what it is now.

    Its run is named after the time that was due: one that was started by a process which was
    killed before it could say so is not started again.
    """
    later = replace(schedule, next=schedule.trigger.next_after(now), problem="")
    try:
        found = later.seen
        if isinstance(schedule.trigger, DataChange):
            found = content_at(session, schedule.trigger)
            if found == schedule.seen:
                return later
        refuse_variables(schedule.variables)
        work = work_of(schedule.work, {})
        run_id = _due_run(work, schedule)
        if not session.history.has(run_id):
            start_work(session, work, run_id)
        # Only now: a change whose pipeline cannot be started is tried again.
        return replace(later, last_run=run_id, seen=found)
    except PlatformError as error:
        return not_started(schedule, now, f"{error.detail} {error.remedy}")


def not_started(schedule: Schedule, now: float, why: str) -> Schedule:
    """Return what a schedule is whose pipeline could not be started."""
    return replace(schedule, next=schedule.trigger.next_after(now), problem=why)


def _due_run(work: Work, schedule: Schedule) -> str:
    """Return the id of the run that a schedule starts at the time that is due."""
    due = schedule.next or 0.0
    which = hashlib.sha256(f"{schedule.name}\0{schedule.created}\0{due}".encode()).hexdigest()[:8]
    return new_run_id(work.pipeline.experiment, f"{int(due)}_{which}")


def fired(schedules: Schedules, before: Schedule, after: Schedule) -> None:
    """Write down what became of a schedule that was due. What others changed meanwhile stays."""

    def change(made: Schedule) -> Schedule:
        made = replace(made, last_run=after.last_run, problem=after.problem)
        is_same = (made.next, made.seen, made.trigger) == (before.next, before.seen, before.trigger)
        return replace(made, next=after.next, seen=after.seen) if is_same else made

    with suppress(UnknownNameError):  # it was deleted
        schedules.change(before.name, change)


def content_at(session: ProjectSession, trigger: DataChange) -> str:
    """Return a hash that tells the files at a path of a datastore apart from others."""
    opened = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
    transport = opened(session.home, session.targets.manifest_file, session.stack)
    try:
        with named_errors(f"Path {trigger.path!r}"):
            store = Datastore(Workspace(transport), trigger.datastore)
            path = remote_path(trigger.path).strip("/")
            inside = f"{path}/" if path else ""
            blobs = [
                f"{blob.name} {blob.etag}"
                for blob in store.container().list(path)
                if blob.name == path
                or (blob.name.startswith(inside) and "/" not in blob.name[len(inside) :])
            ]
    finally:
        transport.close()
    return hashlib.sha256("\n".join(sorted(blobs)).encode()).hexdigest()
