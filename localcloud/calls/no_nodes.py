"""A cloud without machines: clusters never have a node, jobs never start.

What in-process tests of the control plane run with; the daemon has real nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class Unmanned:
    """Keeps ``Nodes`` and does nothing."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def reset(self) -> None: ...

    def compute_stored(self, compute: str, *, created: bool) -> None: ...

    def compute_removed(self, compute: str) -> None: ...

    def allocation(self, compute: str) -> Mapping[str, Any]:  # noqa: ARG002 - the protocol's
        states = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
        return {
            "allocationState": "Steady",
            "allocationStateTransitionTime": "2026-01-01T00:00:00.000000Z",
            "currentNodeCount": 0,
            "targetNodeCount": 0,
            "nodeStateCounts": {f"{state}NodeCount": 0 for state in states},
            "errors": None,
        }

    def nodes(self, compute: str) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        return ()

    def preempt(self, compute: str, nodes: Sequence[str] = ()) -> Sequence[str]:  # noqa: ARG002
        return ()

    def job_stored(self, job: str) -> None: ...

    def cancel(self, job: str) -> None: ...
