"""Starts the processes of one attempt on this node, and watches them.

One process is started as it is; those of PyTorch and TensorFlow are children of the agent; MPI's
are started by ``mpirun``, on all nodes from the first one.
"""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.agent.failures import failure_events
from runtime.agent.files import open_to_append
from runtime.agent.memory_kills import memory_kills
from runtime.agent.mpi import (
    NoMpiError,
    failed_rank,
    forwarded_names,
    found_mpirun,
    hostfile_text,
    mpi_variables,
    mpirun_argv,
)
from runtime.agent.outputs import Output
from runtime.agent.peers import PEERS_VARIABLE, Nodes, Peers
from runtime.agent.ranks import (
    MPI,
    PARAMETER_SERVER,
    PYTORCH,
    Launch,
    Process,
    expanded,
    placed,
    ports_needed,
    process_variables,
)
from runtime.agent.rendezvous import (
    Missing,
    Rendezvous,
    missing_of_mpi,
    missing_of_pytorch,
    missing_of_tensorflow,
)
from runtime.agent.retries import LOST
from runtime.agent.supervise import Child, Limits, ScriptExit, Stop, Supervisor

HOSTS_FILE = "logs/azureml/mpi_hosts.txt"
REACH_FILE = "logs/azureml/mpi_reach.sh"
_ROOT = Path(__file__).absolute().parents[2]  # now, since the working folder may change
_TRIES = 50
_NOTICED_S = 1.0
"""How long before the agent of a node its processes may notice that another node is gone."""
_LOWEST, _HIGHEST = 20000, 32000  # below the ports that systems give to clients
_MAIN = """\
import sys
sys.path.insert(0, {root!r})
from runtime.agent.main import main
sys.exit(main())
"""


class LaunchError(Exception):
    """The processes cannot be started; the text says why."""


@dataclass(frozen=True)
class Network:
    """How the nodes of a run reach each other.

    ``agent_port`` is where the first node's agent listens for the others, which know ``token``.
    ``ssh`` and ``interface`` are for ``mpirun``, which with ``through_agents`` needs no ssh: the
    agents of all nodes are there. ``meet_s`` is the time in which the agents have to connect, if
    they were all started; else they have as long as the processes.
    """

    rendezvous_s: float
    agent_port: int
    token: str = ""
    ssh: Sequence[str] = ()
    interface: str = ""
    through_agents: bool = False
    meet_s: float = 0.0


class Single:
    """Starts the only process of a run."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __call__(
        self, command: Sequence[str], variables: Mapping[str, str], limits: Limits
    ) -> ScriptExit:
        self._output.begin()
        return Supervisor(self._output.write, limits).run([Child(tuple(command), variables)])


class Several:
    """Starts this node's processes of a run with several."""

    def __init__(self, launch: Launch, network: Network, output: Output) -> None:
        self._launch = launch
        self._network = network
        self._output = output

    def __call__(
        self, command: Sequence[str], variables: Mapping[str, str], limits: Limits
    ) -> ScriptExit:
        """Run the processes once. Raises ``OSError`` or ``LaunchError`` if they cannot start."""
        self._output.begin()
        with with_port(self._launch) as launch:
            start = self._mpi if launch.kind == MPI else self._ranks
            outcome = start(launch, command, variables, limits)
        self._output.flush()
        return replace(outcome, size=len(placed(launch)))

    def _mpi(
        self,
        launch: Launch,
        command: Sequence[str],
        variables: Mapping[str, str],
        limits: Limits,
    ) -> ScriptExit:
        lines = self._output.lines
        if launch.node and self._network.through_agents:
            return self._daemon(launch, variables, limits)
        if lines is None or launch.node:
            raise LaunchError("mpirun starts the processes of all nodes from the first one.")
        variables = {**variables, **mpi_variables(variables)}
        try:
            # Beside the script's interpreter, which need not be on its PATH.
            beside = [str(Path(command[0]).parent)] if Path(command[0]).is_absolute() else []
            path = os.pathsep.join([*beside, variables.get("PATH", os.defpath)])
            mpirun = found_mpirun(path, variables)
        except NoMpiError as error:
            raise LaunchError(str(error)) from error
        first = process_variables(launch, placed(launch)[0])
        del first["AZUREML_CR_NODE_RANK"]  # each rank has its own
        given = {**variables, **first}
        several, network = len(launch.hosts) > 1, self._network
        through_agents = several and network.through_agents
        argv = mpirun_argv(
            mpirun,
            launch,
            [*own_command("rank"), "--", *command],
            hostfile=_written(Path(HOSTS_FILE), hostfile_text(launch)) if several else None,
            ssh=_reach(launch, network) if through_agents else network.ssh,
            interface=network.interface,
            forwarded=forwarded_names({**variables, **first}) if several else (),
            attached=through_agents,
        )
        given.update({PEERS_VARIABLE: network.token} if through_agents else {})
        lines.started.clear()
        missing = missing_of_mpi(len(placed(launch)), lambda: lines.started)
        outcome = self._supervised([Child(tuple(argv), given)], launch, limits, missing)
        self._output.flush()
        said = "\n".join(lines.tail(None))
        rank = failed_rank(said)
        last = lines.tail(rank) or outcome.last_lines
        return replace(outcome, rank=rank or 0, last_lines=last)

    def _daemon(self, launch: Launch, variables: Mapping[str, str], limits: Limits) -> ScriptExit:
        """Run what the first node's ``mpirun`` starts on this one."""
        port = str(self._network.agent_port)
        argv = [*own_command("daemon"), launch.hosts[0], port, str(launch.node)]
        given = {**variables, **mpi_variables(variables), PEERS_VARIABLE: self._network.token}
        return self._supervised([Child(tuple(argv), given)], launch, limits, lambda _: None)

    def _ranks(
        self,
        launch: Launch,
        command: Sequence[str],
        variables: Mapping[str, str],
        limits: Limits,
    ) -> ScriptExit:
        mine = [process for process in placed(launch) if process.node == launch.node]
        children = [_child(launch, process, command, variables) for process in mine]
        of_kind = missing_of_pytorch if launch.kind == PYTORCH else missing_of_tensorflow
        return self._supervised(children, launch, limits, of_kind(launch))

    def _supervised(
        self, children: Sequence[Child], launch: Launch, limits: Limits, missing: Missing
    ) -> ScriptExit:
        """Run this node's processes; what becomes of the other nodes' is known from their agents.

        ``mpirun`` knows it itself, unless the agents start its daemons.
        """
        network = self._network
        peers = None
        if len(launch.hosts) > 1 and (launch.kind != MPI or network.through_agents):
            place = (launch.hosts, launch.node, network.agent_port)
            waits = (network.rendezvous_s, network.meet_s)
            peers = Peers(Nodes(*place, network.token, *waits))
        watch = _Watch(Rendezvous(missing, network.rendezvous_s), peers)
        kills = memory_kills()
        try:
            outcome = Supervisor(self._output.write, limits, watch).run(children)
            if peers is not None and (outcome.exit_code != 0 or outcome.stopped_by):
                outcome = outcome if launch.node else _explained(outcome, peers)
                events = failure_events(outcome, out_of_memory=memory_kills() > kills)
                peers.own_failed(_stop_of(outcome, launch, events))
            return outcome
        finally:
            if peers is not None:
                peers.close()


class _Watch:
    """What is known of the processes from their sockets, and from the other nodes."""

    def __init__(self, rendezvous: Rendezvous, peers: Peers | None) -> None:
        self._rendezvous = rendezvous
        self._peers = peers

    @property
    def active(self) -> bool:
        return self._peers is not None or not self._rendezvous.over

    @property
    def released(self) -> bool:
        return self._peers is None or self._peers.released

    def problem(self, processes: Mapping[int, int]) -> Stop | None:
        found = self._peers.problem() if self._peers is not None else None
        return found or self._rendezvous.problem(processes)

    def own_ended(self) -> None:
        self._rendezvous.over = True
        if self._peers is not None:
            self._peers.own_ended()


def _child(
    launch: Launch, process: Process, command: Sequence[str], variables: Mapping[str, str]
) -> Child:
    own = {**variables, **process_variables(launch, process)}
    serves = process.job == PARAMETER_SERVER
    return Child(tuple(expanded(command, own)), own, process.rank, serves)


def _explained(outcome: ScriptExit, peers: Peers) -> ScriptExit:
    """Return how the processes ended: those that fail when another node is gone, by its loss."""
    lost = None if outcome.stopped_by else peers.lost(_NOTICED_S)
    return replace(outcome, stopped_by=LOST, text=lost.text) if lost else outcome


def _stop_of(outcome: ScriptExit, launch: Launch, events: frozenset[str]) -> Stop:
    """Return what the other nodes are told of this one's failure."""
    where = f"node {launch.node} ({launch.hosts[launch.node]})"
    text = outcome.text or f"Rank {outcome.rank} on {where} failed."
    lines, seen = outcome.last_lines, tuple(sorted(events))
    return Stop(outcome.stopped_by, text, outcome.exit_code, lines, seen)


def own_command(action: str) -> list[str]:
    """Return the command that starts this agent for another action; its arguments follow it."""
    if zipfile.is_zipfile(str(_ROOT)):
        return [sys.executable, "-I", str(_ROOT), action]
    return [sys.executable, "-I", "-c", _MAIN.format(root=str(_ROOT)), action]


def _reach(launch: Launch, network: Network) -> list[str]:
    """Return what ``mpirun`` calls in place of ssh. It knows no quotes, so that is a file."""
    argv = [*own_command("reach"), launch.hosts[0], str(network.agent_port)]
    return ["sh", str(_written(Path(REACH_FILE), f'exec {shlex.join(argv)} "$@"\n'))]


@contextmanager
def with_port(launch: Launch) -> Iterator[Launch]:
    """Yield a launch whose ports are free on this node, and kept from other runs meanwhile.

    Nodes have to agree on the ports, so those of several nodes are never changed. Raises
    ``LaunchError``.
    """
    if launch.kind == MPI or launch.node:
        yield launch
        return
    count, host = ports_needed(launch), launch.hosts[0]
    several = len(set(launch.hosts)) > 1
    others = (secrets.choice(range(_LOWEST, _HIGHEST)) for _ in range(0 if several else _TRIES))
    for port in (launch.port, *others):
        with ExitStack() as kept:
            if _kept(kept, host, port, count):
                yield replace(launch, port=port)
                return
    if several:
        raise LaunchError(f"Port {launch.port} of {host}, where rank 0 listens, is not free.")
    raise LaunchError(f"No {count} ports in a row are free on this machine.")


def _kept(kept: ExitStack, host: str, port: int, count: int) -> bool:
    """Return whether nobody listens on ``count`` ports from ``port`` on, and keep them.

    It takes a script seconds until it listens. Until then, a name in Linux's namespace of sockets
    says that the port is taken.
    """
    for each in range(port, port + count):
        name = kept.enter_context(socket.socket(socket.AF_UNIX))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, each))
                if sys.platform.startswith("linux"):
                    name.bind(f"\0aml-port-{each}")
            except OSError:
                return False
    return True


def _written(file: Path, text: str) -> Path:
    with suppress(FileNotFoundError):
        file.unlink()
    with os.fdopen(open_to_append(file), "w", encoding="utf-8") as sink:
        sink.write(text)
    return file.absolute()
