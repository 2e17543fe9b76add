"""The processes of a job with several: what is started on which node, and with which logs. Pure.

As Azure ML does: each process runs the job's command; those of MPI are started by one ``mpirun``.
All nodes are this machine, also those that are containers, so that all have one address.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from infra.contract.json_types import Document
from runtime.agent.mpi import ROOT_VARIABLES
from runtime.agent.ranks import (
    MPI,
    PARAMETER_SERVER,
    Launch,
    log_name,
    placed,
    process_variables,
)

ADDRESS: Final = "127.0.0.1"
MPI_LOG: Final = "azureml-logs/70_mpirun_log.txt"
_NO_MPIRUN: Final = (
    "There is no mpirun in the environment. Add openmpi to its packages, or use an image with it."
)
# Open MPI counts the ranks of all nodes as those of one machine, and may keep silent on which one
# failed: a rank says so among its messages, unless it was asked to end. Signals reach the command
# by itself, which is in the same process group.
_RANK: Final = (
    "export OMPI_COMM_WORLD_LOCAL_RANK=$((OMPI_COMM_WORLD_RANK % {each}))"
    " OMPI_COMM_WORLD_LOCAL_SIZE={each} AZUREML_CR_NODE_RANK={node};"
    " exec 3>&1 4>>{log} 2>/dev/null;"
    " asked=; trap asked=1 TERM INT HUP QUIT; trap : USR1 USR2;"
    " if command -v bash >/dev/null 2>&1; then shell=bash; else shell=sh; fi;"
    ' (exec "$shell" -c "$0" >&4 2>&4 3>&- 4>&-); code=$?;'
    ' [ $code = 0 ] || [ "$asked" ]'
    ' || echo "Rank $OMPI_COMM_WORLD_RANK failed with exit code $code." >&3;'
    " exit $code"
)


@dataclass(frozen=True, slots=True)
class Rank:
    """One process: the number of its node, and its log, below the node's working folder."""

    rank: int
    node: int
    log: str


@dataclass(frozen=True, slots=True)
class Start:
    """A command to start on the node of ``rank``, whose log gets its output.

    One that ``serves`` is stopped when all others have ended well. ``said`` is what a person is
    told of the command, ``""`` for all of it.
    """

    command: str
    rank: Rank
    variables: Mapping[str, str]
    serves: bool = False
    said: str = ""


def launch_of(distribution: Document | None, nodes: int) -> Launch | None:
    """Return how the processes of a job are started; ``None`` for one.

    Without a distribution, each node runs the command once, and knows the others as with PyTorch.
    """
    given = distribution or {}
    kind = str(given.get("distributionType") or "").lower()
    hosts = (ADDRESS,) * nodes
    each = int(given.get("processCountPerInstance") or 1)
    match kind:
        case "mpi" | "pytorch":
            return Launch(kind, processes_per_node=each, hosts=hosts)
        case "tensorflow":
            return Launch(
                kind,
                workers=int(given.get("workerCount") or nodes),
                parameter_servers=int(given.get("parameterServerCount") or 0),
                hosts=hosts,
            )
    return Launch("pytorch", hosts=hosts) if nodes > 1 else None


def ranks_of(launch: Launch | None) -> tuple[Rank, ...]:
    """Return the processes of a job."""
    if launch is None:
        return (Rank(0, 0, log_name(0, 1)),)
    everyone = placed(launch)
    return tuple(Rank(each.rank, each.node, log_name(each.rank, each.size)) for each in everyone)


def starts_of(launch: Launch | None, command: str, folders: tuple[str, ...]) -> tuple[Start, ...]:
    """Return what is started. ``folders`` are the working folders of the nodes."""
    if launch is None:
        return (Start(command, ranks_of(None)[0], {}),)
    if launch.kind == MPI:
        return (_mpirun(launch, command, folders),)
    return tuple(
        Start(command, rank, process_variables(launch, each), each.job == PARAMETER_SERVER)
        for rank, each in zip(ranks_of(launch), placed(launch), strict=True)
    )


def _mpirun(launch: Launch, command: str, folders: tuple[str, ...]) -> Start:
    each = launch.processes_per_node
    size = each * len(folders)
    log = log_name(0, size).replace("_0.", "_$OMPI_COMM_WORLD_RANK.")
    nodes = []
    for node, folder in enumerate(folders):
        start = _RANK.format(each=each, node=node, log=log)
        place = ["--host", f"localhost:{size}", "-np", str(each), "-wdir", folder]
        nodes.append(shlex.join([*place, "sh", "-c", start, command]))
    line = (
        f"command -v mpirun >/dev/null || {{ echo {shlex.quote(_NO_MPIRUN)}; exit 127; }};"
        f" exec mpirun --bind-to none {' : '.join(nodes)}"
    )
    shared = process_variables(launch, placed(launch)[0])
    first = replace(ranks_of(launch)[0], log=MPI_LOG)
    said = f"mpirun -np {size} {command}"
    return Start(line, first, {**shared, **ROOT_VARIABLES}, said=said)
