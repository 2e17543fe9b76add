"""Several machines reached over ssh, as the place of one run: each is a node.

The first one's agent speaks for the run: its events and its end are the run's. When a machine was
lost or a process failed, all machines may start again (``runtime.targets.carrier`` decides it),
each with what it had left itself.
"""

import ipaddress
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event
from typing import Final, TypeAlias, TypeVar

from infra.contract.errors import PlatformError, UnreachableError
from infra.contract.json_types import Document
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.options import launch_of, parsed
from runtime.agent.peers import PEERS_VARIABLE
from runtime.agent.ranks import MPI, Launch, ports_needed
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.targets.base import Report
from runtime.targets.places import (
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
from runtime.targets.ssh_connection import Beside
from runtime.targets.ssh_machine import MachineError, all_of
from runtime.targets.ssh_nodes_files import AGENTS_OWN, LOG, log_here, name_here, trees_of
from runtime.targets.ssh_place import PATIENCE_S, Ready, SshPlace

_AGAIN_S: Final = (0.5, 2.0, 5.0)
_SILENT_S: Final = 5.0
_ENDING_S: Final = 7.0
_STOPPED_S: Final = 45.0
"""Once the first machine's agent has ended: how long the others may be silent, when they are asked
to stop, and when they are given up. A script has 30 seconds to end."""
_MEET_S: Final = 60.0
"""The first agent is started last: one that has not connected to it by then is out of reach. The
others wait also while the first machine may be silent before that."""
_LOOK_S: Final = 0.4
_MOST_WAITING: Final = 32
_RETRIES: Final = ("--max-retries=", "--retry-")
"""The beginnings of options that no single agent can fulfil: all have to be started again."""

_News: TypeAlias = "Queue[tuple[int, Sign]]"
T = TypeVar("T")


class SshNodesPlace:
    """One run at several machines. Its folder at each is ``~/.aml-agent/runs/RUN``."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._nodes = [SshPlace(run_id, each, home) for each in settings["machines"]]
        self._home = home
        self._key = secrets.token_hex(16)
        self._fetched: dict[str, int] = {}  # a file's name here → the machine that had it

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Prepare all machines, then start the agents: that of the first machine last.

        Nothing is sent to any machine before all have answered.
        """
        facts = self._opened()
        launch = self._launch_of(shipment, facts)
        tell.state(RunState.PREPARING)
        try:
            self._start(launch, shipment, tell)
        except UnreachableError:
            raise
        except (StoppedError, PlatformError):
            with suppress(PlatformError):
                self.release()
            raise

    def _start(self, launch: Launch, shipment: Shipment, tell: Teller) -> None:
        def prepared(node: int) -> Ready:
            place, own = self._nodes[node], self._shipment_of(node, shipment, launch)
            told = _Others(tell, place.name) if node else tell
            return place.persistent(lambda: place.prepare(own, told), own, told)

        ready = self._of_each(prepared)
        shipment.check()
        launch = replace(launch, port=self._ports(launch))

        def start(node: int) -> None:
            options, variables = _options(launch, node), {PEERS_VARIABLE: self._key}
            place = self._nodes[node]
            place.persistent(lambda: place.launch(ready[node], options, variables), shipment, tell)

        for node in reversed(range(len(self._nodes))):
            start(node)

    def started(self) -> bool:
        """Return whether the first machine's agent, the last to be started, was."""
        return self._nodes[0].started()

    def follow(self, have: Have) -> Iterator[Sign]:
        """Yield what all machines write; the end is the first one's.

        The others may be out of reach meanwhile: they are followed again once they answer.
        """
        news: _News = Queue(_MOST_WAITING)
        over = Event()
        with ThreadPoolExecutor(len(self._nodes), "follow") as pool:
            tellers = [
                pool.submit(self._tell, node, self._had(node, have), news, over)
                for node, _ in self._numbered
            ]
            try:
                yield from _merged(news, tellers, self._stop_others)
            finally:
                over.set()
                for place, teller in zip(self._nodes, tellers, strict=True):
                    if not teller.done():
                        place.close()

    def cancel(self) -> None:
        """Ask all agents to stop; the first one's passes it on to those out of reach."""
        self._nodes[0].cancel()
        self._stop_others()

    def fetch(self, into: Path, report: Report) -> None:
        """Copy the files of all machines; those of one that is gone stay there."""
        taken = self._fetched = {}
        for node, place in self._numbered:

            def renamed(name: str, node: int = node, place: SshPlace = place) -> str:
                here = name_here(node, name) or name
                if node and here.startswith(AGENTS_OWN) and here in taken:
                    return ""
                if here in taken:
                    report(f"{name} of machine {place.name!r} was not collected: it is another's")
                    return ""
                taken[here] = node
                return here

            try:
                place.fetch(into, report, renamed)
            except UnreachableError as error:
                if node == 0:
                    raise
                report(f"The files of machine {place.name!r} were not collected: {error.detail}")

    def release(self) -> None:
        """Remove the run from all machines that answer. A machine that is gone keeps its folder."""
        self._nodes[0].release()
        for place in self._nodes[1:]:
            with suppress(UnreachableError):
                place.release()

    def may_start_again(self) -> bool:
        """Return ``True`` once all machines answer: one that is gone has to come back first."""
        for place in self._nodes:
            place.started()
        return True

    def execute(self, command: Sequence[str], terminal: tuple[int, int] | None) -> Beside:
        """Run a command at the first machine."""
        return self._nodes[0].execute(command, terminal)

    def connect(self, port: int) -> Beside:
        """Connect to a port of the first machine."""
        return self._nodes[0].connect(port)

    def relay(self, node: int) -> Beside:
        """Start the agent's `relay` beside the run on a machine."""
        return self._nodes[node].relay()

    def close(self) -> None:
        """Close the connections."""
        for place in self._nodes:
            place.close()

    @property
    def _numbered(self) -> list[tuple[int, SshPlace]]:
        return list(enumerate(self._nodes))

    def _shipment_of(self, node: int, shipment: Shipment, launch: Launch) -> Shipment:
        """Return what one machine gets: of the files of an earlier attempt, those it had."""
        options = tuple(o for o in shipment.task.options if not o.startswith(_RETRIES))
        own = replace(shipment, task=replace(shipment.task, options=options))
        if ATTEMPT_VARIABLE not in shipment.texts:
            return own
        given = {n: path for n, path in shipment.trees.items() if n not in shipment.left}
        left = {n: path for n, path in shipment.trees.items() if n in shipment.left}
        return replace(own, trees={**given, **trees_of(node, left, self._fetched, launch)})

    def _opened(self) -> list[Document]:
        """Log in to all. Raises ``MachineError`` with every machine that cannot be used."""

        def opened(node: int) -> Document | PlatformError:
            try:
                return self._nodes[node].open()
            except PlatformError as error:
                return error

        found = self._of_each(opened)
        wrong = [each for each in found if isinstance(each, PlatformError)]
        if wrong:
            raise all_of(wrong)
        return [each for each in found if not isinstance(each, PlatformError)]

    def _of_each(self, act: Callable[[int], T]) -> list[T]:
        """Do something with every machine at once, and wait for all of them."""
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            return [*pool.map(act, range(len(self._nodes)))]

    def _launch_of(self, shipment: Shipment, facts: Sequence[Document]) -> Launch:
        launch = launch_of(parsed(["run", *shipment.task.options, "--", "python"]))
        if launch is None:
            raise AssertionError("a run on several machines has several processes")
        names = [place.name for place in self._nodes]
        if launch.kind == MPI:
            _require_alike(names, facts)
        return replace(launch, hosts=addresses(names, [str(each["address"]) for each in facts]))

    def _ports(self, launch: Launch) -> int:
        """Return where rank 0 listens; its agent does at the port before."""
        first = self._nodes[0].free_ports(launch.hosts[0], ports_needed(launch) + 1)
        if not first:
            raise MachineError(
                f"Machine {self._nodes[0].name!r} has no free ports at {launch.hosts[0]}.",
                remedy="End what listens there (`ss -ltn`).",
            )
        return first + 1

    def _stop_others(self) -> None:
        """Ask the other machines' agents to stop."""
        for place in self._nodes[1:]:
            with suppress(UnreachableError):
                place.cancel()

    def _tell(self, node: int, had: dict[str, int], news: _News, over: Event) -> None:
        """Tell what one machine's part of the run writes, until it has ended."""
        tried = 0
        while not over.is_set():
            try:
                for sign in self._nodes[node].follow_from(had):
                    if isinstance(sign, Piece):
                        # What waits in the queue is not in the folder yet.
                        had[sign.name] = had.get(sign.name, 0) + len(sign.content)
                    _put(news, (node, sign), over)
                    tried = 0
            except UnreachableError:
                if node == 0:
                    raise
            else:
                return
            over.wait(_AGAIN_S[min(tried, len(_AGAIN_S) - 1)])
            tried += 1

    def _had(self, node: int, have: Have) -> dict[str, int]:
        """Return how many bytes of a machine's files are here, by their names there."""
        found = self._nodes[node].had(have)
        if node == 0:
            return found
        sizes = {name: size for name, size in found.items() if name_here(node, name) == name}
        return {**sizes, LOG: have(log_here(node))}


class _Others:
    """What a machine other than the first tells: the steps of the run are those of the first."""

    def __init__(self, tell: Teller, name: str) -> None:
        self._tell = tell
        self._name = name

    def step(self, step: str, text: str) -> None:
        pass

    def state(self, state: RunState, reason: str = "") -> None:
        pass

    def record(self, kind: EventKind, data: Document) -> None:
        if kind == "message":
            self._tell.record(kind, data)

    def build(self, line: str) -> None:
        self._tell.build(f"[{self._name}] {line}")


def addresses(names: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Return the machines' addresses among each other, ``found`` by each of them at itself.

    Raises ``MachineError`` for machines of which some are known by their loopback address only.
    """
    loopback = [bool(a) and ipaddress.ip_address(a).is_loopback for a in found]
    alone = [
        name
        for name, address, own in zip(names, found, loopback, strict=True)
        if not address or (own and not all(loopback))
    ]
    if alone:
        listed = ", ".join(repr(name) for name in alone)
        raise MachineError(
            f"The other machines cannot reach {listed}: its ssh server is reached at its loopback"
            " address, as through a tunnel.",
            remedy="Attach the machine with an address of its own network.",
        )
    return tuple(found)


def common_network(hosts: Sequence[str]) -> str:
    """Return the smallest network with all addresses, ``""`` for those of one machine.

    Machines have others, such as that of their containers, over which they do not meet.
    """
    found = [ipaddress.ip_interface(host).network for host in hosts]
    if len(set(found)) == 1:
        return ""
    network = found[0]
    while not all(each.network_address in network for each in found):
        network = network.supernet()
    return str(network)


def _require_alike(names: Sequence[str], facts: Sequence[Document]) -> None:
    """Raise ``MachineError`` where ``mpirun`` would not find the same paths on all machines."""
    for what, key in (("folder of runs", "root"), ("Python", "python")):
        if len({each[key] for each in facts}) > 1:
            listed = ", ".join(f"{n!r}: {f[key]}" for n, f in zip(names, facts, strict=True))
            raise MachineError(
                f"MPI needs the same {what} on all machines ({listed}).",
                remedy="Log in with the same user name on each, with the same home folder.",
            )


def _options(launch: Launch, node: int) -> list[str]:
    network = common_network(launch.hosts) if launch.kind == MPI else ""
    return [
        *([f"--interface={network}"] if network else []),
        *(["--through-agents"] if launch.kind == MPI else []),
        f"--hosts={','.join(launch.hosts)}",
        f"--node-rank={node}",
        f"--port={launch.port}",
        f"--agent-port={launch.port - 1}",
        f"--meet-timeout={_MEET_S + (PATIENCE_S if node else 0):g}",
        *(["--events="] if node else []),
    ]


def _merged(
    news: _News, tellers: Sequence["Future[None]"], stop_others: Callable[[], None]
) -> Iterator[Sign]:
    """Yield the signs of all machines, until all have ended, or the first has and others are gone.

    Raises what a teller raised.
    """
    end: PlaceEnd | None = None
    over = _Over(stop_others)
    while end is None or not over.reached():
        try:
            node, sign = news.get(timeout=_LOOK_S)
        except Empty:
            done = [teller.done() and teller.result() is None for teller in tellers]
            if end is not None and all(done):
                break
            yield from () if end is None else (Heartbeat(),)
            continue
        over.hear()
        if node == 0 and isinstance(sign, PlaceEnd):
            end = sign
        else:
            yield from _passed(node, sign)
    yield end


class _Over:
    """Decides when the other machines have had their time, after the end of the first one.

    Their agents end when the first one's does. One that never met it is asked to stop.
    """

    def __init__(self, stop_others: Callable[[], None]) -> None:
        self._stop_others = stop_others
        self._heard = time.monotonic()
        self._since: float | None = None
        self._asked = False

    def hear(self) -> None:
        """Note that a machine has told something."""
        self._heard = time.monotonic()

    def reached(self) -> bool:
        """Return whether nobody is waited for any more. Asked from the end of the first one on."""
        now = time.monotonic()
        self._since = self._since or now
        if not self._asked and now > self._since + _ENDING_S:
            self._asked = True
            self._stop_others()
        return now > min(self._heard + _SILENT_S, self._since + _STOPPED_S)


def _passed(node: int, sign: Sign) -> Iterator[Sign]:
    """Yield what is passed on of a machine's sign: new content under its name here."""
    if isinstance(sign, Piece):
        name = name_here(node, sign.name)
        if name:
            yield replace(sign, name=name)
    elif isinstance(sign, Asked):
        yield replace(sign, node=node)
    elif node == 0:
        yield sign


def _put(news: _News, item: tuple[int, Sign], over: Event) -> None:
    """Wait until there is room, or nobody listens any more."""
    while not over.is_set():
        with suppress(Full):
            news.put(item, timeout=_LOOK_S)
            return
