"""``Run``, as in azureml-core: a run seen from outside its script."""

import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from infra.contract.load import load
from runtime.agent.assets.model import Model
from runtime.agent.assets.resource_configuration import ResourceConfiguration
from runtime.api.environment import Environment
from runtime.api.exceptions import (
    ActivityFailedException,
    ExperimentExecutionException,
    RunEnvironmentException,
    UserErrorException,
    azureml_errors,
)
from runtime.api.offline_run import OfflineRun
from runtime.api.runs.base import Details, ParentExperiment
from runtime.api.runs.environments import environment_of
from runtime.api.runs.filed import FiledRun
from runtime.api.runs.finding import Wanted, matching
from runtime.api.runs.logged import LoggedRun
from runtime.api.runs.registering import register
from runtime.api.runs.source import Source
from runtime.api.runs.streaming import head, streamed, summary
from runtime.api.workspace import Workspace
from runtime.history.child_runs import PARENT, parts_of
from runtime.history.store import Filter
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.collect import collect
from runtime.submit.interactive import release, start
from runtime.submit.watch import Seen, Watcher

__all__ = ["Run", "get_run"]
_MOST_CHILDREN = 100


class OfWorkspace(Protocol):
    """A compute of a workspace."""

    name: str
    workspace: Workspace


class Run(LoggedRun, FiledRun):
    """One run. ``status`` is the last known state; ``get_status`` asks the target."""

    # --- finding runs

    @classmethod
    def get_context(cls, allow_offline: bool = True, **_: object) -> OfflineRun:
        """Return the offline run: outside a run, what is logged is printed.

        Inside a run, the ``azureml`` of the run answers, not this class.
        """
        if not allow_offline:
            raise RunEnvironmentException(
                "This script does not execute inside a run.",
                remedy="Submit it, or allow the offline run with `allow_offline=True`.",
            )
        return OfflineRun()

    @classmethod
    def get_submitted_run(cls, **_: object) -> OfflineRun:
        """Return what ``get_context`` returns, under its older name."""
        return cls.get_context()

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> "Run":
        """Return a run by its id."""
        history = workspace.session.history
        with azureml_errors():
            name = history.record(history.root_of(run_id)).experiment
        return run_of(load("runtime.api.experiment:Experiment")(workspace, name), run_id)

    @staticmethod
    def list(
        experiment: ParentExperiment,
        type: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        properties: Mapping[str, str] | str | None = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> "Iterator[Run]":
        """Yield an experiment's runs that match, newest first."""
        wanted = Wanted.of(type, tags, properties, status)
        session = experiment.workspace.session
        for record in matching(session.history, experiment.name, include_children):
            run = run_of(experiment, record.run_id)
            if wanted.means(run.type, record):
                yield run

    @staticmethod
    def list_by_compute(
        compute: OfWorkspace,
        type: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        properties: Mapping[str, str] | str | None = None,
        status: str | None = None,
    ) -> "Iterator[Run]":
        """Yield the runs on a compute that match, newest first."""
        wanted = Wanted.of(type, tags, properties, status)
        workspace = compute.workspace
        for record in workspace.session.history.each_run(Filter(target=compute.name)):
            run = Run.get(workspace, record.run_id)
            if wanted.means(run.type, record):
                yield run

    # --- waiting and ending

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> Details:
        """Wait until the run has ended and its files are here; return its details.

        ``show_output`` prints the logs as they grow, and a summary. Ctrl-C stops the waiting, never
        the run. Raises ``ActivityFailedException`` for a run that did not complete, unless
        ``raise_on_error`` is false.
        """
        url = self.get_portal_url()
        seen = self._watched()
        try:
            if show_output:
                _print(head(self.id, url))
                for text in streamed(seen):
                    _print(text)
            else:
                for _ in seen:
                    pass
        except KeyboardInterrupt as error:
            raise ExperimentExecutionException(
                f"Stopped waiting; run {self.id} continues.",
                remedy=f"Wait for it again, or stop it with `aml run cancel {self.id}`.",
            ) from error
        record = self._record
        if show_output:
            _print(summary(self.id, url, error=record.error))
        self._files()
        if raise_on_error:
            _raise_unless_completed(record)
        return self.get_details()

    def get_details_with_logs(self) -> Details:
        """Return the details, with the text of the logs under ``logFiles``."""
        details = self.get_details()
        folder = self._files()
        names = [name for name in self.get_file_names() if name.endswith(".txt")]
        texts = {n: (folder / n).read_text(encoding="utf-8", errors="replace") for n in names}
        return Details({**details, "logFiles": texts})

    def cancel(self) -> None:
        """Ask the run to stop. Does nothing if it has ended."""
        if self._refreshed().state.final:
            return
        if self._source.is_part:
            raise UserErrorException(
                f"Run {self.id} executes inside the script of run {self._source.root}.",
                remedy=f"Cancel that run: `run.parent.cancel()`, or `aml run cancel"
                f" {self._source.root}`.",
            )
        with azureml_errors():
            self._session.target_of(self._record).cancel(self._session.handle_of(self._record))
        self._refreshed()

    def start(self) -> None:
        """Mark the run as started; an interactive run is from the beginning."""

    def complete(self, _set_status: bool = True) -> None:
        """End an interactive run. A run with a script ends when its script does."""
        self._end(RunState.COMPLETED, None)

    def fail(
        self,
        error_details: object = None,
        error_code: str | None = None,
        _set_status: bool = True,
    ) -> None:
        """End an interactive run as failed. A run with a script ends when its script does."""
        told = [str(each) for each in (error_code, error_details) if each]
        self._end(RunState.FAILED, ": ".join(told) or "The run was marked as failed.")

    def clean(self) -> builtins.list[str]:
        """Remove nothing: `aml runs prune` removes the folders of old runs."""
        return []

    # --- children

    @property
    def parent(self) -> "Run | None":
        """The run that created this one, ``None`` for a run of its own."""
        parent = self._parent_id
        return None if parent is None else run_of(self.experiment, parent)

    def get_children(
        self,
        recursive: bool = False,
        tags: Mapping[str, str] | str | None = None,
        properties: Mapping[str, str] | str | None = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> "Iterator[Run]":
        """Yield the runs below this one that match, newest first; all levels if ``recursive``."""
        wanted = Wanted.of(type, tags, properties, status)
        self._refreshed()
        for run_id in parts_of([*self._source.events()], self.id):
            child = run_of(self.experiment, run_id)
            if wanted.means(child.type, Source(self._session, run_id).record):
                yield child
            if recursive:
                yield from child.get_children(True, tags, properties, type, status)

    def child_run(
        self, name: str | None = None, run_id: str | None = None, outputs: object = None
    ) -> "Run":
        """Start an interactive run below this one."""
        if run_id is not None:
            raise UserErrorException(
                "The id of a child run cannot be chosen.", remedy="Give a `name` instead."
            )
        session = self._session
        properties = {PARENT: self.id}
        child_id = start(
            session.home,
            session.history,
            self.experiment.name,
            stack=session.stack,
            properties=properties,
        )
        self._source.note("child", {"run": child_id, "name": name or "", "parent": self.id})
        child = Run(self.experiment, child_id)
        if name:
            child.display_name = name
        return child

    def create_children(
        self,
        count: int | None = None,
        tag_key: str | None = None,
        tag_values: Sequence[str] | None = None,
    ) -> "builtins.list[Run]":
        """Start several interactive runs below this one, at most a hundred.

        ``tag_key`` is set to one of ``tag_values`` on each.
        """
        values: builtins.list[str] = [*(tag_values or [""] * (count or 0))]
        if not 0 < len(values) <= _MOST_CHILDREN or (count and count != len(values)):
            raise UserErrorException(
                f"Between 1 and {_MOST_CHILDREN} child runs can be created at once.",
                remedy="Give `count`, or `tag_key` with `tag_values` of that many.",
            )
        children = [self.child_run() for _ in values]
        for child, value in zip(children, values, strict=True):
            if tag_key:
                child.tag(tag_key, value)
        return children

    def submit_child(
        self, config: object, tags: Mapping[str, str] | None = None, **options: object
    ) -> "Run":
        """Submit a run below this one."""
        experiment = load("runtime.api.experiment:Experiment")(
            self.experiment.workspace, self.experiment.name
        )
        child: Run = experiment.submit(config, tags, properties={PARENT: self.id}, **options)
        self._source.note("child", {"run": child.id, "name": "", "parent": self.id})
        return child

    # --- what came of it

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, object]] | None = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: ResourceConfiguration | None = None,
        **_: object,
    ) -> Model:
        """Register a file or folder of the run (default: the one called ``model_name``)."""
        wanted = (model_path or model_name).strip("/")
        folder = self._files()
        if not (folder / wanted).exists():
            raise UserErrorException(
                f"Run {self.id} has no file or folder {wanted!r}.",
                remedy="Its files are: " + (", ".join(self.get_file_names()) or "none") + ".",
            )
        return register(
            self.experiment.workspace,
            folder / wanted,
            model_name,
            self.id,
            tags=tags,
            properties=properties,
            description=description,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            datasets=datasets,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )

    def get_environment(self) -> Environment:
        """Return the environment of the run; raise ``RunEnvironmentException`` if it has none."""
        document = self._definition.get("environment")
        if not isinstance(document, dict):
            raise RunEnvironmentException(
                f"Run {self.id} used an interpreter as it was: it has no environment.",
                remedy="Submit it with an environment.",
            )
        return environment_of(document)

    def get_secret(self, name: str) -> str | None:
        """Return a secret of the workspace's key vault."""
        return self.experiment.workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, str | None]:
        """Return several secrets of the workspace's key vault."""
        return self.experiment.workspace.get_default_keyvault().get_secrets(secrets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.complete()
        else:
            self.fail(error)

    def _descendants(self) -> "builtins.list[Run]":
        return [*self.get_children(recursive=True)]

    def _watched(self) -> Iterator[Seen]:
        root = self._session.history.record(self._source.root)
        with azureml_errors():
            for each in Watcher(self._session.history).watch(self._session.targets_of(root)):
                yield each
                if self._source.is_part and self._record.state.final:
                    return

    def _end(self, state: RunState, error: str | None) -> None:
        if not (self._source.is_interactive or self._source.is_part):
            return
        if self._record.state.final:
            return
        if self._outputs is not None and self._outputs.is_dir():
            self.upload_folder("outputs", self._outputs)
        self._source.note("state", {"state": str(state)} | ({"error": error} if error else {}))
        if self._source.is_interactive and not self._source.is_part:
            target = self._session.target_of(self._record)
            collect(self._session.history, target, self.id, self._session.home, report=_print_line)
            release(self._session.home, self.id)


def get_run(
    experiment: ParentExperiment,
    run_id: str,
    rehydrate: bool = True,  # noqa: ARG001 - azureml-core's signature
) -> Run:
    """Return a run of an experiment by its id."""
    return run_of(experiment, run_id)


_CLASSES: Mapping[str | None, str] = {
    "automl": "runtime.api.automl_run:AutoMLRun",
    "azureml.PipelineRun": "runtime.api.pipelines.runs:pipeline_run",
    "azureml.StepRun": "runtime.api.pipelines.runs:step_run",
    "hyperdrive": "runtime.api.hyperdrive_run:HyperDriveRun",
}
"""The value of `azureml.runsource` → the class of such runs, or what makes one."""


def run_of(experiment: ParentExperiment, run_id: str) -> Run:
    """Return a run as an object of the class that its kind has."""
    history = experiment.workspace.session.history
    kind = (
        history.record(run_id).properties.get("azureml.runsource") if history.has(run_id) else None
    )
    if kind in _CLASSES:
        found: Run = load(_CLASSES[kind])(experiment, run_id)
        return found
    return Run(experiment, run_id)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _print_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _raise_unless_completed(record: RunRecord) -> None:
    if record.state is not RunState.COMPLETED:
        raise ActivityFailedException(
            f"Run {record.run_id} ended as {record.state}. {record.error or ''}".rstrip(),
            error_details=record.error,
            remedy=f"Read its logs: `aml run logs {record.run_id}`.",
            at=record.script or None,
        )
