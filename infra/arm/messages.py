"""Requests to ARM and its responses, as values. Nothing here sends them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from infra.contract.json_types import Document


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``url`` is absolute or starts at the endpoint (``/subscriptions/…``).

    ``api_version`` is added to the query unless the URL has one. The sender waits ``after_s``
    first. ``body`` is not in the ``repr``, because it may hold secrets.
    """

    method: str
    url: str
    api_version: str = ""
    body: object = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """One response. Header names are lower case; ``body`` is JSON, text, or ``None`` if empty."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Return whether the request was accepted."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def document(self) -> Document:
        """Return the body if it is a JSON object, otherwise an empty one."""
        return self.body if isinstance(self.body, Mapping) else {}

    @property
    def retry_hint_s(self) -> float | None:
        """Return how long the service asks to wait, or ``None`` if it does not say.

        Milliseconds win over seconds, as the more exact hint. A date is relative to the response's
        own ``Date``. Zero and unreadable values are no hint.
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
