"""How the processes of a run are started: containers and several processes. All frozen."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Distribution:
    """Several processes of one run, on one node or on several.

    ``mpi``: ``processes_per_node`` on each node. ``pytorch``: ``processes`` over all nodes
    (default: one a node), with ``backend``. ``tensorflow``: ``workers`` and ``parameter_servers``.
    """

    kind: Literal["mpi", "pytorch", "tensorflow"]
    processes_per_node: int = 1
    processes: int | None = None
    backend: str | None = None
    workers: int = 1
    parameter_servers: int = 0


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """How a container is run. ``use`` is ``None`` if the target decides."""

    use: bool | None = None
    arguments: tuple[str, ...] = ()
    shm_size: str | None = None
    shared_volumes: bool = True
    gpu: bool = False
