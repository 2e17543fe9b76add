"""The folder of a local run, shared by the submitter and the run's own process.

``<home>/runs/<run id>/`` holds ``run.json`` (the task, without secrets), ``lock`` (held while the
run is alive), ``events.jsonl`` and ``agent-events.jsonl``, ``work/`` (the script's working folder)
and ``artifacts/``. Nothing here starts or stops anything.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Final, Protocol

from infra.contract.json_types import Document, JsonObject
from runtime.environments.specs import environment_of, without_secrets
from runtime.model.data import DataInput, DataOutput, input_of, output_of, without_token
from runtime.model.environments import EnvironmentSpec
from runtime.model.redaction import MASK
from runtime.model.runs import PreparedRun
from runtime.targets.agent_options import agent_options

OWN_EVENTS: Final = "events.jsonl"
AGENT_EVENTS: Final = "agent-events.jsonl"
BUILD_LOG: Final = "azureml-logs/20_image_build_log.txt"
USER_LOG: Final = "user_logs/std_log.txt"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of one local run."""

    path: Path

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def own_events(self) -> Path:
        return self.path / OWN_EVENTS

    @property
    def agent_events(self) -> Path:
        return self.path / AGENT_EVENTS

    @property
    def task_file(self) -> Path:
        return self.path / "run.json"

    @property
    def process_file(self) -> Path:
        """The file with the id of the run's process. It is never removed."""
        return self.path / "pid"

    @property
    def cancel_file(self) -> Path:
        return self.path / "cancel-requested"

    @property
    def process_log(self) -> Path:
        return self.path / "process.log"

    @property
    def started(self) -> bool:
        return self.process_file.exists()

    def try_lock(self) -> int | None:
        """Take the lock and return its file descriptor; ``None`` while the run is alive.

        A child may inherit the descriptor: the lock is held until the last copy is closed.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def alive(self) -> bool:
        """Return whether a process of the run still holds the lock."""
        descriptor = self.try_lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False


@dataclass(frozen=True, slots=True)
class Task:
    """The task of the run's process, as decided by the submitter.

    ``environment`` is ``None`` if ``interpreter`` is used as it is. ``is_shell``: the command is
    run as it is, not by the interpreter. ``manifest`` is the file of ``stack``, whose workspace the
    script reaches. ``keep_azureml``: our `azureml` package is not on the script's path. ``place``
    is where a carried run executes: its ``kind`` and how it is reached, without secrets.
    ``options`` are the agent's: limits, retries, several processes. ``restarts``: how often the run
    starts again when its agent is gone.
    """

    run_id: str
    experiment: str
    command: tuple[str, ...]
    variables: Mapping[str, str]
    snapshot: str
    snapshots: str
    environments: str
    interpreter: str
    environment: EnvironmentSpec | None
    max_duration_s: int
    is_shell: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""
    stack: str = ""
    keep_azureml: bool = False
    inputs: tuple[DataInput, ...] = ()
    outputs: tuple[DataOutput, ...] = ()
    place: Document = field(default_factory=dict)
    target: str = "local"
    options: tuple[str, ...] = ()
    restarts: int = 0


class RunData(Protocol):
    """The data of a run, as ``runtime.targets.local_data`` prepares and stores it."""

    def prepare(self, step: Callable[[str, str], None]) -> dict[str, str]:
        """Fetch the inputs; return the variables that the agent needs."""

    def store(self, completed: bool) -> str:  # noqa: FBT001 - the agent's `Finish`
        """Store the outputs; return what failed."""

    def summary(self) -> str:
        """Return where the outputs are."""


def task_of(run: PreparedRun, home: Path, interpreter: str) -> Task:
    """Return the task of a prepared run."""
    return Task(
        run_id=run.run_id,
        experiment=run.experiment,
        command=run.command,
        variables=dict(run.spec.variables),
        snapshot=run.snapshot.id,
        snapshots=str(run.snapshot.store.parent),
        environments=str(home / "environments"),
        interpreter=interpreter,
        environment=run.spec.environment,
        max_duration_s=run.spec.max_duration_s,
        options=agent_options(run.spec),
        is_shell=run.is_shell,
        tags=dict(run.spec.tags),
        keep_azureml=run.spec.keep_azureml,
        properties=dict(run.properties),
        inputs=run.spec.inputs,
        outputs=run.spec.outputs,
        target=run.spec.target,
        restarts=run.spec.retry.max_retries if run.spec.retry.includes("lost") else 0,
    )


def write_task(folder: RunFolder, task: Task) -> None:
    """Write what a person may want to know of the task, without values that may be secret."""
    environment = task.environment
    if environment is not None:
        environment = without_secrets(environment)
    shown = replace(
        task,
        environment=environment,
        variables=dict.fromkeys(task.variables, MASK),
        inputs=tuple(map(without_token, task.inputs)),
    )
    with tempfile.NamedTemporaryFile("w", dir=folder.path, delete=False, encoding="utf-8") as sink:
        json.dump(asdict(shown), sink, indent=2)
    Path(sink.name).replace(folder.task_file)


@contextmanager
def passed_task(folder: RunFolder, task: Task) -> Iterator[IO[bytes]]:
    """Yield an open file with the whole task, which has no name in any folder."""
    with tempfile.TemporaryFile(dir=folder.path) as passed:
        passed.write(json.dumps(asdict(task)).encode())
        passed.seek(0)
        yield passed


def read_task(passed: IO[bytes]) -> Task:
    """Read the task."""
    return _task(json.load(passed))


def kept_task(folder: RunFolder) -> Task:
    """Return a task as it was written: what may be secret is masked."""
    return _task(json.loads(folder.task_file.read_text(encoding="utf-8")))


def _task(document: JsonObject) -> Task:
    environment = document.pop("environment")
    command: Sequence[str] = document.pop("command")
    inputs, outputs = document.pop("inputs"), document.pop("outputs")
    options: Sequence[str] = document.pop("options", ())
    return Task(
        **document,
        command=tuple(command),
        environment=environment_of(environment) if environment else None,
        inputs=tuple(input_of(each) for each in inputs),
        outputs=tuple(output_of(each) for each in outputs),
        options=tuple(options),
    )
