"""``Experiment``, as in azureml-core: submits runs and groups them under a name."""

import builtins
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NoReturn, Protocol, runtime_checkable
from uuid import NAMESPACE_URL, uuid5

from infra.catalogue.names import RULES
from runtime.agent.in_run.tags import shown_tags, tag_texts
from runtime.api.exceptions import (
    ComputeTargetException,
    UserErrorException,
    azureml_errors,
)
from runtime.api.run import Run
from runtime.api.run_configuration import RunConfiguration
from runtime.api.runs.definition import KIND, definition
from runtime.api.runs.finding import has_pairs
from runtime.api.script_run_config import ScriptRunConfig
from runtime.api.workspace import Workspace
from runtime.api.workspaces.attributes import missing_attribute
from runtime.history.experiment_tags import ExperimentTags
from runtime.history.store import Filter
from runtime.model.runs import RunSpec
from runtime.submit.interactive import start
from runtime.submit.prepare import placed
from runtime.submit.submitting import submitter_of

__all__ = ["Experiment"]


@runtime_checkable
class Specified(Protocol):
    """Describes one run: a script run configuration, an estimator."""

    def spec(self, experiment: str, tags: Mapping[str, str]) -> RunSpec:
        """Return the run to submit; what it names is checked."""


@runtime_checkable
class Overridable(Protocol):
    """A configuration some of whose values can be replaced for one submission."""

    def overridden(self, **values: object) -> Specified:
        """Return a copy with other values. Raises ``UserErrorException`` for one that is fixed."""


@runtime_checkable
class SubmitsItself(Protocol):
    """Becomes a run in its own way: a sweep, a pipeline."""

    def submit_to(
        self, experiment: "Experiment", tags: Mapping[str, str], **options: object
    ) -> Run:
        """Submit it and return its run."""


class ViewType(StrEnum):
    """Which experiments ``Experiment.list`` returns."""

    ActiveOnly = "ActiveOnly"
    ArchivedOnly = "ArchivedOnly"
    All = "All"


class Experiment:
    """A group of runs in one workspace. It exists when its first run does."""

    def __init__(self, workspace: Workspace, name: str, **_: object) -> None:
        problem = RULES["experiment"].problem(name)
        if problem:
            raise UserErrorException(problem, remedy="Choose another name for the experiment.")
        self.workspace = workspace
        self.name = name

    @property
    def id(self) -> str:
        """An id that this name has in this workspace, always the same."""
        return str(uuid5(NAMESPACE_URL, f"{self.workspace.id.lower()}/experiments/{self.name}"))

    @property
    def tags(self) -> dict[str, str | None]:
        """The tags of the experiment in this project; changing the copy changes nothing."""
        with azureml_errors():
            return shown_tags(self._tags.read())

    @property
    def _tags(self) -> ExperimentTags:
        return ExperimentTags(self.workspace.session.home, self.name)

    @property
    def workspace_object(self) -> Workspace:
        """The workspace, under an older name."""
        return self.workspace

    def submit(
        self,
        config: object,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        **options: object,
    ) -> Run:
        """Submit a run and return without waiting for it.

        ``config``: a ``ScriptRunConfig``, an estimator (``options`` override its values), a
        ``RunConfiguration`` with a script in this folder, or whatever submits itself.
        """
        told = tag_texts(tags or {})
        if isinstance(config, SubmitsItself):
            return config.submit_to(self, told, **options)
        if isinstance(config, RunConfiguration):
            config = ScriptRunConfig(".", run_config=config)
        if not isinstance(config, Specified):
            raise UserErrorException(
                f"A {type(config).__name__} cannot be submitted.",
                remedy="Give a ScriptRunConfig, an estimator or a RunConfiguration.",
            )
        with azureml_errors():
            return self._submitted(_with(config, options), told, properties or {})

    def start_logging(
        self,
        outputs: object = None,
        snapshot_directory: str | Path | None = ".",
        display_name: str | None = None,
        **_: object,
    ) -> Run:
        """Start an interactive run: this process logs to it until it calls ``complete``.

        The code in ``snapshot_directory`` is kept with it; ``None`` keeps none. ``outputs`` is a
        folder whose files are uploaded at the end.
        """
        session = self.workspace.session
        with azureml_errors():
            run_id = start(
                session.home,
                session.history,
                self.name,
                stack=session.stack,
                snapshot_of=None if snapshot_directory is None else Path(snapshot_directory),
            )
        run = Run(self, run_id, outputs=outputs)
        if display_name:
            run.display_name = display_name
        return run

    def get_runs(
        self,
        type: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        properties: Mapping[str, str] | str | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Yield the experiment's runs that match, newest first."""
        return Run.list(self, type, tags, properties, include_children=include_children)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = ViewType.ActiveOnly,
        tags: Mapping[str, str] | str | None = None,
    ) -> "builtins.list[Experiment]":
        """Return the experiments that have runs, or the one of a name.

        ``view_type``: ``ActiveOnly``, ``ArchivedOnly`` or ``All``. ``tags`` are those that an
        experiment has to have, or the name of one.
        """
        names = workspace.session.history.experiments()
        found = [Experiment(workspace, each) for each in names if experiment_name in {None, each}]
        wanted = _VIEWS.get(str(view_type).lower())
        if wanted is None:
            raise UserErrorException(
                f"There is no view {view_type!r} of experiments.",
                remedy="Give ActiveOnly, ArchivedOnly or All.",
            )
        return [
            each
            for each in found
            if (each.archived_time is not None) in wanted and has_pairs(each.tags, tags)
        ]

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Refuse: experiments go with their runs."""
        raise UserErrorException(
            "An experiment is the name that its runs share; it is not deleted by itself.",
            remedy="Remove its runs with `aml runs prune`.",
        )

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags of the experiment; those of runs are found by ``get_runs``."""
        with azureml_errors():
            self._tags.change(tag_texts(tags))

    def tag(self, key: str, value: str | None = None) -> None:
        """Set one tag of the experiment."""
        self.set_tags({key: value})

    def remove_tags(self, tags: "builtins.list[str]") -> None:
        """Remove tags of the experiment."""
        with azureml_errors():
            self._tags.change({}, tags)

    @property
    def archived_time(self) -> datetime | None:
        """When it was archived, ``None`` if it was not, or has a run that was made since."""
        with azureml_errors():
            moment = self._tags.archived()
        if moment is None:
            return None
        latest = self.workspace.session.history.runs(Filter(experiment=self.name, limit=1))
        since = any(record.created > moment for record in latest)
        return None if since else datetime.fromtimestamp(moment, UTC)

    def archive(self) -> None:
        """Leave it out of lists; its runs are kept. A new run makes it active again."""
        with azureml_errors():
            self._tags.archive(time.time())

    def reactivate(self, new_name: str | None = None) -> None:
        """List it again. Raises ``UserErrorException`` for another name, as azureml-core does."""
        if new_name not in {None, self.name}:
            raise UserErrorException(
                f"Experiment {self.name!r} cannot be renamed to {new_name!r}.",
                remedy="Call `reactivate()` without a name.",
            )
        with azureml_errors():
            self._tags.archive(None)

    def refresh(self) -> None:
        """Do nothing: tags are read when they are asked for."""

    def get_portal_url(self) -> str:
        """Return the address of the experiment: in the studio on Azure, else of the history."""
        if self.workspace.clients.local:
            return self.workspace.session.history.file.absolute().as_uri()
        return f"https://ml.azure.com/experiments/{self.name}?wsid={self.workspace.id}"

    def _submitted(
        self, config: Specified, tags: Mapping[str, str], properties: Mapping[str, str]
    ) -> Run:
        session = self.workspace.session
        spec = placed(config.spec(self.name, tags))
        with azureml_errors(ComputeTargetException):
            target = session.targets.target(spec.target)
        submitter = submitter_of(session)
        submitted = submitter.submit(spec, target, stack=session.stack)
        run = Run(self, submitted.run.run_id)
        run.note(KIND, definition(spec))
        run.add_properties({**spec.properties, **properties})
        return run

    def __getattr__(self, name: str) -> NoReturn:
        raise missing_attribute(self, name, NOT_OFFERED)

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name},\nWorkspace: {self.workspace.name})"

    def _repr_html_(self) -> str:
        return (
            '<table style="width:100%"><tr><th>Name</th><th>Workspace</th></tr>'
            f"<tr><td>{self.name}</td><td>{self.workspace.name}</td></tr></table>"
        )


# View → whether what it shows is archived.
_VIEWS: Final = {"activeonly": {False}, "archivedonly": {True}, "all": {False, True}}
# Attribute → what to do instead.
NOT_OFFERED = {
    "from_directory": "use `Experiment(workspace, name)`",
}


def _with(config: Specified, options: Mapping[str, object]) -> Specified:
    """Return the configuration with the values that a submission overrides."""
    if not options:
        return config
    if isinstance(config, Overridable):
        return config.overridden(**options)
    raise UserErrorException(
        f"`submit` of a {type(config).__name__} takes no {', '.join(options)}.",
        remedy="Set it in the configuration.",
    )
