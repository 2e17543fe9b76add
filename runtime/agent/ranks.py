"""Which processes a run has, on which nodes, and the variables that each of them sees. Pure.

The variables are those of Azure ML: what its launchers set today, and what those of Batch AI set,
which older scripts read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runtime.agent.documents import JsonObject

PORT = 6105
"""Where rank 0 listens on Azure ML's nodes."""
MPI, PYTORCH, TENSORFLOW = "mpi", "pytorch", "tensorflow"
WORKER, PARAMETER_SERVER = "worker", "ps"
_REFERENCE = re.compile(r"\$(?:\{(AZ_BATCH\w*)\}|(AZ_BATCH\w*))")
_OLD_INIT = "AZ_BATCHAI_PYTORCH_INIT_METHOD"


@dataclass(frozen=True)
class Launch:
    """Several processes of one run, as one of its nodes starts them.

    ``mpi`` and ``pytorch``: ``processes_per_node`` on each node. ``tensorflow``: ``workers`` and
    ``parameter_servers`` over all nodes. ``hosts``: the nodes' names or addresses, which may be one
    and the same; rank 0 is on the first. ``node`` is the number of this one. ``port`` is where rank
    0 listens; TensorFlow's processes of one address listen on it and on those that follow.
    """

    kind: str
    processes_per_node: int = 1
    workers: int = 1
    parameter_servers: int = 0
    backend: str = ""
    hosts: tuple[str, ...] = ("127.0.0.1",)
    node: int = 0
    port: int = PORT


@dataclass(frozen=True)
class Process:
    """One process. ``job`` and ``index`` are its part in TensorFlow's cluster."""

    rank: int
    node: int
    local_rank: int
    local_size: int
    size: int
    job: str = WORKER
    index: int = 0


def placed(launch: Launch) -> tuple[Process, ...]:
    """Return the processes of all nodes by rank: block-wise, so neighbours share a node.

    TensorFlow's workers come before its parameter servers, and so on each node.
    """
    nodes = len(launch.hosts)
    if launch.kind == TENSORFLOW:
        jobs = [
            *((WORKER, n, n * nodes // launch.workers) for n in range(launch.workers)),
            *(
                (PARAMETER_SERVER, n, n * nodes // launch.parameter_servers)
                for n in range(launch.parameter_servers)
            ),
        ]
    else:
        each = launch.processes_per_node
        jobs = [(WORKER, rank, rank // each) for rank in range(nodes * each)]
    sizes = [sum(node == at for *_, at in jobs) for node in range(nodes)]
    seen = [0] * nodes
    found = []
    for rank, (job, index, node) in enumerate(jobs):
        found.append(Process(rank, node, seen[node], sizes[node], len(jobs), job, index))
        seen[node] += 1
    return tuple(found)


def ports_needed(launch: Launch) -> int:
    """Return how many ports, from ``launch.port`` on, the processes of one node listen on."""
    if launch.kind != TENSORFLOW:
        return 1
    everyone = placed(launch)
    return max(port_of(launch, each) for each in everyone) + 1 - launch.port


def process_variables(launch: Launch, process: Process) -> dict[str, str]:
    """Return what a process sees of the others, apart from what ``mpirun`` sets itself."""
    shared = {
        "AZUREML_NODE_COUNT": str(len(launch.hosts)),
        "AZUREML_CR_NODE_RANK": str(process.node),
        "AZ_BATCH_HOST_LIST": ",".join(launch.hosts),
    }
    return {**shared, **_VARIABLES[launch.kind](launch, process)}


def _of_mpi(launch: Launch, process: Process) -> dict[str, str]:
    del process
    if len(launch.hosts) == 1:
        return {"AZ_BATCHAI_MPI_MASTER_NODE": launch.hosts[0]}
    return {"AZ_BATCH_MASTER_NODE": f"{launch.hosts[0]}:{launch.port}"}


def _of_pytorch(launch: Launch, process: Process) -> dict[str, str]:
    address = launch.hosts[0]
    return {
        "MASTER_ADDR": address,
        "MASTER_PORT": str(launch.port),
        "WORLD_SIZE": str(process.size),
        "NODE_RANK": str(process.node),
        "RANK": str(process.rank),
        "LOCAL_RANK": str(process.local_rank),
        "LOCAL_WORLD_SIZE": str(process.local_size),
        _OLD_INIT: f"tcp://{address}:{launch.port}",
        "AZ_BATCHAI_TASK_INDEX": str(process.rank),
        "AZ_BATCHAI_PYTORCH_BACKEND": launch.backend or "gloo",
    }


def port_of(launch: Launch, process: Process) -> int:
    """Return where a process of TensorFlow listens: each at another port of its address."""
    one_address = len(set(launch.hosts)) == 1
    return launch.port + (process.rank if one_address else process.local_rank)


def _of_tensorflow(launch: Launch, process: Process) -> dict[str, str]:
    cluster: dict[str, list[str]] = {}
    for each in placed(launch):
        address = f"{launch.hosts[each.node]}:{port_of(launch, each)}"
        cluster.setdefault(each.job, []).append(address)
    config = {
        "cluster": cluster,
        "task": {"type": process.job, "index": process.index},
        "environment": "cloud",
    }
    return {
        "TF_CONFIG": json.dumps(config),
        "AZ_BATCHAI_WORKER_HOSTS": ",".join(cluster[WORKER]),
        "AZ_BATCHAI_PS_HOSTS": ",".join(cluster.get(PARAMETER_SERVER, ())),
        "AZ_BATCHAI_TASK_INDEX": str(process.index),
        "AZ_BATCHAI_JOB_NAME": process.job,
    }


_VARIABLES: Mapping[str, Callable[[Launch, Process], dict[str, str]]] = {
    MPI: _of_mpi,
    PYTORCH: _of_pytorch,
    TENSORFLOW: _of_tensorflow,
}


def expanded(command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return a command with ``$AZ_BATCH…`` in its arguments replaced, as on Batch AI.

    Scripts were given ``--init-method $AZ_BATCHAI_PYTORCH_INIT_METHOD``. Other names stay.
    """

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], match[0])

    return [_REFERENCE.sub(value, argument) for argument in command]


# --- processes that somebody else started: Azure ML's nodes, mpirun


def started_as(environ: Mapping[str, str]) -> Process | None:
    """Return which process this is by the variables of its launcher; ``None`` without one."""
    for read in (_by_open_mpi, _by_hydra, _by_tensorflow, _by_pytorch):
        found = read(environ)
        if found is not None:
            return found
    return None


def _by_open_mpi(environ: Mapping[str, str]) -> Process | None:
    numbers = _numbers(environ, "OMPI_COMM_WORLD_", "RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE")
    return _process(*numbers) if numbers else None


def _by_hydra(environ: Mapping[str, str]) -> Process | None:
    """Of MPICH and Intel MPI."""
    numbers = _numbers(environ, "", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS")
    return _process(*numbers) if numbers else None


def _by_pytorch(environ: Mapping[str, str]) -> Process | None:
    numbers = _numbers(environ, "", "RANK", "WORLD_SIZE")
    if not numbers:
        return None
    rank, size = numbers
    local = _numbers(environ, "", "LOCAL_RANK")
    node = _numbers(environ, "", "NODE_RANK")
    nodes = _numbers(environ, "", "AZUREML_NODE_COUNT") or [1]
    return Process(
        rank,
        node[0] if node else 0,
        local[0] if local else 0,
        max(1, size // max(1, nodes[0])),
        size,
    )


def _by_tensorflow(environ: Mapping[str, str]) -> Process | None:
    try:
        document: JsonObject = json.loads(environ.get("TF_CONFIG") or "")
        cluster, task = document["cluster"], document["task"]
        job, index = str(task["type"]), int(task["index"])
        # As its clients number them: the chief, the workers, the others.
        order = [each for each in ("chief", "master", WORKER) if each in cluster]
        jobs = [*order, *(each for each in cluster if each not in order)]
        rank = sum(len(cluster[each]) for each in jobs[: jobs.index(job)]) + index
        size = sum(map(len, cluster.values()))
        host = str(cluster[job][index]).rpartition(":")[0]
        hosts = [str(each).rpartition(":")[0] for name in jobs for each in cluster[name]]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    node = list(dict.fromkeys(hosts)).index(host)
    local = sum(each == host for each in hosts[:rank])
    return Process(rank, node, local, hosts.count(host), size, job, index)


def _process(rank: int, size: int, local_rank: int, local_size: int) -> Process:
    # `OMPI_COMM_WORLD_NODE_RANK` is not the node's number.
    return Process(rank, rank // max(1, local_size), local_rank, local_size, size)


def _numbers(environ: Mapping[str, str], prefix: str, *names: str) -> list[int] | None:
    try:
        return [int(environ[prefix + name]) for name in names]
    except (KeyError, ValueError):
        return None


def missing_variables(environ: Mapping[str, str], process: Process) -> dict[str, str]:
    """Return what older scripts read, and the launcher of a service did not set."""
    found = {"AZUREML_CR_NODE_RANK": str(process.node)}
    if "MASTER_ADDR" in environ and "MASTER_PORT" in environ:
        found[_OLD_INIT] = f"tcp://{environ['MASTER_ADDR']}:{environ['MASTER_PORT']}"
        found["AZ_BATCHAI_TASK_INDEX"] = str(process.rank)
        found["AZ_BATCHAI_PYTORCH_BACKEND"] = "gloo"
    if "TF_CONFIG" in environ:
        cluster: JsonObject = json.loads(environ["TF_CONFIG"])["cluster"]
        found["AZ_BATCHAI_WORKER_HOSTS"] = ",".join(cluster.get(WORKER, ()))
        found["AZ_BATCHAI_PS_HOSTS"] = ",".join(cluster.get(PARAMETER_SERVER, ()))
        found["AZ_BATCHAI_TASK_INDEX"] = str(process.index)
    return {name: value for name, value in found.items() if name not in environ}


def log_name(rank: int, size: int) -> str:
    """Return the log with the output of one process."""
    return "user_logs/std_log.txt" if size == 1 else f"user_logs/std_log_process_{rank}.txt"
