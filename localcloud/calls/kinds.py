"""Kinds: how one ARM type differs from the generic resource.

A behaviour module exports ``KINDS: Final = (Kind("Microsoft.…/…", …), …)`` and is listed in
``localcloud.chain.table``. A type that does not differ is a row in ``behaviours.plain``. Without
hooks a kind gets ARM's generic PUT, PATCH, GET, list, DELETE over ``call.cloud.store.resources``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call, Handler
from localcloud.store.resources import StoredResource

Verb = Literal["PUT", "PATCH", "GET", "LIST", "DELETE", "HEAD"]

Fill = Callable[[Call, JsonObject, StoredResource | None], JsonObject]
Show = Callable[[Call, StoredResource, JsonObject], JsonObject]
IgnoredChanges = Callable[[JsonObject, JsonObject], Collection[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the cloud's type table.

    - ``type``: Azure's casing, ``Microsoft.MachineLearningServices/workspaces/computes``.
    - ``versions``: api-versions listed when a call asks for an invalid one, newest last.
    - ``name_problem(name, body)``: what is wrong with a new name, or ``None``.
    - ``required``: dotted paths a PUT must contain; ``required_inside``: those it must contain
      if their parent is given; ``location``: whether a new resource needs a location.
    - ``read_only``: dotted paths that a PUT or PATCH may send and that are ignored; the old
      value is kept. ``provisioningState`` always is read-only.
    - ``secrets``: dotted paths (``*``: any key) stored in the sealed column, never returned.
    - ``put``: status of a create and of an update, ``patched`` of a PATCH. ``polled``: verbs
      that start an operation (``PUT``, ``PATCH``, ``DELETE``); ``location_only``: a 202 to a
      PUT has only ``Location`` and no body. ``provisioning``: has ``provisioningState``.
    - ``fill(call, wanted, old)``: return the complete new body with defaults and outputs; refuse
      what the service refuses. ``wanted`` has no read-only or secret values of the caller;
      ``old`` is ``None`` on create. Runs inside the write transaction.
    - ``show(call, resource, body)``: the body with what reading adds (each GET and list item).
    - ``ignored_changes(before, after)``: the paths whose change by a PUT or PATCH is accepted and
      ignored; refuses changes that are not allowed. Both are whole documents, with their secrets.
    - ``stored(call, resource, old)`` runs after a PUT or PATCH; ``removed(call, resource)`` after
      a delete, of a parent too.
    - ``begun(call, resource)`` runs after a create, once its response has been made: the
      response describes what was created, not how far it has come meanwhile.
    - ``minted(call)``: secrets the service generates for a new resource (keys); sealed.
    - ``actions``: POST ``{id}/{action}``, names in Azure's casing, matched ignoring case. A
      handler that needs the resource calls ``existing`` of ``localcloud.calls.lookups``.
    - ``handlers``: verbs the kind handles itself (``LIST`` is GET of the collection). They may
      return ``None`` to continue with the generic handler.
    """

    type: str
    versions: tuple[str, ...] = ()
    name_problem: Callable[[str, Document], str | None] | None = None
    required: tuple[str, ...] = ()
    required_inside: tuple[str, ...] = ()
    location: bool = False
    read_only: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    put: tuple[int, int] = (201, 200)
    patched: int = 200
    polled: frozenset[str] = frozenset()
    location_only: bool = False
    provisioning: bool = True
    system_data: bool = False
    minted: Callable[[Call], Document] | None = None
    fill: Fill | None = None
    ignored_changes: IgnoredChanges | None = None
    show: Show | None = None
    stored: Callable[[Call, StoredResource, StoredResource | None], None] | None = None
    removed: Callable[[Call, StoredResource], None] | None = None
    begun: Callable[[Call, StoredResource], None] | None = None
    actions: Mapping[str, Handler] = field(default_factory=dict)
    handlers: Mapping[Verb, Handler] = field(default_factory=dict)

    @property
    def parent_type(self) -> str | None:
        """The type one level up; ``None`` for a type directly in a resource group."""
        head, _, _ = self.type.rpartition("/")
        return head if "/" in head else None
