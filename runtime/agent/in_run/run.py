"""``Run``: the script's own run, the runs below it, and others of its project."""

import os
import time
import typing

from . import connection
from .connection import Json
from .errors import ActivityFailedException, RunEnvironmentException, UserErrorException
from .experiment import Experiment
from .late import SaysWhatIsThere, refused
from .loading import load
from .offline import OfflineRun
from .run_files import HasFiles
from .run_filters import matching
from .run_metrics import LogsMetrics
from .tags import shown_tags, tag_texts

_FINAL = frozenset(["Completed", "Failed", "Canceled"])
_POLL_S = 2.0


class RunDetails(typing.Dict[str, typing.Any]):
    """What ``get_details`` returns: a dictionary whose keys are also attributes."""

    def __getattr__(self, name: str) -> typing.Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Run(LogsMetrics, HasFiles, SaysWhatIsThere):
    """One run. Everything is asked of the agent, so that all processes of a script see the same."""

    def __init__(
        self,
        experiment: typing.Optional[Experiment],
        run_id: str,
        outputs: object = None,
        **_: object,
    ) -> None:
        del outputs
        if not connection.in_run():
            raise RunEnvironmentException(
                "There is no run here: this process was not started by one. Submit the script, or"
                " use Run.get_context(), which works offline too."
            )
        self._experiment = experiment
        self._run_id = str(run_id)

    # --- finding runs

    @classmethod
    def get_context(
        cls, allow_offline: bool = True, used_for_context_manager: bool = False, **_: object
    ) -> typing.Any:
        """Return the run that this process belongs to, or an offline run that prints."""
        del used_for_context_manager
        if connection.in_run():
            return _SubmittedRun(None, _own_id())
        if not allow_offline:
            raise RunEnvironmentException(
                "There is no run here: this process was not started by one. Submit the script, or"
                " leave out allow_offline=False."
            )
        return OfflineRun()

    @classmethod
    def get_submitted_run(cls, **_: object) -> typing.Any:
        """Return what ``get_context`` does, but never an offline run."""
        return cls.get_context(allow_offline=False)

    @staticmethod
    def get(workspace: object, run_id: str) -> "Run":
        """Return a run of the project by its id. Raises ``UserErrorException``."""
        del workspace
        found = connection.call("run", run=run_id)
        return _run_of(found, None)

    @staticmethod
    def list(
        experiment: Experiment,
        type: typing.Optional[str] = None,
        tags: object = None,
        properties: object = None,
        status: typing.Optional[str] = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> typing.Iterator["Run"]:
        """Yield the runs of the experiment, newest first."""
        found = connection.call("runs", experiment=experiment.name)["runs"]
        wanted = matching(found, type, tags, properties, status)
        return (
            _run_of(each, experiment) for each in wanted if include_children or not each["parent"]
        )

    # --- what it is

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def experiment(self) -> Experiment:
        if self._experiment is None:
            self._experiment = Experiment(None, str(self._show()["experiment"]))
        return self._experiment

    @property
    def name(self) -> str:
        return str(self._show().get("name") or self._run_id)

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def number(self) -> int:
        return int(self._show().get("number") or 0)

    @property
    def type(self) -> str:
        return str(self._show().get("type") or "azureml.scriptrun")

    @property
    def description(self) -> typing.Optional[str]:
        return typing.cast("typing.Optional[str]", self._show().get("description"))

    @property
    def status(self) -> str:
        return self.get_status()

    @property
    def tags(self) -> typing.Dict[str, typing.Optional[str]]:
        return self.get_tags()

    @property
    def properties(self) -> typing.Dict[str, str]:
        return self.get_properties()

    @property
    def parent(self) -> typing.Optional["Run"]:
        """The run above this one, such as its sweep's or pipeline's; ``None`` if there is none."""
        above = self._show().get("parent")
        return Run(self._experiment, str(above)) if above else None

    def get_status(self) -> str:
        return str(self._show()["status"])

    def get_detailed_status(self) -> Json:
        return {"status": self.get_status(), "details": ""}

    def get_details(self) -> RunDetails:
        """Return what is known of the run, under azureml-core's keys."""
        shown = self._show()
        command = [str(each) for each in shown.get("command") or ()]
        script = next((n for n, each in enumerate(command) if each.endswith(".py")), None)
        arguments = command[1:] if script is None else command[script + 1 :]
        return RunDetails(
            runId=self._run_id,
            target=shown.get("target"),
            status=shown["status"],
            startTimeUtc=_utc(shown.get("started")),
            endTimeUtc=_utc(shown.get("ended")),
            error=shown.get("error"),
            warnings=[],
            properties=dict(shown.get("properties") or {}),
            inputDatasets=[],
            outputDatasets=[],
            runDefinition={
                "script": None if script is None else command[script],
                "arguments": arguments,
                "target": shown.get("target"),
            },
            logFiles={},
            submittedBy=None,
        )

    def get_portal_url(self) -> str:
        raise refused("Run.get_portal_url", "The studio of Azure ML has no page of this run.")

    def _show(self) -> Json:
        return connection.call("run", run=self._run_id)

    # --- tags and properties

    def tag(self, key: str, value: object = None) -> None:
        self.set_tags({key: value})

    def set_tags(self, tags: typing.Mapping[str, typing.Any]) -> None:
        connection.call("tags", run=self._run_id, set=tag_texts(tags))

    def remove_tags(
        self, tags: typing.Union[str, typing.Iterable[str]]
    ) -> typing.Dict[str, typing.Optional[str]]:
        """Remove one tag or several and return those that there are."""
        names = [tags] if isinstance(tags, str) else [str(each) for each in tags]
        found = connection.call("tags", run=self._run_id, remove=names)["tags"]
        return shown_tags(typing.cast("typing.Dict[str, str]", found))

    def get_tags(self) -> typing.Dict[str, typing.Optional[str]]:
        found = connection.call("tags", run=self._run_id)["tags"]
        return shown_tags(typing.cast("typing.Dict[str, str]", found))

    def add_properties(self, properties: typing.Mapping[str, typing.Any]) -> None:
        """Add properties. One that is there cannot be changed: ``UserErrorException``."""
        connection.call("properties", run=self._run_id, add=tag_texts(properties))

    def get_properties(self) -> typing.Dict[str, str]:
        found = connection.call("properties", run=self._run_id)["properties"]
        return typing.cast("typing.Dict[str, str]", found)

    # --- the workspace

    def register_model(
        self,
        model_name: str,
        model_path: typing.Optional[str] = None,
        tags: typing.Optional[typing.Dict[str, str]] = None,
        properties: typing.Optional[typing.Dict[str, str]] = None,
        model_framework: typing.Optional[str] = None,
        model_framework_version: typing.Optional[str] = None,
        description: typing.Optional[str] = None,
        **options: typing.Any,
    ) -> typing.Any:
        """Register a file or folder of the run, in ``outputs`` or uploaded, as a model."""
        return load("run_models:register")(
            self,
            model_name,
            model_path,
            tags=tags,
            properties=properties,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            description=description,
            **options,
        )

    def get_secret(self, name: str) -> typing.Optional[str]:
        """Return a secret of the workspace, ``None`` if there is none of that name."""
        return self.get_secrets([name])[name]

    def get_secrets(self, secrets: typing.Iterable[str]) -> typing.Dict[str, typing.Optional[str]]:
        vault = self.experiment.workspace.get_default_keyvault()
        return typing.cast("typing.Dict[str, typing.Optional[str]]", vault.get_secrets(secrets))

    def get_environment(self) -> typing.Any:
        """Return the environment that the run was submitted with."""
        return load("environment:of_run")(connection.call("environment")["environment"])

    @property
    def input_datasets(self) -> typing.Mapping[str, typing.Any]:
        """The run's inputs by name: a path for files, a dataset for tables."""
        return typing.cast(
            "typing.Mapping[str, typing.Any]", load("run_data:inputs")(self.experiment.workspace)
        )

    @property
    def output_datasets(self) -> typing.Mapping[str, str]:
        """The paths of the run's outputs by name."""
        return typing.cast("typing.Mapping[str, str]", load("run_data:outputs")())

    # --- children

    def child_run(
        self,
        name: typing.Optional[str] = None,
        run_id: typing.Optional[str] = None,
        outputs: object = None,
    ) -> "Run":
        """Create a run below this one."""
        del outputs
        made = connection.call("create-children", run=self._run_id, names=[name], run_id=run_id)
        return _run_of(made["runs"][0], self._experiment)

    def begun_child_run(self, name: str, took_s: float) -> "Run":
        """Create a run below this one for what began some seconds ago. Not the SDK's."""
        made = connection.call("create-children", run=self._run_id, names=[name], took_s=took_s)
        return _run_of(made["runs"][0], self._experiment)

    def create_children(
        self,
        count: typing.Optional[int] = None,
        tag_key: typing.Optional[str] = None,
        tag_values: typing.Optional[typing.Sequence[typing.Any]] = None,
    ) -> typing.List["Run"]:
        """Create at most a hundred runs: ``count``, or one for each value of the tag."""
        if (count is None) == (tag_values is None) or (tag_key is None) != (tag_values is None):
            raise UserErrorException(
                "create_children needs either count= or both tag_key= and tag_values=."
            )
        if tag_values is None:
            made = connection.call(
                "create-children", run=self._run_id, names=[None] * int(count or 0)
            )
            return [_run_of(each, self._experiment) for each in made["runs"]]
        children = [self.child_run() for _ in tag_values]
        for child, value in zip(children, tag_values):
            child.tag(str(tag_key), value)
        return children

    def get_children(
        self,
        recursive: bool = False,
        tags: object = None,
        properties: object = None,
        type: typing.Optional[str] = None,
        status: typing.Optional[str] = None,
        _rehydrate_runs: bool = True,
    ) -> typing.Iterator["Run"]:
        """Yield the runs below this one, newest first."""
        found = matching(self._children(recursive=recursive), type, tags, properties, status)
        return (_run_of(each, self._experiment) for each in found)

    # --- the end

    def start(self) -> None:
        """Do nothing: a run starts when it is created."""

    def complete(self, _set_status: bool = True) -> None:
        """Mark a child run as completed. The script's own run ends with the script."""
        connection.call("end", run=self._run_id, status="Completed")

    def fail(
        self,
        error_details: object = None,
        error_code: object = None,
        _set_status: bool = True,
    ) -> None:
        """Mark the run as failed; the script's own when the script has ended."""
        parts = [str(each) for each in (error_code, error_details) if each is not None]
        connection.call("end", run=self._run_id, status="Failed", message=": ".join(parts))

    def cancel(self) -> None:
        """Cancel the run; the script's own is stopped as `aml run cancel` stops it."""
        connection.call("cancel", run=self._run_id)

    def wait_for_completion(
        self,
        show_output: bool = False,
        wait_post_processing: bool = False,
        raise_on_error: bool = True,
    ) -> RunDetails:
        """Wait until another run has ended. Raises ``ActivityFailedException``."""
        del wait_post_processing
        if self._run_id == _own_id():
            raise UserErrorException("A script cannot wait for the end of its own run.")
        while self.get_status() not in _FINAL:
            time.sleep(_POLL_S)
        details = self.get_details()
        if show_output:
            print(f"RunId: {self._run_id}\nStatus: {details['status']}")
        if details["status"] == "Failed" and raise_on_error:
            raise ActivityFailedException(f"Run {self._run_id} failed. {details['error'] or ''}")
        return details

    def submit_child(self, *_: object, **__: object) -> None:
        raise refused(
            "Run.submit_child", "Create a child run with child_run, or submit from outside."
        )

    def take_snapshot(self, file_or_folder_path: object) -> None:
        raise refused("Run.take_snapshot", "Keep files with upload_folder.")

    def restore_snapshot(self, snapshot_id: object = None, path: object = None) -> None:
        raise refused("Run.restore_snapshot", "The script's working folder is its snapshot.")

    def get_output_data(self, name: object) -> None:
        raise refused("Run.get_output_data", "Read another step's output from an input of the run.")

    def get_snapshot_id(self) -> typing.Optional[str]:
        """Return the id of the snapshot that the run works on."""
        return self.get_properties().get("ContentSnapshotId")

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        if error is not None and self._run_id != _own_id():
            self.fail(f"{type(error).__name__}: {error}")
        elif error is None:
            self.complete()

    def __repr__(self) -> str:
        return f"Run(Id: {self._run_id})"


class _SubmittedRun(Run):
    """The run that this process belongs to."""


def get_run(experiment: typing.Optional[Experiment], run_id: str, **_: object) -> Run:
    """Return a run of the project by its id."""
    return _run_of(connection.call("run", run=run_id), experiment)


def has_azureml_context() -> bool:
    """Return whether this process belongs to a run."""
    return connection.in_run()


def _own_id() -> str:
    # The agent sets it, and no later variable of the script's changes what the agent knows.
    return os.environ.get("AML_RUN_ID", "")


def _run_of(found: Json, experiment: typing.Optional[Experiment]) -> Run:
    run_id = str(found["id"])
    return Run(experiment, run_id)


def _utc(seconds: typing.Optional[float]) -> typing.Optional[str]:
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))
