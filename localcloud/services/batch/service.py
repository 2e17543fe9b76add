"""What every call of the Batch service passes: the account, its authentication, its errors."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from infra.catalogue.body_shapes import Shape, shape_problems
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call, Reply
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.tokens import claims_of
from localcloud.services.batch.engine import BatchEngine
from localcloud.services.batch.records import Kind, Records
from localcloud.services.batch.refusals import (
    BatchRefusedError,
    absent,
    unsupported,
    wrong_value,
)
from localcloud.services.batch.shapes import SHAPES
from localcloud.services.batch.signing import SignedRequest, is_signed

ACCOUNTS: Final = "Microsoft.Batch/batchAccounts"
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_MOST_PROBLEMS: Final = 20
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One authenticated call to an account."""

    call: Call
    records: Records
    engine: BatchEngine

    def existing(self, kind: Kind, *names: str) -> JsonObject:
        """Return the document that the path's parameters name; the service's 404 without one."""
        ids = [self.call.params[name] for name in names]
        found = self.records.get(kind, *ids)
        if found is None:
            raise absent(kind, ids[-1])
        return found

    def schedule(self) -> None:
        self.engine.schedule(self.records.account)

    def accepted(self, document: Document, status: int) -> Reply:
        """Return the empty response to a change, with the headers that describe the document."""
        headers = {
            "DataServiceId": str(document["url"]),
            "ETag": str(document["eTag"]),
            "Last-Modified": self.call_date,
            "Location": str(document["url"]),
        }
        return Reply(status, b"", headers)

    @property
    def call_date(self) -> str:
        return self.call.headers.get("ocp-date", "") or self.call.headers.get("date", "")


Serve = Callable[[BatchCall], Reply]


def routes(rows: Iterable[tuple[str, str, Serve]]) -> tuple[Route, ...]:
    """Return the routes of (methods, path below the account's endpoint, handler)."""
    return tuple(
        Route(
            methods,
            f"/batch/{{account}}{path}",
            partial(_serve, serve, SHAPES.get(path, "any")),
            open=True,
        )
        for methods, path, serve in rows
    )


def _serve(serve: Serve, shape: Shape, call: Call) -> Reply | None:
    found = call.cloud.store.resources.of_type(ACCOUNTS, name=call.params["account"], now=call.now)
    if not found:
        return None  # a storage account may have the name `batch`
    account = found[0].name.lower()
    try:
        _authenticate(call, account, [str(key) for key in found[0].secrets["keys"]])
        _require_shape(call, shape)
        engine = call.cloud.engine(BatchEngine)
        reply = serve(BatchCall(call, Records(call.cloud, account), engine))
    except BatchRefusedError as refusal:
        reply = refusal.reply()
    except RefusedError as error:
        reply = BatchRefusedError(error.status, error.code, error.message).reply()
    reply.headers.setdefault("request-id", call.request_id)
    if call.headers.get("return-client-request-id", "").lower() == "true":
        reply.headers.setdefault("client-request-id", call.headers.get("client-request-id", ""))
    return reply


def _authenticate(call: Call, account: str, keys: Iterable[str]) -> None:
    scheme, _, credential = call.headers.get("authorization", "").partition(" ")
    request = SignedRequest(call.method, call.path, call.query_string, call.headers)
    match scheme.lower():
        case "sharedkey" if any(is_signed(request, account, key) for key in keys):
            return
        case "bearer":
            claims = claims_of(call.cloud, credential.strip())
            if claims is not None and claims["exp"] > call.now:
                return
    raise BatchRefusedError(
        401,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Sign it with a key of the account "
        "(SharedKey), or send a bearer token of this cloud.",
    )


def _require_shape(call: Call, shape: Shape) -> None:
    """Refuse a body whose known properties have other JSON types: no handler looks again."""
    if shape == "any" or call.method not in _WITH_BODY:
        return
    problems = [sentence for _, sentence in shape_problems(call.json(), shape)]
    if problems:
        message = f"The request body is invalid. {' '.join(problems[:_MOST_PROBLEMS])}"
        raise BatchRefusedError(400, "InvalidRequestBody", message)


def new_id(body: Document) -> str:
    """Return the id of something new; refuse one that the service does not take."""
    name = str(body.get("id") or "")
    if _ID.fullmatch(name) is None:
        raise wrong_value("id", name, "it must have 1-64 letters, digits, hyphens or underscores.")
    return name


def require_known(
    body: Document, known: Iterable[str], refused: Mapping[str, str], *, noun: str
) -> None:
    """Refuse properties that the local cloud would otherwise ignore, each with what to do."""
    names = frozenset(known)
    for name, value in body.items():
        if value in (None, [], {}, False) or name in names:
            continue
        raise unsupported(f"{noun}.{name}", refused.get(name, "Leave it out."))
