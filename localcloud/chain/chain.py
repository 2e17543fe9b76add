"""The ordered handlers every request passes, and the headers every response gets.

``request_handlers``, from top to bottom, is the life of a request. The first handler that responds
ends it; a ``RefusedError`` from any of them becomes ARM's error body.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from infra.contract.errors import UsageError
from localcloud.calls.kinds import Kind
from localcloud.calls.messages import Call, ClientGoneError, Handler, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route, RouteTable
from localcloud.calls.times import http_date
from localcloud.chain.addressing import Types
from localcloud.chain.authentication import authenticate
from localcloud.chain.browsers import refuse_pages
from localcloud.chain.deleting import delete
from localcloud.chain.dispatching import ask_kind, perform_action, serve_routes
from localcloud.chain.locking import respect_locks
from localcloud.chain.operation_status import operation_routes
from localcloud.chain.reading import list_resources, read
from localcloud.chain.rules import (
    find_address,
    require_api_version,
    require_arm,
    require_known_type,
    require_shape,
    require_subscription,
    require_valid_name,
)
from localcloud.chain.writing import patch, put
from localcloud.fault_routes import refuse, throttle

Respond = Callable[[Call], Reply]
_LOG: Final = logging.getLogger("localcloud.requests")
_NO_BODY: Final = frozenset({204, 304})


def request_handlers(kinds: Iterable[Kind], routes: Iterable[Route]) -> tuple[Handler, ...]:
    """Return the chain for these tables, in order."""
    types = Types(kinds)
    table = RouteTable((*operation_routes(types), *routes))
    return (
        find_address(types),  # settles the casing: no handler below compares spellings
        refuse_pages,
        authenticate(table),
        require_api_version(types),
        require_subscription,
        throttle,  # before the routes: the data planes are throttled too
        serve_routes(table),
        require_arm,
        require_known_type(types),
        respect_locks,
        perform_action(types),
        require_valid_name(types),
        require_shape(types),  # before anything is stored
        refuse,  # after the name is checked, as an injected failure is the resource provider's
        ask_kind(types),
        read(types),
        list_resources(types),
        put(types),
        patch(types),
        delete(types),
    )


def responder(handlers: Sequence[Handler]) -> Respond:
    """Return the function that responds to one call, whatever happens."""

    def respond(call: Call) -> Reply:
        call.request_id = call.request_id or str(uuid.uuid4())
        try:
            replies = (handler(call) for handler in handlers)
            reply = next((each for each in replies if each is not None), None)
            reply = reply or refused(_nothing(call))
        except RefusedError as error:
            reply = refused(error)
        except UsageError as error:  # a name or an id in the request that cannot be one
            reply = refused(RefusedError(400, "BadRequest", f"{error.detail} {error.remedy}"))
        except ClientGoneError:
            raise
        except Exception:  # noqa: BLE001 - a bug responds 500, as a service does
            _LOG.exception("%s %s failed (%s)", call.method, call.path, call.request_id)
            reply = refused(_bug(call))
        return finished(call, reply)

    return respond


def refused(error: RefusedError) -> Reply:
    """Return the response for a refusal, in ARM's shape."""
    return answer(error.body, error.status, error.headers)


def finished(call: Call, reply: Reply) -> Reply:
    """Add the headers that every response has."""
    reply.headers.setdefault("x-ms-request-id", call.request_id)
    reply.headers.setdefault(
        "x-ms-correlation-request-id",
        call.headers.get("x-ms-correlation-request-id", call.request_id),
    )
    reply.headers.setdefault("Date", http_date(call.now))
    reply.headers.setdefault("Cache-Control", "no-cache")
    client_id = call.headers.get("x-ms-client-request-id")
    if client_id and call.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        reply.headers.setdefault("x-ms-client-request-id", client_id)
    if isinstance(reply.content, bytes) and reply.status not in _NO_BODY:
        reply.headers.setdefault("Content-Length", str(len(reply.content)))
    if call.method == "HEAD":
        reply.content = b""
    return reply


def _nothing(call: Call) -> RefusedError:
    return RefusedError(
        405, "MethodNotAllowed", f"The method '{call.method}' is not supported for '{call.path}'."
    )


def _bug(call: Call) -> RefusedError:
    return RefusedError(
        500,
        "InternalServerError",
        "This is a bug in aml-platform's local cloud; its log has the traceback under "
        f"{json.dumps(call.request_id)}. See `aml cloud logs`.",
    )
