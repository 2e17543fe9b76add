"""``Run``, as in azureml-core: a submitted run."""

import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from infra.contract.errors import RunFailedError, UnknownNameError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.agent.files import make_folder, replacing
from runtime.api.workspace import Workspace
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.collect import collect
from runtime.submit.watch import Ended, Logged, Watcher

__all__ = ["Run", "RunDetails"]


class ParentExperiment(Protocol):
    """The experiment of a run. ``Experiment`` itself creates runs, so importing it is a cycle."""

    name: str
    workspace: Workspace


class RunDetails(JsonObject):
    """What ``get_details`` returns: a dictionary whose keys are also attributes."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Run:
    """One submitted run. ``status`` is the last known state; ``get_status`` asks the target."""

    def __init__(self, experiment: ParentExperiment, run_id: str) -> None:
        self.experiment = experiment
        self.id = run_id
        self._session = experiment.workspace.session

    @property
    def status(self) -> str:
        return str(self._record.state)

    @property
    def properties(self) -> Mapping[str, str]:
        return self._record.properties

    @property
    def tags(self) -> Mapping[str, str]:
        return self._record.tags

    def get_status(self) -> str:
        """Ask the target and return the run's state."""
        return str(self._refreshed().state)

    def get_details(self) -> RunDetails:
        """Ask the target and return what is known of the run, under azureml-core's keys."""
        record = self._refreshed()
        return RunDetails(
            runId=record.run_id,
            target=record.target,
            status=str(record.state),
            startTimeUtc=record.started,
            endTimeUtc=record.ended,
            error=record.error,
            warnings=[],
            properties=dict(record.properties),
            runDefinition={"script": record.script, "arguments": list(record.arguments)},
        )

    def wait_for_completion(
        self,
        show_output: bool = False,
        raise_on_error: bool = True,
    ) -> RunDetails:
        """Wait until the run has ended. Ctrl-C stops the waiting, never the run.

        ``show_output`` prints the script's output. Raises ``RunFailedError`` for a run that did
        not complete, unless ``raise_on_error`` is false.
        """
        watcher = Watcher(self._session.history)
        for seen in watcher.watch(self._session.targets_of(self._record)):
            if show_output and isinstance(seen, Logged):
                sys.stdout.write(seen.chunk.text)
                sys.stdout.flush()
            if isinstance(seen, Ended) and raise_on_error:
                _raise_unless_completed(seen.record)
        return self.get_details()

    def get_metrics(self, name: str | None = None) -> dict[str, float | list[float]]:
        """Return metrics by name: the value, or a list if several were logged, in that order."""
        self._refreshed()
        series: dict[str, list[float]] = {}
        for _, event in self._session.history.events(self.id):
            # Metrics of nested runs have the id of their run; azureml-core lists them apart, too.
            if event.kind == "metric" and not event.data.get("run"):
                series.setdefault(str(event.data["key"]), []).append(float(event.data["value"]))
        return {
            key: values[0] if len(values) == 1 else values
            for key, values in series.items()
            if name in {None, key}
        }

    def cancel(self) -> None:
        """Ask the run to stop. Does nothing if it has ended."""
        record = self._refreshed()
        if not record.state.final:
            self._session.target_of(record).cancel(self._session.handle_of(record))

    def get_file_names(self) -> list[str]:
        """Return the output and log files of a finished run, relative to its folder."""
        folder = self._collected()
        return sorted(
            file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
        )

    def download_file(self, name: str, output_file_path: str | Path | None = None) -> Path:
        """Copy one file of a finished run, to a path or into an existing folder."""
        folder = self._collected()
        source = folder / name
        if not source.is_file():
            raise UnknownNameError(
                f"Run {self.id} has no file {name!r}.",
                remedy=nearest(name, dict.fromkeys(self.get_file_names()), noun="file"),
            )
        wanted = Path(output_file_path or ".")
        is_folder = wanted.is_dir() or str(output_file_path).endswith("/")
        target = wanted / PurePosixPath(name).name if is_folder else wanted
        make_folder(target.parent)
        with source.open("rb") as content, replacing(target) as copy:
            shutil.copyfileobj(content, copy)
        return target

    def download_files(
        self, prefix: str | None = None, output_directory: str | Path = "."
    ) -> list[Path]:
        """Copy all files whose path starts with ``prefix``, keeping their folders."""
        return [
            self.download_file(name, Path(output_directory) / name)
            for name in self.get_file_names()
            if name.startswith(prefix or "")
        ]

    @property
    def _record(self) -> RunRecord:
        return self._session.history.record(self.id)

    def _refreshed(self) -> RunRecord:
        if not self._record.state.final:
            Watcher(self._session.history).refresh(self._session.targets_of(self._record))
        return self._record

    def _collected(self) -> Path:
        record = self._refreshed()
        if record.outputs is None:
            collect(
                self._session.history,
                self._session.target_of(record),
                self.id,
                self._session.home,
                report=lambda text: warnings.warn(text, stacklevel=2),
            )
            record = self._record
        return Path(str(record.outputs))

    def __repr__(self) -> str:
        return f"Run(experiment={self.experiment.name!r}, id={self.id!r}, status={self.status!r})"


def _raise_unless_completed(record: RunRecord) -> None:
    if record.state is not RunState.COMPLETED:
        raise RunFailedError(
            f"Run {record.run_id} ended as {record.state}. {record.error or ''}".rstrip(),
            remedy=f"Read its logs: `aml run logs {record.run_id}`.",
            at=record.script,
        )
