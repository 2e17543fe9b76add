"""A cloud without nodes: clusters stay empty, jobs never start.

In-process tests of the control plane use it; the daemon has real nodes.
"""

from collections.abc import Sequence

from infra.contract.json_types import Document


class NoNodes:
    """Implements ``localcloud.calls.cloud.Nodes`` by doing nothing."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def reset(self) -> None: ...

    def compute_stored(self, compute: str, *, created: bool) -> None: ...

    def compute_removed(self, compute: str) -> None: ...

    def stop_jobs(self, compute: str) -> None: ...

    def allocation(self, _compute: str, /) -> Document:
        states = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
        return {
            "allocationState": "Steady",
            "allocationStateTransitionTime": "2026-01-01T00:00:00.000000Z",
            "currentNodeCount": 0,
            "targetNodeCount": 0,
            "nodeStateCounts": {f"{state}NodeCount": 0 for state in states},
            "errors": None,
        }

    def nodes(self, _compute: str, /) -> Sequence[Document]:
        return ()

    def preempt(self, _compute: str, _nodes: Sequence[str] = (), /) -> Sequence[str]:
        return ()

    def job_stored(self, job: str) -> None: ...

    def cancel(self, job: str) -> None: ...
