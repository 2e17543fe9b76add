"""How the processes of a run are started, and started again. All frozen."""

from dataclasses import dataclass
from typing import Final, Literal

RetryEvent = Literal["out of memory", "killed", "idle", "rendezvous", "lost", "evicted"]
RETRY_EVENTS: Final[tuple[RetryEvent, ...]] = (
    "out of memory", "killed", "idle", "rendezvous", "lost", "evicted",
)  # fmt: skip
"""Kinds of failures.

``out of memory``: the kernel killed a process for want of memory. ``killed``: a signal ended one.
``idle``: nothing was written for too long. ``rendezvous``: the processes did not find each other.
``lost``: what supervised the run is gone. ``evicted``: a low-priority node was taken away.
"""


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

    def per_node(self, nodes: int) -> int:
        """Return the processes of ``mpi`` or ``pytorch`` on each of so many nodes."""
        if self.kind == "pytorch":
            return (self.processes or nodes) // nodes
        return self.processes_per_node


def machine_names(target: str) -> tuple[str, ...]:
    """Return the machines that a target names: ``box1,box2``, of which the first has rank 0.

    A target that is no such list is one name. As ``mpirun --host`` takes them.
    """
    return tuple(name.strip() for name in target.split(","))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Whether a script that failed is started again, at most ``max_retries`` times.

    After an exit code of ``exit_codes`` or one of ``events``; after any failure if both are empty.
    A run that was canceled, or that took longer than its maximum duration, is never started again.
    """

    max_retries: int = 0
    exit_codes: tuple[int, ...] = ()
    events: tuple[RetryEvent, ...] = ()

    def includes(self, event: RetryEvent) -> bool:
        """Return whether an event of this kind leads to another attempt."""
        named = self.exit_codes or self.events
        return self.max_retries > 0 and (event in self.events or not named)


@dataclass(frozen=True, slots=True)
class RunCluster:
    """A cluster that is made for one run, and deleted after it unless ``retain``.

    ``name`` ``None``: after the run's id. It has no nodes while idle, and at most ``max_nodes``
    (``None``: as many as the run needs).
    """

    vm_size: str
    name: str | None = None
    low_priority: bool = False
    retain: bool = False
    max_nodes: int | None = None


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """How a container is run. ``use`` is ``None`` if the target decides."""

    use: bool | None = None
    arguments: tuple[str, ...] = ()
    shm_size: str | None = None
    shared_volumes: bool = True
    gpu: bool = False
