"""The cloud as handlers, planes and nodes see it: one object, created by the daemon.

``Nodes`` is what the control plane needs from whatever executes jobs; ``localcloud.nodes`` and
``localcloud.calls.no_nodes`` implement it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Final, Protocol, TypeVar

from infra.contract.discovery import SUBSCRIPTION
from infra.contract.json_types import Document
from localcloud.calls.fault_injection import FaultInjection
from localcloud.calls.machines import Machines, NoMachines
from localcloud.calls.no_nodes import NoNodes
from localcloud.store.store import Store


class Nodes(Protocol):
    """Runs the clusters. Every method may be called from any thread.

    All but ``start``, ``stop`` and ``reset`` return without waiting for jobs.

    ``compute`` and ``job`` are ARM ids in any casing.
    """

    def compute_stored(self, compute: str, *, created: bool) -> None:
        """Apply the scale of a compute that was created or changed; the store has it."""

    def compute_removed(self, compute: str) -> None:
        """Fail the jobs of a compute that was deleted, and drop its nodes."""

    def stop_jobs(self, compute: str) -> None:
        """Fail the running jobs of a compute instance that is restarted; queued ones stay."""

    def allocation(self, compute: str, /) -> Document:
        """Return the part of an AmlCompute's GET response that describes its nodes.

        Keys: ``allocationState``, ``allocationStateTransitionTime`` (ISO 8601),
        ``currentNodeCount``, ``targetNodeCount``, ``nodeStateCounts``, ``errors`` (or ``None``).
        """

    def nodes(self, compute: str, /) -> Sequence[Document]:
        """Return the items of ``listNodes``; none for a compute that has no nodes here."""

    def job_stored(self, job: str) -> None:
        """Queue a submitted job; the store has it."""

    def cancel(self, job: str) -> None:
        """Ask a job to stop; does nothing when it has ended."""

    def preempt(self, compute: str, nodes: Sequence[str] = (), /) -> Sequence[str]:
        """Preempt low-priority nodes (all, or those named); return the preempted ones.

        Their jobs go back to the head of the queue and start again from the beginning.
        """

    def start(self) -> None:
        """Start scheduling, after recovering what an earlier daemon left unfinished."""

    def stop(self) -> None:
        """End all processes and threads before the daemon exits. Queued jobs stay queued."""

    def reset(self) -> None:
        """End all jobs and forget all computes; the store is about to be wiped."""


class Engine(Protocol):
    """What a service does outside requests: its processes and threads.

    Made once for a cloud, it recovers what an earlier daemon left unfinished.
    """

    def __init__(self, cloud: "Cloud") -> None: ...

    def stop(self) -> None:
        """End all processes and threads before the daemon exits."""

    def reset(self) -> None:
        """End everything and forget it; the store is about to be wiped."""


E = TypeVar("E", bound=Engine)
_INSIDE: Final = "inside"
"""A file in the cloud's folder that says so."""


@dataclass(slots=True)
class Cloud:
    """One local cloud.

    ``folder`` is ``<home>/cloud``. A plane, or the nodes, may keep files in a folder below it and
    add that folder to ``reset_folders``, so that a reset empties it. ``url`` is the cloud's
    address, without a trailing slash. ``clock`` returns seconds since the epoch.
    """

    store: Store
    folder: Path
    url: str
    nodes: Nodes = field(default_factory=NoNodes)
    machines: Machines = field(default_factory=NoMachines)
    clock: Callable[[], float] = time.time
    fault_injection: FaultInjection = field(default_factory=FaultInjection)
    reset_folders: list[Path] = field(default_factory=list)
    engines: dict[type[Engine], Engine] = field(default_factory=dict)
    _making: RLock = field(default_factory=RLock, repr=False)

    def engine(self, kind: type[E]) -> E:
        """Return this cloud's engine of a service, making it when it is first asked for."""
        with self._making:
            found = self.engines.get(kind)
            if not isinstance(found, kind):
                found = self.engines[kind] = kind(self)
            return found

    @property
    def inside(self) -> bool:
        """Whether this machine counts as inside every virtual network, until a reset."""
        return (self.folder / _INSIDE).exists()

    @inside.setter
    def inside(self, inside: bool) -> None:
        if inside:
            (self.folder / _INSIDE).touch(mode=0o600)
        else:
            (self.folder / _INSIDE).unlink(missing_ok=True)

    def has_subscription(self, subscription: str) -> bool:
        """Return whether a subscription is this cloud's, or one that was added to it."""
        known = subscription.lower()
        return known == SUBSCRIPTION or self.store.value(f"subscription {known}") is not None

    def add_subscription(self, subscription: str) -> None:
        """Answer for another subscription too, until a reset: resources were seeded there."""
        self.store.set_value(f"subscription {subscription.lower()}", "seeded")

    @property
    def environments(self) -> Path:
        """The project's folder of built environments, which runs on this machine share."""
        return self.folder.parent / "environments"

    @property
    def bundle(self) -> Path:
        """The certificate authorities that jobs trust: this cloud's own and the public ones."""
        return self.folder / "bundle.pem"

    @property
    def id(self) -> str:
        return self.store.id

    @property
    def authority(self) -> str:
        """``host:port`` of ``url``."""
        return self.url.partition("//")[2]
