"""``Schedule``, as in azureml-pipeline-core: what starts a published pipeline.

A schedule stays in the project, and the local cloud starts its pipeline.
"""

import builtins
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from infra.contract.load import load
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.given_numbers import whole
from runtime.api.pipeline import ScheduleRecurrence
from runtime.api.pipelines.graph import parameter_values
from runtime.api.pipelines.published import pipelines_of
from runtime.api.pipelines.runs import PipelineRun
from runtime.api.pipelines.time_zones import TimeZone
from runtime.api.run import Run
from runtime.api.workspace import Workspace
from runtime.model.pipelines import ParameterValue
from runtime.pipelines import schedules
from runtime.pipelines.published import with_parameters
from runtime.pipelines.triggers import DataChange, Recurrence, Trigger, moment_of, zone_of

__all__ = ["Schedule"]
_EXPERIMENT: Final = "Default"


class Schedule:
    """What starts a published pipeline, at times or when data changes."""

    def __init__(self, workspace: Workspace, schedule: schedules.Schedule) -> None:
        self.workspace = workspace
        self._schedule = schedule

    @property
    def id(self) -> str:
        return self._schedule.name

    @property
    def name(self) -> str:
        return self._schedule.name

    @property
    def description(self) -> str:
        return self._schedule.description

    @property
    def pipeline_id(self) -> str:
        return self._schedule.pipeline_id

    @property
    def status(self) -> str:
        """``Active`` or ``Disabled``."""
        return "Active" if self._schedule.enabled else "Disabled"

    @property
    def recurrence(self) -> ScheduleRecurrence | None:
        """The times at which it starts, ``None`` for one that looks at data or has a cron line."""
        trigger = self._schedule.trigger
        return _recurrence_of(trigger) if isinstance(trigger, Recurrence) else None

    @property
    def datastore_name(self) -> str | None:
        """The datastore whose changes start it, ``None`` for one that starts at times."""
        watched = self._watched
        return watched.datastore if watched else None

    @property
    def path_on_datastore(self) -> str | None:
        """The path whose changes start it."""
        watched = self._watched
        return watched.path if watched else None

    @property
    def polling_interval(self) -> int | None:
        """The minutes between looks at that path."""
        watched = self._watched
        return watched.minutes if watched else None

    @property
    def continue_on_step_failure(self) -> bool:
        """Whether steps that do not depend on a failed one still run."""
        return schedules.continues(self._schedule)

    @property
    def _watched(self) -> DataChange | None:
        trigger = self._schedule.trigger
        return trigger if isinstance(trigger, DataChange) else None

    @staticmethod
    def create(
        workspace: Workspace,
        name: str,
        pipeline_id: str | None = None,
        experiment_name: str = _EXPERIMENT,
        recurrence: ScheduleRecurrence | None = None,
        description: str | None = None,
        pipeline_parameters: Mapping[str, object] | None = None,
        wait_for_provisioning: bool = False,
        wait_timeout: int = 3600,
        datastore: object = None,
        polling_interval: int = 5,
        data_path_parameter_name: str | None = None,
        continue_on_step_failure: bool | None = None,
        path_on_datastore: str | None = None,
        **_: object,
    ) -> "Schedule":
        """Make a schedule of a published pipeline: of a ``recurrence`` xor a ``datastore``."""
        if (recurrence is None) == (datastore is None):
            raise UserErrorException(
                "A schedule has either a recurrence or a datastore.", remedy="Give one of the two."
            )
        _refuse_path_parameter(data_path_parameter_name)
        if pipeline_id is None:
            raise UserErrorException(
                "A schedule needs the id of a published pipeline.",
                remedy="Give `pipeline_id=pipeline.publish(…).id`.",
            )
        trigger: Trigger
        if recurrence is not None:
            trigger = _recurrence(recurrence)
        else:
            store = str(getattr(datastore, "name", datastore))
            every = whole("polling_interval", polling_interval)
            trigger = DataChange(store, path_on_datastore or "", every)
        values: dict[str, ParameterValue] = parameter_values(pipeline_parameters)
        with azureml_errors():
            published = pipelines_of(workspace).read(pipeline_id)
            schedules.refuse_variables(published.variables)
            work = with_parameters(
                published,
                experiment_name,
                values,
                continue_on_failure=continue_on_step_failure,
            )
            made = schedules.of_work(
                workspace.session,
                name,
                trigger,
                work,
                description=description or "",
                pipeline_id=pipeline_id,
            )
        return Schedule(workspace, made)

    @staticmethod
    def list(
        workspace: Workspace, active_only: bool = True, pipeline_id: str | None = None, **_: object
    ) -> "builtins.list[Schedule]":
        """Return the schedules; those that are enabled, unless told."""
        every = _schedules(workspace)
        found = [every.read(name) for name in every.names()]
        return [
            Schedule(workspace, each)
            for each in found
            if (each.enabled or not active_only) and pipeline_id in {None, each.pipeline_id}
        ]

    get_all = list

    @staticmethod
    def get_schedules_for_pipeline_id(
        workspace: Workspace, pipeline_id: str
    ) -> "builtins.list[Schedule]":
        """Return the schedules of a published pipeline that are enabled."""
        return Schedule.list(workspace, pipeline_id=pipeline_id)

    @staticmethod
    def get(workspace: Workspace, id: str, **_: object) -> "Schedule":
        """Return a schedule. Raises ``UserErrorException`` for one that is not known."""
        with azureml_errors():
            return Schedule(workspace, _schedules(workspace).read(id))

    def update(
        self,
        name: str | None = None,
        description: str | None = None,
        recurrence: ScheduleRecurrence | None = None,
        pipeline_parameters: Mapping[str, object] | None = None,
        status: str | None = None,
        wait_for_provisioning: bool = False,
        wait_timeout: int = 3600,
        datastore: object = None,
        polling_interval: int | None = None,
        data_path_parameter_name: str | None = None,
        continue_on_step_failure: bool | None = None,
        path_on_datastore: str | None = None,
    ) -> None:
        """Change what is given. ``status`` is ``Active`` or ``Disabled``; the name stays."""
        _refuse_path_parameter(data_path_parameter_name)
        if name not in {None, self.name}:
            raise UserErrorException(
                f"Schedule {self.name!r} cannot be renamed to {name!r}: its name is its id.",
                remedy="Create another one, and disable this one.",
            )
        if status not in {None, "Active", "Disabled"}:
            raise UserErrorException(
                f"The status of a schedule is not {status!r}.", remedy="Give Active or Disabled."
            )
        trigger: Trigger | None = None if recurrence is None else _recurrence(recurrence)
        before = self._schedule.trigger
        watched = (datastore, polling_interval, path_on_datastore)
        if any(each is not None for each in watched):
            known = before if isinstance(before, DataChange) else DataChange(None)
            trigger = DataChange(
                known.datastore
                if datastore is None
                else str(getattr(datastore, "name", datastore)),
                known.path if path_on_datastore is None else path_on_datastore,
                known.minutes
                if polling_interval is None
                else whole("polling_interval", polling_interval),
            )
        with azureml_errors():
            changes = schedules.Changes(
                description,
                trigger,
                parameter_values(pipeline_parameters),
                None if status is None else status == "Active",
                continue_on_step_failure,
            )
            self._schedule = schedules.changed(self.workspace.session, self.name, changes)

    def disable(self, wait_for_provisioning: bool = False, wait_timeout: int = 3600) -> None:
        """Disable the schedule."""
        self._enable(is_enabled=False)

    def enable(self, wait_for_provisioning: bool = False, wait_timeout: int = 3600) -> None:
        """Enable the schedule."""
        self._enable(is_enabled=True)

    def get_last_pipeline_run(self) -> PipelineRun | None:
        """Return the run that it started last, ``None`` for none yet."""
        with azureml_errors():
            run_id = _schedules(self.workspace).read(self.name).last_run
        if not run_id:
            return None
        found = Run.get(self.workspace, run_id)
        return PipelineRun(found.experiment, run_id)

    def get_pipeline_runs(self) -> "builtins.list[PipelineRun]":
        """Return the runs that it started, newest first."""
        wanted = (schedules.SCHEDULE_PROPERTY, self.name)
        make = load("runtime.api.experiment:Experiment")
        every = load("runtime.history.store:Filter")
        return [
            PipelineRun(make(self.workspace, record.experiment), record.run_id)
            for record in self.workspace.session.history.each_run(every())
            if wanted in record.properties.items()
        ]

    def _enable(self, *, is_enabled: bool) -> None:
        with azureml_errors():
            self._schedule = schedules.enabled(
                self.workspace.session, self.name, is_enabled=is_enabled
            )

    def __repr__(self) -> str:
        return f"Schedule(Name: {self.name},\nId: {self.id},\nStatus: {self.status})"


def _refuse_path_parameter(name: str | None) -> None:
    if name:
        raise UserErrorException(
            f"data_path_parameter_name is {name!r}: the path of the file that changed is not"
            " passed on.",
            remedy="Leave it out, and have the first step look for what is new.",
        )


def _recurrence(given: object) -> Recurrence:
    if not isinstance(given, ScheduleRecurrence):
        raise UserErrorException(
            f"recurrence is a {type(given).__name__}.", remedy="Give a ScheduleRecurrence."
        )
    with azureml_errors():
        return _as_trigger(given)


def _as_trigger(given: ScheduleRecurrence) -> Recurrence:
    zone = given.time_zone
    name = zone.value if isinstance(zone, TimeZone) else str(zone or "UTC")
    start = given.start_time
    begins = datetime.now().astimezone().timestamp()
    if isinstance(start, datetime):
        begins = moment_of(start.isoformat(), name)
    elif start:
        begins = moment_of(str(start), name)
    hours, minutes = tuple(given.hours or ()), tuple(given.minutes or ())
    if given.time_of_day:
        hour, _, minute = given.time_of_day.partition(":")
        hours, minutes = (int(hour),), (int(minute or 0),)
    days: Sequence[str] = given.week_days or ()
    return Recurrence(
        given.frequency.lower(),
        given.interval,
        begins,
        name,
        hours,
        minutes,
        tuple(each.lower() for each in days),
    )


def _recurrence_of(given: Recurrence) -> ScheduleRecurrence:
    return ScheduleRecurrence(
        given.frequency.capitalize(),
        given.interval,
        datetime.fromtimestamp(given.start, zone_of(given.time_zone)),
        given.time_zone,
        list(given.hours) or None,
        list(given.minutes) or None,
        [each.capitalize() for each in given.week_days] or None,
    )


def _schedules(workspace: Workspace) -> schedules.Schedules:
    return schedules.Schedules(workspace.session.home.absolute())
