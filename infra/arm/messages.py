"""What is asked of ARM and what it answers, as values; nobody here sends anything."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from infra.contract.json_types import Document


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``url`` is absolute or starts at the endpoint (``/subscriptions/…``).

    ``api_version`` is added to the query unless the URL has one. The sender sleeps ``after_s``
    before it sends. ``body`` is kept out of the ``repr``: it may hold secrets.
    """

    method: str
    url: str
    api_version: str = ""
    body: Any = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. Header names are in lower case; ``body`` is JSON, text, or ``None`` if empty."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Tell whether the request was accepted."""
        return self.status < 400  # noqa: PLR2004 - where HTTP's errors begin

    @property
    def document(self) -> Document:
        """Return the body if it is a JSON object, else an empty one."""
        return self.body if isinstance(self.body, Mapping) else {}

    @property
    def retry_hint_s(self) -> float | None:
        """Return how long the service asks to wait, or ``None`` when it does not say.

        Milliseconds win over seconds: they are the more exact of two hints. A date is read against
        the answer's own ``Date``. Zero, and what cannot be read, is no hint.
        """
        for name in ("retry-after-ms", "x-ms-retry-after-ms"):
            hint = _number(self.headers.get(name))
            if hint:
                return hint / 1000
        text = self.headers.get("retry-after")
        return _number(text) or _seconds_between(self.headers.get("date"), text)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _seconds_between(start: str | None, end: str | None) -> float | None:
    try:
        gap = parsedate_to_datetime(end or "") - parsedate_to_datetime(start or "")
    except (TypeError, ValueError):
        return None
    return max(gap.total_seconds(), 0.0) or None
