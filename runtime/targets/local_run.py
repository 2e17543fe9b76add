"""The process of one local run: copies the snapshot, prepares the environment, runs the agent.

Started by the local target only; continues when the submitter is gone. It reports only through
files in the run's folder.
"""

import fcntl
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import PlatformError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.events import EventLog, read_events
from runtime.agent.exit_codes import exit_text, positive
from runtime.agent.gateway import ArmAnswer, Gateway
from runtime.agent.main import main as agent
from runtime.agent.process_tree import become_subreaper, kill_left
from runtime.agent.run_facts import FACTS_VARIABLE
from runtime.model.environments import LOCK_PROPERTY
from runtime.model.states import RunState
from runtime.snapshots.store import SnapshotStore, write_tree
from runtime.targets.forking import ForkedProcess
from runtime.targets.run_folder import BUILD_LOG, RunData, RunFolder, Task, read_task
from runtime.targets.script_variables import run_facts, run_variables
from runtime.targets.standby import received_lock

_LAST_LINES: Final = 10
_ENDED: Final = frozenset(state for state in RunState if state.final)


class LocalRun:
    """One run from its snapshot to the end of its script."""

    def __init__(self, folder: RunFolder, lock_descriptor: int) -> None:
        self._folder = folder
        self._task = read_task(sys.stdin.buffer)
        self._lock = lock_descriptor
        self._events = EventLog(folder.own_events)
        self._stop = Event()
        self._stopping = False
        self._agent: ForkedProcess | None = None

    def execute(self) -> None:
        """Execute the run; an error becomes the run's final state."""
        become_subreaper()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stopped)
        private_file(self._folder.process_file).write_text(str(os.getpid()), encoding="utf-8")
        # Canceled before the handlers were installed: the signal is lost, the file is not.
        if self._folder.cancel_file.exists():
            self._stop.set()
        try:
            began = time.time()
            self._state(RunState.PREPARING)
            self._lay_out(began)
            with self._environment() as (python, variables):
                self._run(python, variables)
        except PlatformError as error:
            self._kill_left()
            self._end(f"{error.summary}: {error.detail}\nhint: {error.remedy}")
        finally:
            self._events.close()

    def _lay_out(self, began: float) -> None:
        store = SnapshotStore(Path(self._task.snapshots))
        snapshot = store.load(self._task.snapshot)
        write_tree(snapshot, self._folder.work)
        for name in ("outputs", "logs"):
            private_folder(self._folder.work / name)
        self._step("unzip", _laid_out(len(snapshot.files)), began)

    @contextmanager
    def _environment(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the interpreter and its variables; the environment is not evicted meanwhile."""
        spec = self._task.environment
        if spec is None or spec.kind == "user_managed":
            python = (spec.interpreter if spec else None) or self._task.interpreter
            self._step("environment", f"{python} is used as it is")
            yield python, spec.variables if spec else {}
            return
        began = time.time()
        # Most of the imports of this process, for the runs that need them.
        builder = load("runtime.environments.builders:ChosenBuilder")()
        cache = load("runtime.environments.cache:EnvironmentCache")(
            Path(self._task.environments), builder
        )
        log = self._folder.work / BUILD_LOG
        private_folder(log.parent)
        with private_file(log).open("a", encoding="utf-8", buffering=1) as sink:
            with_conda = load("runtime.environments.conda_tools:conda_tool")() is not None
            locked = load("runtime.environments.locking:lock")(spec, with_conda=with_conda)
            with cache.lease(locked, lambda line: print(line, file=sink), self._stop) as found:
                how = "reused" if found.reused else "built"
                self._step("environment", f"{how} {found.hash}", began)
                if found.lock:
                    self._events.append("property", {"key": LOCK_PROPERTY, "value": found.lock})
                for change in found.changed:
                    text = f"Differs from the last build of this environment: {change}"
                    self._events.append("message", {"text": text})
                yield str(found.python), {**environment_variables(found.folder), **found.variables}

    def _run(self, python: str, variables: Mapping[str, str]) -> None:
        if self._stop.is_set():
            self._end("")
            return
        environ = run_variables(self._task, variables, os.environ)
        data = self._data()
        if data is not None:
            environ |= data.prepare(self._step)
        if self._stop.is_set():
            self._end("")
            return
        environ[FACTS_VARIABLE] = run_facts(self._task, self._folder)
        python = found_python(python, environ)
        if self._task.is_shell:
            environ["PATH"] = shell_path(python, environ.get("PATH", os.defpath), self._folder)
        arguments = agent_arguments(python, self._folder, self._task)
        gateway = LateGateway(self._task, self._folder)
        finish = data.store if data is not None else None
        self._step("run", shown_command(self._task))
        code = self._supervised(lambda: agent(arguments, gateway, finish), environ)
        began = time.time()
        stored = data.summary() if data is not None else ""
        self._step("collect", f"outputs and logs are in the run's folder{stored}", began)
        if not ended(self._folder.agent_events):
            log = self._folder.process_log.read_text(encoding="utf-8", errors="replace")
            last = "\n".join(log.splitlines()[-_LAST_LINES:])
            self._end(f"The agent ended with exit code {code}. Its last lines:\n{last}")

    def _supervised(self, agent: Callable[[], int], environ: Mapping[str, str]) -> int:
        """Run the agent to its end; again if it was killed and the run allows that."""
        attempt = 1
        while True:
            given = {**environ, ATTEMPT_VARIABLE: str(attempt)}
            # It inherits the lock: the run is alive as long as its agent, even without this.
            self._agent = ForkedProcess(agent, self._folder.work, given)
            if self._stop.is_set():
                self._agent.send_signal(signal.SIGTERM)
            code = self._agent.wait()
            self._kill_left()
            over = ended(self._folder.agent_events) or self._stop.is_set()
            if over or attempt > self._task.restarts:
                return code
            attempt += 1
            text = (
                f"What supervised the run is gone ({exit_text(positive(code))}). It starts again:"
            )
            most = self._task.restarts + 1
            self._events.append("message", {"text": f"{text} attempt {attempt} of {most}."})

    def _data(self) -> RunData | None:
        """Return the run's data; its modules are imported for runs that have some."""
        if not self._task.inputs and not self._task.outputs:
            return None
        make = load("runtime.targets.local_data:LocalData")
        data: RunData = make(self._task, self._folder, self._folder.path.parent.parent)
        return data

    def _kill_left(self) -> None:
        """Kill what the agent left because it was killed itself, and what a canceled build left."""
        kill_left(self._task.run_id, below=os.getpid())

    def _stopped(self, number: int, _: object) -> None:
        # A second signal may interrupt this handler, and `Event.set` waits for itself then.
        if not self._stopping:
            self._stopping = True
            self._stop.set()
        if self._agent is not None:
            self._agent.send_signal(number)

    def _end(self, error: str) -> None:
        if self._stop.is_set():
            self._state(RunState.CANCELED)
        else:
            self._state(RunState.FAILED, error=error)

    def _state(self, state: RunState, error: str | None = None) -> None:
        data = {"state": str(state)} if error is None else {"state": str(state), "error": error}
        self._events.append("state", data)

    def _step(self, step: str, text: str, began: float | None = None) -> None:
        """Tell of a step: that it begins, or what came of one that ``began`` earlier."""
        self._events.append("step", {"step": step, "text": text}, began)


def found_python(python: str, environ: Mapping[str, str]) -> str:
    """Return the path of the script's interpreter; the name itself if it is not on ``PATH``."""
    return shutil.which(python, path=environ.get("PATH")) or python


def agent_arguments(python: str, folder: RunFolder, task: Task) -> list[str]:
    """Return the arguments with which the agent runs the script."""
    return [
        "run",
        f"--events={folder.agent_events}",
        f"--artifacts={folder.artifacts}",
        f"--max-duration={task.max_duration_s}",
        *task.options,
        "--private",
        f"--azureml={'never' if task.keep_azureml else 'always'}",
        "--",
        *(() if task.is_shell else (python,)),
        *task.command,
    ]


def shown_command(task: Task) -> str:
    """Return the command as a person would type it."""
    return task.command[-1] if task.is_shell else " ".join(("python", *task.command))


def shell_path(python: str, path: str, folder: RunFolder) -> str:
    """Return a ``PATH`` on which ``python`` is the given interpreter, and its tools come first.

    An interpreter may be called `python3.11`, beside a `python` that is another: a script in the
    run's folder then starts it. A link would not do, because an interpreter finds its environment
    beside its own path.
    """
    own = Path(python).absolute().parent
    found = shutil.which("python", path=str(own))
    path = f"{own}{os.pathsep}{path}"
    if found is not None and Path(found).samefile(python):
        return path
    starter = private_folder(folder.path / "bin") / "python"
    starter.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n', encoding="utf-8")
    starter.chmod(0o700)
    return f"{starter.parent}{os.pathsep}{path}"


class LateGateway:
    """The gateway of a run, made when its script first asks for something beyond the run."""

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self._task = task
        self._home = folder.path.parent.parent
        self._made: Gateway | None = None

    def workspace(self) -> JsonObject:
        return self._gateway().workspace()

    def own_run(self) -> JsonObject:
        return {}  # the agent was told all that there is

    def own_environment(self) -> JsonObject:
        return {}  # as above

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        return self._gateway().arm(method, path, body)

    def storage_token(self) -> str | None:
        return self._gateway().storage_token()

    def secrets(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        return self._gateway().secrets(method, path, body)

    def other_run(self, run_id: str) -> JsonObject | None:
        return self._gateway().other_run(run_id)

    def other_runs(self, experiment: str) -> list[JsonObject]:
        return self._gateway().other_runs(experiment)

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        return run_id != self._task.run_id and self._gateway().change_run(run_id, kind, data)

    def _gateway(self) -> Gateway:
        if self._made is None:
            task, manifest = self._task, Path(self._task.manifest)
            make = load("runtime.targets.project_gateway:ProjectGateway")
            self._made = make(self._home, manifest, task.stack, task.run_id)
        return self._made


def environment_variables(folder: Path) -> dict[str, str]:
    """Return the variables that activate a built environment."""
    return {"VIRTUAL_ENV": str(folder)}


def ended(events_file: Path) -> bool:
    """Return whether the events contain a final state."""
    content = events_file.read_bytes() if events_file.exists() else b""
    own = (event["data"] for event in read_events(content) if not event["data"].get("run"))
    return any(data.get("state") in _ENDED for data in own)


def main(arguments: Sequence[str]) -> None:
    """``python -m runtime.targets.local_run FOLDER DESCRIPTOR``, or ``@SOCKET`` for a standby."""
    folder = RunFolder(Path(arguments[0]))
    descriptor = received_lock(folder.path, arguments[1])
    if descriptor is not None:
        execute(folder, descriptor)


def execute(folder: RunFolder, descriptor: int) -> None:
    """Execute the run of a folder, whose lock is held by ``descriptor``; its task is on stdin."""
    # Only the agent inherits the lock, by `pass_fds`.
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    LocalRun(folder, descriptor).execute()


def _laid_out(count: int) -> str:
    return "1 file laid out" if count == 1 else f"{count} files laid out"


if __name__ == "__main__":
    main(sys.argv[1:])
