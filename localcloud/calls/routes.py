"""Routes: endpoints that are not ARM resources (metadata, tokens, blobs, run history, MLflow).

A plane exports ``ROUTES: Final = (Route("GET", "/history/v1.0{ws}/runs/{run}", handler), …)`` and
is listed in ``localcloud.chain.table``. The first matching route handles the call; if its handler
returns ``None``, the next one does. Literal parts match ignoring case, and several slashes in a
row count as one: JavaScript's and Java's clients, and azureml-core, put an id behind a slash.

In a template ``{name}`` is one segment, ``{name:path}`` one or more with their slashes,
``{name:account}`` a storage account (bare or with its ``.blob.…`` host), ``{name:service}`` its
host for another service, ``{name:vault}`` a key vault's, ``{name:cluster}`` a Kubernetes cluster's,
``{ws}`` a whole workspace id (``call.workspace``). The matched text is in ``call.params``, decoded.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from infra.catalogue.body_shapes import Shape
from localcloud.calls.messages import Handler

_WORKSPACE = (
    r"/+subscriptions/+(?P<subscription>[^/]+)/+resourcegroups/+(?P<resource_group>[^/]+)"
    r"/+providers/+microsoft\.machinelearningservices/+workspaces/+(?P<workspace>[^/]+)"
)
# A name with slashes keeps all of them, so exactly one separates it: a blob may be named `/a//b`.
_SLASH, _SLASHES = "/", "/+"
_RULES = {
    "": r"[^/]+",
    "path": r".+",
    "service": r"[a-z0-9]{3,24}\.(?:dfs|file|queue|table|web)(?:\.[^/]+)?",
    "cluster": r"[a-z0-9-]+\.hcp\.[a-z0-9]+\.azmk8s\.io",
    "vault": r"[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault",
    "account": r"(?!subscriptions(?:/|$))[a-z0-9]{3,24}(?:\.blob\.[^/]+)?",
}


@dataclass(frozen=True)
class Route:
    """One endpoint. ``methods`` is ``"GET"``, ``"GET POST"`` or ``"*"``.

    ``open``: no bearer token is required (the handler may check something else: a signature).
    ``shape``: that of the JSON body; another one is refused before the handler is called.
    ``non_finite``: clients send numbers that are not JSON, such as ``NaN``.
    """

    methods: str
    template: str
    handler: Handler = field(repr=False)
    open: bool = False
    shape: Shape = "any"
    non_finite: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(_regex(self.template), re.IGNORECASE)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the decoded parameters if this route matches, else ``None``."""
        if self.methods != "*" and method not in self.methods.split():
            return None
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        params = {name: unquote(value) for name, value in found.groupdict().items()}
        # An encoded slash must not make two segments of one: ids are put together from them.
        split = any(
            "/" in params[name] and "/" not in value
            for name, value in found.groupdict().items()
            if f"{{{name}:path}}" not in self.template
        )
        return None if split else params


class RouteTable:
    """Routes in order, indexed by their first literal segment so that few are tried."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_first: dict[str, list[tuple[int, Route]]] = {}
        for position, route in enumerate(routes):
            first = route.template.split("/")[1].partition("{")[0].lower()
            literal = first if not route.template.startswith("/{") else ""
            self._by_first.setdefault(literal, []).append((position, route))

    def candidates(self, method: str, path: str) -> Iterator[tuple[Route, dict[str, str]]]:
        """Yield every matching route with its parameters, in table order."""
        first = path.lstrip("/").partition("/")[0].lower()
        places = (*self._by_first.get(first, ()), *self._by_first.get("", ()))
        for _, route in sorted(places, key=lambda place: place[0]):
            params = route.match(method, path)
            if params is not None:
                yield route, params


def _regex(template: str) -> str:
    return "".join(_part(part) for part in re.split(r"(/?\{[^}]+\})", template))


def _part(part: str) -> str:
    if part.endswith("{ws}"):
        return _WORKSPACE
    if part.endswith("}"):
        lead, _, inside = part[:-1].partition("{")
        name, _, rule = inside.partition(":")
        slash = _SLASH if rule == "path" else _SLASHES
        return f"{lead and slash}(?P<{name}>{_RULES[rule]})"
    return re.escape(part).replace("/", _SLASHES)
