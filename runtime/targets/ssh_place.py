"""A machine reached over ssh, as the place of a carried run."""

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from infra.contract.errors import (
    CredentialError,
    EnvironmentBuildError,
    PlatformError,
    UnreachableError,
    UsageError,
)
from infra.contract.json_types import Document
from infra.contract.load import load
from runtime.agent.detached import Frame
from runtime.agent.files import Below, OutsideError, readable_below
from runtime.agent.owner import OWNER
from runtime.model.states import RunState
from runtime.targets.base import Report, left_out
from runtime.targets.places import (
    FETCHED,
    FOLLOWED,
    Asked,
    Have,
    Heartbeat,
    Piece,
    PlaceEnd,
    Shipment,
    Sign,
    StoppedError,
    Teller,
)
from runtime.targets.run_folder import AGENT_EVENTS
from runtime.targets.ssh_connection import Beside, Connection, connect
from runtime.targets.ssh_machine import KIND, MachineError, machine_of
from runtime.targets.ssh_session import Environment, Session
from runtime.targets.ssh_trees import listed

STORE_LIMIT_BYTES: Final = 20 * 1024**3
"""What the store of contents may take at a machine, and as much for its environments."""
_AGAIN_S: Final = (0.5, 2.0, 5.0, 15.0)
PATIENCE_S: Final = 300.0
"""How long a machine may be silent while a run is prepared there."""
T = TypeVar("T")
Rename: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Ready:
    """A run at a machine that is ready to start: the agent's arguments and variables."""

    environment: str
    arguments: Sequence[str]
    variables: Mapping[str, str]


class SshPlace:
    """One run at a machine. Its folder is ``~/.aml-agent/runs/RUN``."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._run_id = run_id
        self._machine = machine_of(settings)
        self._home = home
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._asked_to_start = False

    @property
    def name(self) -> str:
        """Return the machine's name."""
        return self._machine.target

    @property
    def rounds(self) -> int:
        """Return how many requests were made over this connection: each is a round trip."""
        return self._session.rounds if self._session is not None else 0

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Send what the machine lacks, prepare the environment, start the agent.

        A machine that does not answer at first fails the run; a line that is lost later is dialed
        again.
        """
        self.open()
        tell.state(RunState.PREPARING)
        try:
            self.persistent(lambda: self.launch(self.prepare(shipment, tell)), shipment, tell)
        except UnreachableError:
            # It may have been started.
            raise
        except (StoppedError, PlatformError):
            with suppress(PlatformError):
                self.release()
            raise

    def open(self) -> Document:
        """Log in, and return what the machine says of itself. Raises ``MachineError``."""
        try:
            return self._opened().facts
        except UnreachableError as error:
            raise MachineError(error.detail, remedy=error.remedy) from None

    def started(self) -> bool:
        """Return whether the run was started at the machine, and is not released."""
        with self._watched() as session:
            return bool(session.answer("started", run=self._run_id)["started"])

    def follow(self, have: Have) -> Iterator[Sign]:
        """Yield what the run writes, from the bytes that are here."""
        yield from self.follow_from(self.had(have))

    def follow_from(self, had: Mapping[str, int]) -> Iterator[Sign]:
        """Yield what the run writes beyond so many bytes of its files."""
        end = PlaceEnd()
        with self._watched() as session:
            for header, content in session.frames("follow", run=self._run_id, have=had):
                if "ask" in header:
                    yield Asked(str(header["ask"]), content)
                elif content:
                    yield Piece(header["name"], content)
                elif "exit" in header:
                    end = PlaceEnd(header["exit"], header["reason"])
                else:
                    yield Heartbeat()
        # Whoever reads it stops reading: the answer must have ended before.
        yield end

    def cancel(self) -> None:
        """Send SIGTERM to the agent, in a channel of its own: another may follow the run."""
        with self._watched() as session:
            folder = f"{session.facts['root']}/runs/{self._run_id}"
            command = session.command("cancel", folder)
            command.ended()
            command.close()

    def fetch(self, into: Path, report: Report, name_here: Rename = str) -> None:
        """Copy the run's files; a file is here as a whole, or not at all.

        ``name_here`` returns what a file is called here, ``""`` if it is not wanted.
        """
        below = Below(into)
        with self._watched() as session:
            frames = session.frames("fetch", run=self._run_id, names=list(FETCHED))
            for header, content in frames:
                if "problem" in header:
                    report(f"{header['name']} was not collected: {header['problem']}")
                elif "name" in header:
                    name = name_here(str(header["name"]))
                    _write(below, name, (header, content), frames, report)

    def release(self) -> None:
        """Kill what is left of the run and remove its folder."""
        with self._watched() as session:
            session.answer(
                "release",
                run=self._run_id,
                owner=owner(self._run_id),
                limit=STORE_LIMIT_BYTES,
            )

    def arguments(self, shipment: Shipment, made: Environment, folder: str) -> list[str]:
        """Return the agent's arguments; ``folder`` is the environment's, empty if none was built.

        Places where a script is started in another way override this.
        """
        del folder
        return shipment.agent_arguments(made.python, relayed=True)

    def execute(self, command: Sequence[str], terminal: tuple[int, int] | None) -> Beside:
        """Run a command beside the script. Raises ``UsageError`` unless the run is alive."""
        session = self._entered()
        folder = f"{session.facts['root']}/runs/{self._run_id}"
        return session.beside(["enter", folder, *command], terminal)

    def connect(self, port: int) -> Beside:
        """Connect to a port of the machine."""
        return self._entered().port(port)

    def may_start_again(self) -> bool:
        """Return ``True``: what is left of a lost run is killed with its release."""
        return True

    def relay(self, node: int = 0) -> Beside:
        """Start the agent's `relay` beside the run."""
        del node
        session = self._entered()
        folder = f"{session.facts['root']}/runs/{self._run_id}"
        return session.beside(["relay", folder], None)

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _entered(self) -> Session:
        with self._watched() as session:
            if session.answer("started", run=self._run_id)["running"]:
                return session
        raise UsageError(
            f"Run {self._run_id} does not run on machine {self._machine.target!r}.",
            remedy="It has ended, or is still being prepared: see `aml runs`.",
        )

    def prepare(self, shipment: Shipment, tell: Teller) -> Ready:
        """Lay out the run's folder and build its environment."""
        session = self._opened()
        facts = session.facts
        shipment.check()
        made = self._environment(session, shipment, tell)
        shipment.check()

        def report(text: str) -> None:
            tell.record("message", {"text": text})

        starter = f'#!/bin/sh\nexec {shlex.quote(made.python)} "$@"\n'
        tree = listed(shipment, starter if shipment.task.is_shell else "", report)
        session.send(tree, self._run_id)
        count = len(shipment.snapshot.files)
        tell.step("unzip", f"{count} file{'' if count == 1 else 's'} laid out")
        shipment.check()
        root = f"{facts['root']}/runs/{self._run_id}"
        variables = shipment.variables(root, made.variables, facts["variables"])
        if shipment.task.is_shell:
            path = variables.get("PATH", os.defpath)
            variables["PATH"] = os.pathsep.join(
                [f"{root}/bin", str(Path(made.python).parent), path]
            )
        variables[OWNER] = owner(self._run_id)
        environment = f"{facts['root']}/environments/{made.key}" if made.key else ""
        return Ready(made.key, self.arguments(shipment, made, environment), variables)

    def launch(
        self,
        ready: Ready,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start the agent, with further options and variables."""
        at = ready.arguments.index("--")
        opened = self._opened()
        self._asked_to_start = True
        opened.answer(
            "start",
            run=self._run_id,
            environment=ready.environment,
            arguments=[*ready.arguments[:at], *options, *ready.arguments[at:]],
            variables={**ready.variables, **(variables or {})},
        )

    def free_ports(self, address: str, count: int) -> int:
        """Return the first of some free ports of the machine, ``0`` if it has none."""
        return int(self._opened().answer("ports", address=address, count=count)["port"])

    def _environment(self, session: Session, shipment: Shipment, tell: Teller) -> Environment:
        """Return a Python of the machine, or the environment that is built there."""
        spec = shipment.task.environment
        if spec is not None and spec.kind != "user_managed":
            # Half of the imports of a carrier, for the runs that need them.
            build = load("runtime.targets.ssh_environments:built_environment")
            built: Environment = build(session, shipment, spec, tell, self._home)
            return built
        python = self._existing(session, spec.interpreter if spec else None)
        tell.step("environment", f"{python} is used as it is")
        return Environment(python, spec.variables if spec else {})

    def _existing(self, session: Session, interpreter: str | None) -> str:
        """Return the path of an interpreter of the machine; without a name, the agent's own."""
        own = str(session.facts["python"])
        if interpreter is None:
            return own
        found = str(session.answer("find", name=interpreter)["path"])
        if found or interpreter == "python":
            return found or own
        raise EnvironmentBuildError(
            f"There is no {interpreter} on machine {self._machine.target!r}.",
            remedy=f"Install it there, or name another `interpreterPath`, such as {own}.",
        )

    def persistent(self, act: Callable[[], T], shipment: Shipment, tell: Teller) -> T:
        """Do something again while the line is lost; everything at the machine is idempotent.

        A machine that is silent for longer fails a run that nobody asked it to start.
        """
        deadline: float | None = None
        for pause_s in _pauses():
            try:
                return act()
            except UnreachableError as error:
                self._drop()
                if deadline is None:
                    deadline = time.monotonic() + PATIENCE_S
                    text = f"The run waits for machine {self.name!r}: {error.detail}"
                    tell.record("message", {"text": text})
                if time.monotonic() > deadline:
                    if self._asked_to_start:
                        raise
                    raise _not_back(error) from None
            except BaseException:
                # In the midst of an answer: the agent at the machine ends what it does.
                self._drop()
                raise
            shipment.stop.wait(pause_s)
            shipment.check()
        raise AssertionError("there is always another pause")

    @contextmanager
    def _watched(self) -> Iterator[Session]:
        """Yield the session with a run that may go on there.

        Whatever keeps us from it, it is out of reach: a run does not fail because a variable with a
        password is not set where somebody looks at it.
        """
        try:
            session = self._opened()
        except (CredentialError, MachineError) as error:
            raise UnreachableError(error.detail, remedy=error.remedy) from None
        try:
            yield session
        except BaseException:
            self._drop()
            raise

    def _opened(self) -> Session:
        if self._session is None:
            self._connection = connect(self._machine, self._home.parent, os.environ)
            self._session = Session(self._connection)
        return self._session

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._session = self._connection = None

    def had(self, have: Have) -> dict[str, int]:
        """Return how many bytes of the run's files are here."""
        folder = self._home / "runs" / self._run_id
        names = [f"{top}/{name}" for top in FOLLOWED for name in readable_below(folder / top)]
        return {name: have(name) for name in (AGENT_EVENTS, *names)}


def _not_back(error: PlatformError) -> MachineError:
    return MachineError(
        f"The run was never started: for {PATIENCE_S:.0f} s there was no way on. {error.detail}",
        remedy="Check that the machine is started, and its network; then submit the run again.",
    )


def owner(run_id: str) -> str:
    """Return the mark of a run's processes at the machine.

    It may be this machine, where the run's carrier has a mark of its own, which must not be killed.
    """
    return f"{run_id}@{KIND}"


def _write(below: Below, name: str, first: Frame, frames: Iterator[Frame], report: Report) -> None:
    """Write one file, whose further blocks are in the next frames; without a name, pass over it."""
    header, content = first
    try:
        if name:
            with below.replacing(name) as sink:
                sink.write(content)
                while header["more"]:
                    header, content = next(frames)
                    sink.write(content)
    except (OSError, OutsideError) as error:
        report(left_out(name, error))
    while header["more"]:
        header, _ = next(frames)


def _pauses() -> Iterator[float]:
    yield from _AGAIN_S
    while True:
        yield _AGAIN_S[-1]
