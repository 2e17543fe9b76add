"""The process that carries one run: prepares it, starts it at its place, copies what happens there.

Started by ``runtime.targets.carried`` only. The run does not depend on it: a carrier that is gone
is started again, with what the first one wrote, and goes on at the bytes that are here already.
"""

import fcntl
import io
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import PlatformError, RunFailedError, UnreachableError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.agent.attempts import ATTEMPTS_PROPERTY
from runtime.agent.events import EventLog
from runtime.agent.files import Below, printable
from runtime.agent.process_tree import become_subreaper, kill_left
from runtime.agent.run_facts import FACTS_VARIABLE
from runtime.model.data import data_variable
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.snapshots.store import SnapshotStore
from runtime.targets.carried_attempts import Attempts
from runtime.targets.folder_runs import agent_end, last_state
from runtime.targets.places import (
    FOLLOWED,
    Asked,
    Heartbeat,
    Moved,
    Piece,
    PlaceEnd,
    Restarting,
    Shipment,
    StoppedError,
    open_place,
)
from runtime.targets.relays import Relays
from runtime.targets.run_folder import (
    AGENT_EVENTS,
    BUILD_LOG,
    RunData,
    RunFolder,
    Task,
    kept_task,
    read_task,
)
from runtime.targets.script_variables import run_facts

COPIED_EVENTS: Final = "copied-events.jsonl"
"""The agent's events as they come. The last one is passed on when the outputs are here."""
_AGAIN_S: Final = (0.2, 1.0, 5.0, 15.0)
_PATIENCE_S: Final = 600.0
_CANCELED_PATIENCE_S: Final = 300.0
_LOST_S: Final = 24 * 3600.0
_TOLD_WHEN_DONE: Final = frozenset({"environment", "download", "unzip", "collect"})
_CRASHED: Final = "The process that carries the run failed"


class Carrier:
    """Carries one run from its snapshot to its outputs.

    ``fresh`` is ``False`` for a carrier that takes over: its task lacks what is secret.
    """

    def __init__(self, folder: RunFolder, task: Task, *, fresh: bool) -> None:
        self._folder = folder
        self._task = task
        self._fresh = fresh
        self._home = folder.path.parent.parent
        self._events = EventLog(folder.own_events)
        self._tell = _Told(self._events, folder)
        self._stop = Event()
        self._place = open_place(task.run_id, task.place, self._home)
        self._relays = Relays(task, folder)

    def execute(self) -> None:
        """Carry the run to its end; an error becomes its final state."""
        become_subreaper()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        private_file(self._folder.process_file).write_text(str(os.getpid()), encoding="utf-8")
        # Canceled before the handlers were installed: the signal is lost, the file is not.
        if self._folder.cancel_file.exists():
            self._stop.set()
        try:
            if self._fetched_file.exists():
                self._reached(self._released)
                kept = json.loads(self._fetched_file.read_text(encoding="utf-8"))
                self._end(PlaceEnd(**kept))
            elif self._begin():
                end = self._follow()
                while self._starts_again(end):
                    end = self._follow()
                self._finish(end)
        except StoppedError:
            self._tell.state(RunState.CANCELED)
        except UnreachableError as error:
            # The run may go on: whoever asks for it next starts another carrier.
            self._tell.record("message", {"text": f"{error.detail} {error.remedy}"})
        except PlatformError as error:
            self._failed(f"{error.summary}: {error.detail}\nhint: {error.remedy}")
        except Exception as error:
            self._failed(f"{_CRASHED}: {type(error).__name__}: {error}")
            raise
        finally:
            kill_left(self._task.run_id, below=os.getpid())
            self._relays.close()
            self._place.close()
            self._events.close()

    def _failed(self, error: str) -> None:
        if self._stop.is_set():
            self._tell.state(RunState.CANCELED)
        else:
            self._tell.state(RunState.FAILED, error=error)

    def _begin(self) -> bool:
        """Start the run unless it was; return whether it is at its place."""
        if not self._fresh:
            if self._reached(self._place.started):
                return True
            # What it may have made is not the run.
            self._reached(self._released)
            lost = "The process that prepared the run is gone, and the run was never started."
            self._failed(lost)
            return False
        if self._stop.is_set():
            raise StoppedError
        self._tell.state(RunState.STARTING)
        try:
            self._place.start(self._shipment(), self._tell)
        except UnreachableError as error:
            if not self._reached(self._place.started):
                self._reached(self._released)
                raise RunFailedError(error.detail, remedy=error.remedy) from None
        return True

    def _starts_again(self, end: PlaceEnd) -> bool:
        """Start a run again that was lost or failed, if its policy allows; return whether it was.

        It has what the lost attempt has left: outputs, logs and events, from which it goes on.
        """
        attempts = Attempts(self._folder, self._task, fresh=self._fresh)
        failure = last_state(self._copied_events())
        place = self._place
        if not isinstance(place, Restarting) or not attempts.follow(failure):
            return False
        if not self._may_start_again(place):
            return False
        self._reached(self._fetched)
        self._reached(self._released)
        number = attempts.next()
        why = str(failure["error"]).partition("\n")[0] if failure else _reason(end)
        text = f"{why} It starts again: attempt {number} of {attempts.most}."
        self._tell.record("message", {"text": text})
        self._tell.record("property", {"key": ATTEMPTS_PROPERTY, "value": str(number)})
        self._tell.state(RunState.QUEUED)
        shipment = attempts.going_on(self._shipment(), self._folder.path / COPIED_EVENTS)

        def started() -> bool:
            if not place.started():
                place.start(shipment, self._tell)
            return True

        return self._reached(started)

    def _may_start_again(self, place: Restarting) -> bool:
        """Ask until the place answers, or the run is canceled, or it has been silent for long."""
        try:
            allowed = self._reached(lambda: self._stop.is_set() or place.may_start_again())
        except UnreachableError as error:
            self._tell.record("message", {"text": f"It does not start again. {error.detail}"})
            return False
        self._silence_file.unlink(missing_ok=True)
        return allowed and not self._stop.is_set()

    def _shipment(self) -> Shipment:
        snapshot = SnapshotStore(Path(self._task.snapshots)).load(self._task.snapshot)
        prepared: Mapping[str, str] = {}
        if self._task.inputs or self._task.outputs:
            prepared = self._data().prepare(self._tell.step)
        trees, paths = located(self._task, prepared)
        texts = {name: text for name, text in prepared.items() if name not in paths}
        texts[FACTS_VARIABLE] = run_facts(self._task, self._folder)
        return Shipment(self._task, snapshot, self._stop, trees, paths, texts)

    def _data(self) -> RunData:
        made: RunData = load("runtime.targets.local_data:LocalData")(
            self._task, self._folder, self._home
        )
        return made

    def _follow(self) -> PlaceEnd:
        """Copy what happens until the run has ended; reconnect while the place is silent."""
        silent_since: float | None = None
        tried = 0
        asked = asked_to_stop = False
        while True:
            try:
                for sign in self._place.follow(self._have):
                    if silent_since is not None:
                        self._tell.state(RunState.RUNNING)
                        silent_since, tried = None, 0
                    self._silence_file.unlink(missing_ok=True)
                    if self._stop.is_set() and not asked:
                        self._place.cancel()
                        asked = True
                    if isinstance(sign, PlaceEnd):
                        return sign
                    self._keep(sign)
            except UnreachableError as error:
                if silent_since is None:
                    silent_since = time.monotonic()
                    text = f"The run goes on, but is out of sight: {error.detail}"
                    self._tell.record("message", {"text": text})
                    self._tell.state(RunState.NOT_RESPONDING)
                self._silent(error)
                if time.monotonic() - silent_since > _PATIENCE_S:
                    raise
                pause_s = _AGAIN_S[min(tried, len(_AGAIN_S) - 1)]
                # A cancel ends the pause, once.
                time.sleep(pause_s) if asked_to_stop else self._stop.wait(pause_s)
                asked_to_stop = self._stop.is_set()
                tried += 1

    def _reached(self, ask: Callable[[], bool]) -> bool:
        """Ask the place; try again while it does not answer."""
        deadline = time.monotonic() + _PATIENCE_S
        for pause_s in _pauses():
            try:
                return ask()
            except UnreachableError as error:
                self._silent(error)
                if time.monotonic() > deadline:
                    raise
            # A cancel ends the pause, once.
            time.sleep(pause_s) if self._stop.is_set() else self._stop.wait(pause_s)
        return False

    def _silent(self, error: UnreachableError) -> None:
        """Give the run up if its place has been silent for long, whoever carried it meanwhile."""
        if not self._silence_file.exists():
            private_file(self._silence_file)
        silent_s = time.time() - self._silence_file.stat().st_mtime
        why = given_up(silent_s, canceled=self._stop.is_set())
        if why:
            text = f"{why} {error.detail}"
            self._tell.record("message", {"text": text})
            raise RunFailedError(text, remedy="Look at the machine; start the run again.")

    @property
    def _silence_file(self) -> Path:
        """There since the place last answered; its time stamp says when that was."""
        return self._folder.path / "silent-since"

    def _have(self, name: str) -> int:
        file = self._copy_of(name)
        return file.stat().st_size if file.exists() else 0

    def _copy_of(self, name: str) -> Path:
        return self._folder.path / COPIED_EVENTS if name == AGENT_EVENTS else self._file(name)

    def _file(self, name: str) -> Path:
        return Below(self._folder.path).file(name)

    def _keep(self, sign: Piece | Asked | Heartbeat | Moved) -> None:
        if isinstance(sign, Moved):
            self._tell.state(sign.state, sign.reason, at=sign.at)
            return
        if isinstance(sign, Asked):
            self._relays.asked(sign)
            return
        if isinstance(sign, Heartbeat) or not sign.content:
            return
        if sign.name != AGENT_EVENTS and not sign.name.startswith(tuple(f"{f}/" for f in FOLLOWED)):
            self._tell.record("message", {"text": f"{printable(sign.name)} was not copied"})
            return
        file = self._copy_of(sign.name)
        private_folder(file.parent)
        with private_file(file).open("ab") as sink:
            sink.write(sign.content)
        if sign.name == AGENT_EVENTS:
            self._pass_on(ended=False)

    def _pass_on(self, *, ended: bool) -> None:
        """Append the agent's new events to those that the target reads.

        A final state waits for the outputs: until ``ended``, nothing from it on is passed on.
        """
        copied = (self._folder.path / COPIED_EVENTS).read_bytes()
        whole = len(copied) if ended else agent_end(copied)
        with private_file(self._folder.agent_events).open("ab") as sink:
            sink.write(copied[sink.tell() : whole])

    def _finish(self, end: PlaceEnd) -> None:
        """Fetch the outputs, leave the place, then pass on how the run ended."""
        self._tell.state(RunState.FINALIZING)
        self._reached(self._fetched)
        self._tell.step("collect", "outputs and logs are in the run's folder")
        private_file(self._fetched_file).write_text(json.dumps(asdict(end)), encoding="utf-8")
        self._reached(self._released)
        self._end(end)

    def _end(self, end: PlaceEnd) -> None:
        content = self._copied_events()
        problem = self._stored(content) if self._task.outputs else ""
        if problem:
            self._failed(problem)
        elif agent_end(content) < content.rfind(b"\n") + 1:
            self._pass_on(ended=True)
        else:
            self._failed(_reason(end))

    def _copied_events(self) -> bytes:
        copied = self._folder.path / COPIED_EVENTS
        return copied.read_bytes() if copied.exists() else b""

    @property
    def _fetched_file(self) -> Path:
        """Written when the outputs are here: nothing more is asked of the place."""
        return self._folder.path / "fetched.json"

    def _fetched(self) -> bool:
        def report(text: str) -> None:
            self._tell.record("message", {"text": text})

        self._place.fetch(self._folder.path, report)
        return True

    def _released(self) -> bool:
        self._place.release()
        return True

    def _stored(self, events: bytes) -> str:
        for output in self._task.outputs:
            # The script wrote it elsewhere: it belongs in a folder of this machine.
            if output.location is not None and output.location.kind == "local":
                fetched = private_folder(self._folder.path / "named_outputs" / output.name)
                shutil.copytree(fetched, output.location.path, dirs_exist_ok=True)
        completed = b'"state":"Completed"' in events[agent_end(events) :]
        return self._data().store(completed)


class _Told:
    """Records what a place tells, as events of the run's own file."""

    def __init__(self, events: EventLog, folder: RunFolder) -> None:
        self._events = events
        self._log = folder.work / BUILD_LOG
        self._since = time.time()

    def step(self, step: str, text: str) -> None:
        """Record a step; one that is told of once it is done began with the last thing told."""
        began = self._since if step in _TOLD_WHEN_DONE else None
        self.record("step", {"step": step, "text": text}, began)

    def state(
        self, state: RunState, reason: str = "", error: str = "", *, at: float | None = None
    ) -> None:
        facts = {"reason": reason, "error": error}
        self.record("state", {"state": str(state)} | {k: v for k, v in facts.items() if v}, at)

    def record(self, kind: EventKind, data: Document, at: float | None = None) -> None:
        self._events.append(kind, dict(data), at)
        if kind in {"step", "state"}:
            self._since = time.time()

    def build(self, line: str) -> None:
        private_folder(self._log.parent)
        with private_file(self._log).open("a", encoding="utf-8") as sink:
            sink.write(f"{line}\n")


def _reason(end: PlaceEnd) -> str:
    code = "" if end.exit_code is None else f" (exit code {end.exit_code})"
    return end.reason or f"The run's processes are gone{code}."


def given_up(silent_s: float, *, canceled: bool) -> str:
    """Return why a run whose place does not answer is given up; ``""`` while it is not."""
    if canceled and silent_s > _CANCELED_PATIENCE_S:
        return "The run was canceled, but its place does not answer: it may go on there."
    if silent_s > _LOST_S:
        return "The place of the run has not answered for a day."
    return ""


def located(task: Task, prepared: Mapping[str, str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the files that travel with a run, and the variables that are paths at its place.

    ``prepared`` are the variables of the run's data on this machine.
    """
    trees: dict[str, Path] = {}
    paths: dict[str, str] = {}
    for each in task.inputs:
        variable = data_variable(each.name)
        here = Path(prepared.get(variable, ""))
        if each.mechanism == "direct" or not here.is_absolute():
            continue
        name = f"inputs/{each.name}"
        paths[variable] = name if here.is_dir() else f"{name}/{here.name}"
        trees[paths[variable]] = here
    for output in task.outputs:
        variable = data_variable(output.name)
        paths[variable] = f"named_outputs/{output.name}"
        trees[paths[variable]] = Path(prepared[variable])
    return trees, paths


def _pauses() -> Iterator[float]:
    yield from _AGAIN_S
    while True:
        yield _AGAIN_S[-1]


def main(arguments: Sequence[str]) -> None:
    """``python -m runtime.targets.carrier FOLDER DESCRIPTOR``: with a task on stdin, or again."""
    folder = RunFolder(Path(arguments[0]))
    # Nothing that this process starts keeps the run alive: a carrier is.
    fcntl.fcntl(int(arguments[1]), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    passed = sys.stdin.buffer.read()
    task = read_task(io.BytesIO(passed)) if passed else kept_task(folder)
    Carrier(folder, task, fresh=bool(passed)).execute()


if __name__ == "__main__":
    main(sys.argv[1:])
