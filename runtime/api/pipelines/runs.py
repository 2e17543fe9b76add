"""``PipelineRun`` and ``StepRun``, as in azureml-pipeline-core, and the data that steps leave."""

import builtins
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.contract.errors import UsageError
from infra.contract.load import load
from runtime.agent.assets.local_files import remote_path
from runtime.api.datastore import Datastore
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.run import Run
from runtime.api.runs.base import ParentExperiment
from runtime.api.workspace import Workspace
from runtime.history.child_runs import PARENT
from runtime.history.store import Filter
from runtime.model.data import DataLocation
from runtime.model.pipelines import STEP_PROPERTY, Source
from runtime.model.states import RunState
from runtime.pipelines.documents import Work, work_of
from runtime.pipelines.kept_steps import DoneStep
from runtime.pipelines.project import completed_steps
from runtime.submit.driven import driven_folder, read_task

__all__ = ["PipelineRun", "PortDataReference", "StepRun", "StepRunOutput"]
_FINISHED: Final = "Finished"
_ENDS: Final = frozenset({_FINISHED, RunState.FAILED, RunState.CANCELED})
_POLL_S: Final = 0.5
_LOGS: Final = ("user_logs/", "azureml-logs/")


def _word(state: str) -> str:
    """Return a state in the words of pipelines."""
    return _FINISHED if state == RunState.COMPLETED else state


@dataclass
class PortDataReference:
    """What a step has left: a file or folder on a datastore, or on this machine."""

    name: str
    place: DataLocation
    workspace: Workspace

    @property
    def path_on_datastore(self) -> str:
        """The path on the datastore; on this machine, the path itself."""
        return self.place.path

    # Private in azureml-pipeline-core, and read by scripts all the same.
    _path_on_datastore = path_on_datastore

    @property
    def data_reference_name(self) -> str:
        """The name of the output."""
        return self.name

    @property
    def datastore_name(self) -> str | None:
        """The datastore, ``None`` for data on this machine."""
        return self.datastore.name if self.place.kind == "datastore" else None

    @property
    def datastore(self) -> Datastore:
        """The datastore. Raises ``UserErrorException`` for data on this machine."""
        if self.place.kind != "datastore":
            raise UserErrorException(
                f"Output {self.name!r} is on this machine: {self.place.path}.",
                remedy="Use `download`, or read it there.",
            )
        return Datastore(self.workspace, self.place.datastore)

    def download(
        self,
        local_path: str | Path,
        overwrite: bool | None = None,
        show_progress: bool | None = None,
    ) -> int:
        """Copy the data below a folder, at the path that it has on its datastore; return the count.

        What is on this machine is copied to ``azureml/<name>``.
        """
        if self.place.kind == "datastore":
            return self.datastore.download(
                str(local_path),
                remote_path(self.place.path),
                overwrite=bool(overwrite),
                show_progress=bool(show_progress),
            )
        return _copied(Path(self.place.path), Path(local_path) / "azureml" / self.name)

    def __repr__(self) -> str:
        return f"PortDataReference(name={self.name!r}, path={self.place.path!r})"


@dataclass
class StepRunOutput:
    """One output of a step's run."""

    name: str
    reference: PortDataReference

    def get_port_data_reference(self) -> PortDataReference:
        """Return the data."""
        return self.reference


def _unlike_run(method: Callable[..., str]) -> Any:
    """Declare a method whose parameters and result are not those of ``Run``'s, as in the SDK."""
    return method


class _PartOfPipeline(Run):
    """What the runs of a pipeline and of its steps have in common: the words for their states."""

    @property
    def status(self) -> str:
        return _word(str(self._record.state))

    def get_status(self) -> str:
        """Ask the driver or the target and return the state: ``Finished`` for what completed."""
        return _word(str(self._refreshed().state))

    @_unlike_run
    def wait_for_completion(
        self,
        show_output: bool = True,
        timeout_seconds: float = sys.maxsize,
        raise_on_error: bool = True,
    ) -> str:
        """Wait until it has ended; return its state: ``Finished`` if it completed.

        ``timeout_seconds``: returns after it, and the run continues. Raises
        ``ActivityFailedException`` for what did not complete, unless ``raise_on_error`` is false.
        """
        until = time.monotonic() + timeout_seconds
        while timeout_seconds < sys.maxsize and (state := self.get_status()) not in _ENDS:
            if time.monotonic() > until:
                return state
            time.sleep(_POLL_S)
        super().wait_for_completion(show_output, raise_on_error=raise_on_error)
        return self.get_status()


class StepRun(_PartOfPipeline):
    """The run of one step."""

    @property
    def step_name(self) -> str:
        """The name of the step."""
        return self._record.properties[STEP_PROPERTY]

    @property
    def name(self) -> str:
        """The name of the step."""
        return self.step_name

    @property
    def pipeline_run_id(self) -> str:
        """The id of the pipeline's run."""
        return str(self._parent_id)

    def get_outputs(self) -> dict[str, StepRunOutput]:
        """Return the outputs by name. Raises ``UserErrorException`` before the step completed."""
        parent = str(self._parent_id)
        done = _steps_done(self._session.home, parent).get(self.step_name)
        if done is None:
            raise UserErrorException(
                f"Step {self.step_name!r} has not completed.", remedy="Wait for its run."
            )
        workspace = self.experiment.workspace
        return {
            name: StepRunOutput(name, PortDataReference(name, place, workspace))
            for name, place in done.outputs.items()
        }

    def get_output(self, name: str) -> StepRunOutput:
        """Return an output."""
        return StepRunOutput(name, self.get_output_data(name))

    def get_stdout_log(self) -> str:
        """Return what the step's script has printed; errors are in the same log."""
        logs: dict[str, str] = self.get_details_with_logs()["logFiles"]
        return "".join(text for name, text in logs.items() if name.startswith(_LOGS))

    get_job_log = get_stderr_log = get_stdout_log

    def get_output_data(self, name: str) -> PortDataReference:
        """Return the data of an output."""
        outputs = self.get_outputs()
        if name not in outputs:
            raise UserErrorException(
                f"Step {self.step_name!r} has no output {name!r}.",
                remedy=f"It has {', '.join(outputs) or 'none'}.",
            )
        return outputs[name].reference


class PipelineRun(_PartOfPipeline):
    """The run of a pipeline: the parent of the runs of its steps."""

    def __init__(self, experiment: ParentExperiment, run_id: str, **options: object) -> None:
        super().__init__(experiment, run_id, **options)
        if not _is_pipeline(self._session.home, run_id):
            raise UserErrorException(
                f"Run {run_id} is not the run of a pipeline.",
                remedy="Use `Run(experiment, run_id)`.",
            )

    def get_steps(self) -> Iterator[StepRun]:
        """Yield the runs of the steps that have started, newest first."""
        self._refreshed()
        for child in self._session.history.children(self.id):
            if STEP_PROPERTY in child.properties:
                yield StepRun(self.experiment, child.run_id)

    def find_step_run(self, name: str) -> builtins.list[StepRun]:
        """Return the runs of the steps of a name: none before the step has started."""
        work = self._work()
        labels = {each.name: each.run.display_name or each.name for each in work.pipeline.steps}
        return [
            each
            for each in self.get_steps()
            if name in {each.step_name, labels.get(each.step_name)}
        ]

    def get_pipeline_output(self, pipeline_output_name: str) -> PortDataReference:
        """Return an output by the name that ``PipelineData(pipeline_output_name=…)`` gave it."""
        outputs = self._work().pipeline.outputs
        if pipeline_output_name not in outputs:
            raise UserErrorException(
                f"The pipeline has no output {pipeline_output_name!r}.",
                remedy=f"It has {', '.join(outputs) or 'none'};"
                " PipelineData(pipeline_output_name=…) names one.",
            )
        return self._reference(pipeline_output_name, outputs[pipeline_output_name])

    def get_pipeline_outputs(self) -> dict[str, PortDataReference]:
        """Return the outputs of the pipeline by name."""
        return {name: self.get_pipeline_output(name) for name in self._work().pipeline.outputs}

    def publish_pipeline(
        self,
        name: str,
        description: str,
        version: str,
        continue_on_step_failure: bool | None = None,
        **_: object,
    ) -> object:
        """Keep the pipeline of this run under an id, and return its ``PublishedPipeline``.

        It has the code of this run; its parameters are open again.
        """
        return load("runtime.api.pipelines.published:publish_run")(
            self.experiment.workspace,
            self._work(),
            name,
            description,
            version,
            continue_on_step_failure=continue_on_step_failure,
        )

    def get_graph(self) -> dict[str, builtins.list[str]]:
        """Return the names of the steps, and of those that each waits for."""
        return {each.name: [*each.upstream] for each in self._work().pipeline.steps}

    @staticmethod
    def get_pipeline_runs(workspace: Workspace, pipeline_id: str) -> "builtins.list[PipelineRun]":
        """Return the runs of a published pipeline, newest first."""
        make = load("runtime.api.experiment:Experiment")
        wanted = ("azureml.pipelineid", pipeline_id)
        return [
            PipelineRun(make(workspace, record.experiment), record.run_id)
            for record in workspace.session.history.each_run(Filter())
            if wanted in record.properties.items()
        ]

    def _reference(self, name: str, source: Source) -> PortDataReference:
        done = _steps_done(self._session.home, self.id).get(source.step)
        if done is None:
            raise UserErrorException(
                f"Step {source.step!r} has not completed.", remedy="Wait for the pipeline."
            )
        place = done.outputs[source.output]
        if source.path:
            place = DataLocation(
                place.kind, f"{place.path.rstrip('/')}/{source.path}", place.datastore
            )
        return PortDataReference(source.output, place, self.experiment.workspace)

    def _work(self) -> Work:
        return work_of(read_task(driven_folder(self._session.home, self.id)).plan, {})


def pipeline_run(experiment: ParentExperiment, run_id: str) -> Run:
    """Return the run of a pipeline; a ``Run`` for one that this machine did not drive."""
    kind = PipelineRun if _is_pipeline(experiment.workspace.session.home, run_id) else Run
    return kind(experiment, run_id)


def step_run(experiment: ParentExperiment, run_id: str) -> Run:
    """Return the run of a step; a ``Run`` for one of a pipeline that this machine did not drive."""
    session = experiment.workspace.session
    parent = session.history.record(run_id).properties.get(PARENT, "")
    kind = StepRun if parent and _is_pipeline(session.home, parent) else Run
    return kind(experiment, run_id)


def parent_property(run_id: str | None) -> dict[str, str]:
    """Return the property that names the run which a pipeline belongs to, if there is one."""
    return {"azureml.pipelineParentRunId": run_id} if run_id else {}


def _is_pipeline(home: Path, run_id: str) -> bool:
    try:
        return read_task(driven_folder(home, run_id)).driver == "pipeline"
    except (OSError, json.JSONDecodeError):
        return False


def _steps_done(home: Path, run_id: str) -> dict[str, DoneStep]:
    with azureml_errors():
        try:
            return completed_steps(driven_folder(home, run_id).path)
        except OSError as error:
            raise UsageError(
                f"The folder of run {run_id} is gone.", remedy="Submit the pipeline again."
            ) from error


def _copied(source: Path, target: Path) -> int:
    """Copy a file or folder; return the number of files."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return sum(1 for each in target.rglob("*") if each.is_file())
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    return 1
