"""The limits of a job that it gives among its properties. Pure."""

import math

from infra.contract.json_types import Document
from runtime.model.runs import QUEUE_TIMEOUT


def queue_limit(properties: Document) -> float | None:
    """Return how long a job may be queued (seconds), from its properties; ``None`` for ever.

    Raises ``ValueError`` for what is not a positive number.
    """
    given = properties.get(QUEUE_TIMEOUT)
    if given is None:
        return None
    seconds = float(str(given))
    if not 0 < seconds < math.inf:
        raise ValueError(given)
    return seconds
