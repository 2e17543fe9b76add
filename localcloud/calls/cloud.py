"""The cloud itself, as handlers, planes and nodes see it: one object, made by the daemon.

``Nodes`` is what the control plane asks of whatever executes jobs; ``localcloud.nodes`` keeps it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from localcloud.calls.fault_injection import Trouble
from localcloud.calls.no_nodes import Unmanned
from localcloud.store.store import Store


class Nodes(Protocol):
    """What runs the clusters. Every method may be called from any thread and returns at once.

    ``compute`` and ``job`` are ARM ids in any casing.
    """

    def compute_stored(self, compute: str, *, created: bool) -> None:
        """Act on the scale of a compute that was created or changed; the store has it."""

    def compute_removed(self, compute: str) -> None:
        """Stop what runs on a compute that is gone, forget its nodes."""

    def allocation(self, compute: str) -> Mapping[str, Any]:
        """Return what a GET of an AmlCompute shows of its nodes.

        Keys: ``allocationState``, ``allocationStateTransitionTime`` (ISO 8601),
        ``currentNodeCount``, ``targetNodeCount``, ``nodeStateCounts``, ``errors`` (or ``None``).
        """

    def nodes(self, compute: str) -> Sequence[Mapping[str, Any]]:
        """Return the items of ``listNodes``."""

    def job_stored(self, job: str) -> None:
        """Queue a job that was submitted; the store has it."""

    def cancel(self, job: str) -> None:
        """Ask a job to stop; harmless when it has ended."""

    def preempt(self, compute: str, nodes: Sequence[str] = ()) -> Sequence[str]:
        """Take low-priority nodes away (all, or those named); return which ones went.

        Their jobs start again, from the beginning, as soon as there are nodes.
        """

    def start(self) -> None:
        """Begin to work; what an earlier daemon left behind is picked up or ended."""

    def stop(self) -> None:
        """End all processes and threads; the daemon is leaving. Queued jobs stay queued."""

    def reset(self) -> None:
        """Stop everything at once and forget it; the store is being wiped."""


@dataclass(slots=True)
class Cloud:
    """One local cloud.

    ``folder`` is ``<home>/cloud``: a plane or the nodes keep files in a folder of their own below
    it, named in ``reset_folders`` so that a reset empties them. ``url`` is where the cloud
    answers, without a slash at the end. ``clock`` gives seconds since the epoch. ``trouble`` is
    what was asked to go wrong.
    """

    store: Store
    folder: Path
    url: str
    nodes: Nodes = field(default_factory=Unmanned)
    clock: Callable[[], float] = time.time
    trouble: Trouble = field(default_factory=Trouble)
    reset_folders: list[Path] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.store.id

    @property
    def authority(self) -> str:
        """``host:port`` of ``url``."""
        return self.url.partition("//")[2]
