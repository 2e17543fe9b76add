"""The scale of a compute, from its ARM document. Pure."""

import math
from typing import Final

from infra.catalogue.durations import duration_s
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import Document
from localcloud.nodes.cluster import Scale

_RUNS_JOBS: Final = frozenset({"Running", "JobRunning"})
_IDLE_S: Final = 120.0  # the default of Azure ML's clients


def scale_of(properties: Document, *, boots_s: float = 0.0, leaves_s: float = 0.0) -> Scale | None:
    """Return the scale of a compute (its ARM ``properties``); ``None`` for an attached one.

    A compute instance never leaves. It runs as many jobs at a time as its VM size has cores, each
    in a slot of its own; a stopped one runs none.
    """
    inner = properties.get("properties") or {}
    match properties.get("computeType"):
        case "AmlCompute":
            settings = inner.get("scaleSettings") or {}
            idle = duration_s(str(settings.get("nodeIdleTimeBeforeScaleDown") or ""))
            return Scale(
                minimum=int(settings.get("minNodeCount") or 0),
                maximum=int(settings.get("maxNodeCount") or 0),
                idle_s=_IDLE_S if idle is None else idle,
                low_priority=str(inner.get("vmPriority")).lower() == "lowpriority",
                boots_s=boots_s,
                leaves_s=leaves_s,
            )
        case "ComputeInstance":
            size = vm_sizes().get(str(inner.get("vmSize")).lower())
            stopped = str(inner.get("state") or "Running") not in _RUNS_JOBS
            slots = 0 if stopped else size.vcpus if size else 1
            return Scale(
                slots,
                slots,
                math.inf,
                boots_s=boots_s,
                leaves_s=leaves_s,
                unit="slot",
                stopped=stopped,
            )
    return None
