"""The scale of a compute, from its ARM document. Pure."""

import math
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document
from localcloud.nodes.cluster import Scale

_IDLE_S: Final = 120.0  # the default of Azure ML's clients


def scale_of(properties: Document, *, boots_s: float = 0.0, leaves_s: float = 0.0) -> Scale | None:
    """Return the scale of a compute (its ARM ``properties``); ``None`` for an attached one.

    A compute instance is one node that never leaves.
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
            return Scale(1, 1, math.inf, boots_s=boots_s, leaves_s=leaves_s)
    return None
