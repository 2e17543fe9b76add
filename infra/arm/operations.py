"""Long-running operations as generators, which yield requests and receive the answers.

Implements ARM's three polling protocols and chooses between them as Microsoft's own clients do
(Azure ML's REST contract). The caller that drives a generator sends and sleeps.
"""

from collections.abc import Generator, Mapping
from typing import Final

from infra.arm.faults import fault, operation_fault
from infra.arm.messages import Request, Response
from infra.contract.errors import ProviderError

Operation = Generator[Request, Response, Response]

_POLL_ANSWERS: Final = frozenset({200, 201, 202, 204})
# Transitional provisioning states of all types in the table.
_MOVING: Final = frozenset(
    {
        "accepted",
        "creating",
        "deleting",
        "provisioning",
        "registeringdns",
        "resolvingdns",
        "updating",
    }
)
_ACCEPTED: Final = 202
_CREATED: Final = 201
# Without a hint, pauses start short: many operations end within a second.
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0


def perform(request: Request) -> Operation:
    """Send ``request`` and follow the operation it starts; return the final answer.

    Raises the error of a failed answer or operation, as ``faults`` translates it.
    """
    return (yield from follow(request, (yield request)))


def follow(request: Request, first: Response) -> Operation:
    """Follow an accepted operation to its final answer. ``first`` is the answer to ``request``."""
    if not first.ok:
        raise fault(first, at=request.url)
    if "azure-asyncoperation" in first.headers:
        return (yield from _follow_operation(request, first))
    if "location" in first.headers:
        return (yield from _follow_location(request, first))
    if request.method in {"PUT", "PATCH"}:
        return (yield from _follow_resource(request, first))
    return first


def settle(request: Request, first: Response) -> Operation:
    """Wait until no operation is running on a resource; return the last answer, whatever it is.

    ``first`` is the answer to ``request``, a GET. A resource being deleted ends with a 404.
    """
    polls = _Polls(request, request.url, first)
    answer = first
    while answer.ok and _state(answer) in _MOVING:
        answer = yield from polls.ask()
    return answer


def _follow_operation(request: Request, first: Response) -> Operation:
    """Poll the operation's own resource until its ``status`` is final."""
    url = first.headers["azure-asyncoperation"]
    polls = _Polls(request, url, first)
    answer = yield from polls.next()
    while True:
        status = _status(answer, at=url)
        if status == "succeeded":
            return (yield from _final(request, first, answer))
        if status in {"failed", "canceled", "cancelled"}:
            raise operation_fault(answer.body, at=request.url)
        answer = yield from polls.next()


def _final(request: Request, first: Response, answer: Response) -> Operation:
    """Fetch the operation's resource; a DELETE and a POST without ``Location`` have none."""
    where = answer.document.get("resourceLocation")
    if not isinstance(where, str):
        where = {
            "PUT": request.url,
            "PATCH": request.url,
            "POST": first.headers.get("location"),
        }.get(request.method)
    if not where:
        return answer
    final = yield Request("GET", where, request.api_version)
    if not final.ok:
        raise fault(final, at=where)
    return final


def _follow_location(request: Request, first: Response) -> Operation:
    """Poll ``Location`` while it answers 202; its last answer is the result."""
    polls = _Polls(request, first.headers["location"], first)
    answer = yield from polls.next()
    while answer.status == _ACCEPTED:
        # The service may move the operation to another URL.
        polls.url = answer.headers.get("location", polls.url)
        answer = yield from polls.next()
    return answer


def _follow_resource(request: Request, first: Response) -> Operation:
    """Poll the resource itself until its ``provisioningState`` is final.

    Only a first answer of 200, or a poll, is final without a state.
    """
    polls = _Polls(request, request.url, first)
    answer = first
    if first.status == _ACCEPTED or (first.status == _CREATED and not _state(first)):
        answer = yield from polls.next()
    while (state := _state(answer)) not in {"succeeded", ""}:
        if state in {"failed", "canceled"}:
            raise operation_fault(answer.body, at=request.url)
        answer = yield from polls.next()
    return answer


class _Polls:
    """The polls of one operation: their URL and the pause before each."""

    def __init__(self, request: Request, url: str, first: Response) -> None:
        self.url = url
        self._request = request
        self._last = first
        self._pause_s = _FIRST_PAUSE_S

    def next(self) -> Operation:
        """Poll once; an error status raises."""
        answer = yield from self.ask()
        if answer.status not in _POLL_ANSWERS:
            raise fault(answer, at=self._request.url)
        return answer

    def ask(self) -> Operation:
        """Poll once, after the pause the last answer asks for, or else an ever longer one."""
        hint = self._last.retry_hint_s
        after_s = self._pause_s if hint is None else hint
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self._last = yield Request("GET", self.url, self._request.api_version, after_s=after_s)
        return self._last


def _status(answer: Response, *, at: str) -> str:
    status = answer.document.get("status")
    if not isinstance(status, str) or not status:
        raise ProviderError(
            "The status of the operation has no `status`.",
            remedy="Run `aml refresh` to see the outcome.",
            at=at,
        )
    return status.lower()


def _state(answer: Response) -> str:
    """Return the resource's state in lower case, or an empty string."""
    properties = answer.document.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, Mapping) else None
    return state.lower() if isinstance(state, str) else ""
