"""What every run has: its identity, state, tags, properties and details."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Protocol

from infra.contract.json_types import Document, JsonObject
from runtime.agent.in_run.tags import shown_tags
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.runs.definition import KIND, described, input_datasets
from runtime.api.runs.source import Source
from runtime.api.workspace import Workspace
from runtime.api.workspaces.attributes import missing_attribute
from runtime.history.child_runs import PARENT
from runtime.model.pipelines import PIPELINE_TARGET, type_of
from runtime.model.runs import EventKind, RunRecord
from runtime.submit.prepare import SNAPSHOT_PROPERTY

_PORTAL = "https://ml.azure.com/runs"


class ParentExperiment(Protocol):
    """The experiment of a run. ``Experiment`` itself creates runs, so importing it is a cycle."""

    name: str
    workspace: Workspace


class Details(JsonObject):
    """What ``get_details`` returns: a dictionary whose keys are also attributes."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class RunBase:
    """One run of an experiment. Raises ``UserErrorException`` for an id that is not known."""

    def __init__(
        self,
        experiment: ParentExperiment,
        run_id: str,
        outputs: object = None,
        **_: object,
    ) -> None:
        self.experiment = experiment
        self.id = run_id
        self._session = experiment.workspace.session
        self._outputs = Path(outputs) if isinstance(outputs, str | Path) else None
        with azureml_errors():
            self._source = Source(self._session, run_id)

    # --- identity

    @property
    def name(self) -> str:
        """The display name, the id if none was given."""
        return self.display_name

    @property
    def display_name(self) -> str:
        """The display name, the id if none was given."""
        return str(self._definition.get("displayName") or self.id)

    @display_name.setter
    def display_name(self, display_name: str) -> None:
        self._source.note(KIND, {"displayName": display_name})

    @property
    def description(self) -> str | None:
        """The description, ``None`` if none was given."""
        found = self._definition.get("description")
        return None if found is None else str(found)

    @description.setter
    def description(self, description: str) -> None:
        self._source.note(KIND, {"description": description})

    @property
    def type(self) -> str:
        """The type of the run in Azure ML's words, such as ``azureml.scriptrun``."""
        return type_of(self._record)

    @property
    def number(self) -> int:
        """The run's number in its experiment, from 1."""
        return self._session.history.number_of(self._source.root)

    # --- state

    @property
    def status(self) -> str:
        """The last known state; ``get_status`` asks the target."""
        return str(self._record.state)

    def get_status(self) -> str:
        """Ask the target and return the run's state."""
        return str(self._refreshed().state)

    def get_detailed_status(self) -> JsonObject:
        """Ask the target and return ``status`` and ``details``: why, where it is known."""
        record = self._refreshed()
        return {"status": str(record.state), "details": record.error}

    def get_details(self) -> Details:
        """Ask the target and return what is known of the run, under azureml-core's keys.

        Times are UTC in ISO 8601. ``logFiles`` maps the names of logs to addresses.
        """
        record = self._refreshed()
        return Details(
            runId=record.run_id,
            target=record.target,
            status=str(record.state),
            startTimeUtc=utc_text(record.started),
            endTimeUtc=utc_text(record.ended),
            error=_error(record),
            warnings=[],
            services={},
            properties=dict(record.properties),
            inputDatasets=input_datasets(self._definition),
            outputDatasets=[],
            runDefinition=self._definition,
            logFiles=self._log_files(record),
            submittedBy=None,
        )

    def get_snapshot_id(self) -> str | None:
        """Return the id of the run's code, ``None`` if no snapshot was taken."""
        return self._record.properties.get(SNAPSHOT_PROPERTY)

    def get_portal_url(self) -> str:
        """Return the run's address: in the studio on Azure, else its folder on this machine."""
        workspace = self.experiment.workspace
        if workspace.clients.local or self._record.target in {"local", "sdk", PIPELINE_TARGET}:
            return (self._session.home / "runs" / self._source.root).absolute().as_uri()
        return f"{_PORTAL}/{self.id}?wsid={workspace.id}"

    # --- tags and properties

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags; one without a value is ``None``."""
        return shown_tags(self._record.tags)

    def get_tags(self) -> dict[str, str | None]:
        """Ask the target and return the tags."""
        return shown_tags(self._refreshed().tags)

    def tag(self, key: str, value: object = None) -> None:
        """Set one tag; it can be set again."""
        self._source.note("tag", {"key": key, "value": "" if value is None else str(value)})

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set several tags; others stay."""
        for key, value in tags.items():
            self.tag(key, value)

    def remove_tags(self, tags: str | Iterable[str]) -> None:
        """Remove tags by name; one that is not there is no error."""
        for key in [tags] if isinstance(tags, str) else tags:
            self._source.note("tag", {"key": key, "value": None})

    @property
    def properties(self) -> dict[str, str]:
        return dict(self._record.properties)

    def get_properties(self) -> dict[str, str]:
        """Ask the target and return the properties."""
        return dict(self._refreshed().properties)

    def add_properties(self, properties: Mapping[str, object]) -> None:
        """Add properties. They never change: raises ``UserErrorException`` for another value."""
        known = self._record.properties
        changed = {k: v for k, v in properties.items() if known.get(k, str(v)) != str(v)}
        if changed:
            listed = ", ".join(f"{key} is {known[key]!r}" for key in changed)
            raise UserErrorException(
                f"Properties cannot be changed: {listed}.", remedy="Use a tag for what changes."
            )
        for key, value in properties.items():
            if key not in known:
                self._source.note("property", {"key": key, "value": str(value)})

    # --- used by this package

    def note(self, kind: EventKind, data: Document) -> None:
        """Append an event about the run to its history."""
        self._source.note(kind, data)

    @property
    def _record(self) -> RunRecord:
        return self._source.record

    @property
    def _parent_id(self) -> str | None:
        return self._record.properties.get(PARENT)

    @property
    def _definition(self) -> JsonObject:
        return described(self._record, self._source.events())

    def _refreshed(self) -> RunRecord:
        with azureml_errors():
            return self._source.refresh()

    def _log_files(self, record: RunRecord) -> dict[str, str]:
        if record.outputs is None:
            return {}
        folder = Path(record.outputs)
        return {
            file.relative_to(folder).as_posix(): file.as_uri()
            for place in ("azureml-logs", "user_logs", "logs")
            for file in sorted((folder / place).rglob("*.txt"))
        }

    def __getattr__(self, name: str) -> NoReturn:
        raise missing_attribute(self, name, NOT_OFFERED)

    def __repr__(self) -> str:
        return (
            f"Run(Experiment: {self.experiment.name},\nId: {self.id},\nType: {self.type},\n"
            f"Status: {self.status})"
        )

    def _repr_html_(self) -> str:
        cells = (self.experiment.name, self.id, self.type, self.status)
        head = "".join(f"<th>{each}</th>" for each in ("Experiment", "Id", "Type", "Status"))
        row = "".join(f"<td>{each}</td>" for each in cells)
        return f'<table style="width:100%"><tr>{head}</tr><tr>{row}</tr></table>'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunBase) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


# Attribute → what to do instead. The runs of sweeps, pipelines and AutoML have them.
_SWEEP = "compare `run.get_metrics()` of the runs of `experiment.get_runs()`"
_STEPS = "it is the run of a pipeline that has it: `PipelineRun(experiment, run_id)`"
_SEARCH = "it is the run of a search that has it: `AutoMLRun(experiment, run_id)`"
NOT_OFFERED = {
    "add_type_provider": "leave it out: runs of every kind have one class",
    "find_step_run": _STEPS,
    "get_best_child": _SEARCH,
    "get_best_run_by_primary_metric": _SWEEP,
    "get_children_sorted_by_primary_metric": _SWEEP,
    "get_guardrails": "read `outputs/automl_notes.json` of the run",
    "get_hyperparameters": _SWEEP,
    "get_output": _SEARCH,
    "get_output_data": _STEPS,
    "get_outputs": _STEPS,
    "get_pipeline_output": _STEPS,
    "get_pipeline_runs": _STEPS,
    "get_run_sdk_dependencies": _SEARCH,
    "get_steps": _STEPS,
    "model_id": _SEARCH,
    "publish_pipeline": _STEPS,
    "summary": _SEARCH,
}


def utc_text(seconds: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC, to the microsecond."""
    if seconds is None:
        return None
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )


def _error(record: RunRecord) -> JsonObject | None:
    if record.error is None:
        return None
    return {"error": {"code": "UserError", "message": record.error}}
