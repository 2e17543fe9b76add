"""What every call of a Databricks workspace passes: the workspace, its tokens, its errors."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from infra.catalogue.body_shapes import Shape, shape_problems
from infra.contract.json_types import JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call, Reply
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.tokens import claims_of
from localcloud.services.databricks.refusals import DatabricksRefusedError, wrong
from localcloud.services.databricks.shapes import SHAPES
from localcloud.services.databricks.storage import Storage
from localcloud.store.documents import DocumentStore
from localcloud.store.resources import StoredResource

WORKSPACES: Final = "Microsoft.Databricks/workspaces"
USER: Final = "local-user@aml.local"
_PATH: Final = "/databricks/{site}"
_MOST_PROBLEMS: Final = 20
_UNAUTHENTICATED: Final = (
    "Credential was not sent or was of an unsupported type for this API. "
    "Send a token of this workspace, or a bearer token of this cloud."
)


@dataclass(frozen=True, slots=True)
class Site:
    """One workspace: its id, documents and files. ``space`` is its part of the store."""

    cloud: Cloud
    id: str

    @property
    def space(self) -> str:
        return f"databricks:{self.id}"

    @property
    def url(self) -> str:
        return f"{self.cloud.url}/databricks/adb-{self.id}"

    @property
    def documents(self) -> DocumentStore:
        return self.cloud.store.documents

    @property
    def storage(self) -> Storage:
        return Storage(self.cloud.folder / "databricks" / self.id)

    def get(self, kind: str, name: str) -> JsonObject | None:
        return self.documents.get(self.space, kind, name)

    def put(self, kind: str, name: str, document: JsonObject) -> None:
        self.documents.put(self.space, kind, name, document)

    def all(self, kind: str) -> list[JsonObject]:
        return self.documents.all(self.space, kind)

    def remove(self, kind: str, name: str) -> None:
        self.documents.remove(self.space, kind, name)

    def milliseconds(self) -> int:
        return int(self.cloud.clock() * 1000)


@dataclass(frozen=True, slots=True)
class SiteCall:
    """One authenticated call to a workspace."""

    call: Call
    site: Site

    @property
    def body(self) -> JsonObject:
        return self.call.json()

    def needed(self, name: str) -> str:
        """Return a field of the body or the query; refuse a call without it."""
        value = self.call.query.get(name) if self.call.method == "GET" else self.body.get(name)
        if value in (None, ""):
            raise wrong(f"Missing required field: {name}.")
        return str(value)


Serve = Callable[[SiteCall], Reply]


def routes(rows: Iterable[tuple[str, str, Serve]]) -> tuple[Route, ...]:
    """Return the routes of (methods, path below ``/api/{version}``, handler)."""
    return tuple(
        Route(
            methods,
            f"{_PATH}/api/{{version}}{path}",
            partial(_serve, serve, SHAPES.get(path, "any")),
            open=True,
        )
        for methods, path, serve in rows
    )


def site_of(cloud: Cloud, name: str) -> tuple[Site, StoredResource] | None:
    """Return the workspace of a path's first part (``adb-`` and its id)."""
    wanted = name.lower().removeprefix("adb-")
    for found in cloud.store.resources.of_type(WORKSPACES, now=cloud.clock()):
        if found.properties.get("workspaceId") == wanted:
            return Site(cloud, wanted), found
    return None


def _serve(serve: Serve, shape: Shape, call: Call) -> Reply | None:
    found = site_of(call.cloud, call.params["site"])
    if found is None:
        return None
    site = found[0]
    try:
        _authenticate(call, site)
        if shape != "any" and call.method == "POST":
            problems = [sentence for _, sentence in shape_problems(call.json(), shape)]
            if problems:
                raise wrong(" ".join(problems[:_MOST_PROBLEMS]))
        return serve(SiteCall(call, site))
    except DatabricksRefusedError as refusal:
        return refusal.reply()
    except RefusedError as error:
        return DatabricksRefusedError(error.status, "MALFORMED_REQUEST", error.message).reply()


def _authenticate(call: Call, site: Site) -> None:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        known = site.get("token", digest(token.strip()))
        expires = known.get("expiry_time", -1) if known else 0
        if known and (expires < 0 or expires > site.milliseconds()):
            return
        claims = claims_of(call.cloud, token.strip())
        if claims is not None and claims["exp"] > call.now:
            return
    raise DatabricksRefusedError(401, "UNAUTHENTICATED", _UNAUTHENTICATED)


def number(call: Call, name: str, default: int) -> int:
    """Return a number of the query that is 0 or more; ``default`` if it is not there."""
    text = call.query.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise wrong(f"{name} is {text!r}; it must be a number.")
    return int(text)


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(site: Site, comment: str, lasts_s: float | None) -> tuple[str, JsonObject]:
    """Create a personal access token; return it, which is not kept, and what is known of it."""
    token = f"dapi{secrets.token_hex(16)}"
    now = site.milliseconds()
    info = {
        "token_id": secrets.token_hex(16),
        "creation_time": now,
        "expiry_time": -1 if lasts_s is None else now + int(lasts_s * 1000),
        "comment": comment,
    }
    site.put("token", digest(token), info)
    return token, info
