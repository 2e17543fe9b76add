"""Kinds: how one ARM type differs from the generic resource.

A behaviour module exports ``KINDS: Final = (Kind("Microsoft.…/…", …), …)`` and is listed in
``localcloud.chain.table``. A type that does not differ is a row there and needs no module. Without
hooks a kind gets ARM's generic PUT, PATCH, GET, list, DELETE over ``call.cloud.store.resources``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from localcloud.calls.messages import Call, Handler
from localcloud.store.resources import Resource

Document = dict[str, Any]
Verb = Literal["PUT", "PATCH", "GET", "LIST", "DELETE", "HEAD"]

Fill = Callable[[Call, Document, Resource | None], Document]
Show = Callable[[Call, Resource, Document], Document]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the cloud's type table.

    - ``type``: Azure's casing, ``Microsoft.MachineLearningServices/workspaces/computes``.
    - ``versions``: api-versions named in a refusal, newest last.
    - ``name_problem(name, body)``: what is wrong with a new name, or ``None``.
    - ``required``: dotted paths a PUT must have; ``required_inside``: those it must have where
      what contains them is given; ``location``: whether a new one must have that.
    - ``read_only``: dotted paths that a PUT or PATCH may send and that are ignored; an old
      value is kept. ``provisioningState`` always is.
    - ``secrets``: dotted paths (``*``: any key) that go to the sealed column, never to an answer.
    - ``put``: status of a create and of an update, ``patched`` of a PATCH. ``polled``: verbs
      answered with an operation (``PUT``, ``PATCH``, ``DELETE``); ``location_only``: a 202 to a
      PUT has ``Location`` alone and no body. ``provisioning``: has ``provisioningState``.
    - ``fill(call, wanted, old)``: return the whole new body: defaults, outputs; refuse what the
      service refuses. ``wanted`` has no read-only or secret values of the caller's; ``old`` is
      ``None`` on create. Runs inside the write transaction.
    - ``show(call, resource, body)``: what reading adds (called for each GET and list item).
    - ``in_vain(before, after)``: the paths whose change by a PUT or PATCH is accepted and comes to
      nothing; refuses what cannot be changed. Both are whole documents, with their secrets.
    - ``stored(call, resource, old)`` after a PUT or PATCH; ``removed(call, resource)`` after a
      delete, also of a parent.
    - ``minted(call)``: secrets that the service makes for a new resource (keys); sealed.
    - ``actions``: POST ``{id}/{action}``, names in Azure's casing, matched without case. A
      handler that needs the resource asks ``existing`` of ``localcloud.calls.lookups``.
    - ``handlers``: verbs taken over whole (``LIST`` is GET of the collection). They may return
      ``None`` to let the generic handler go on.
    """

    type: str
    versions: tuple[str, ...] = ()
    name_problem: Callable[[str, Mapping[str, Any]], str | None] | None = None
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
    minted: Callable[[Call], Mapping[str, Any]] | None = None
    fill: Fill | None = None
    in_vain: Callable[[Document, Document], Collection[str]] | None = None
    show: Show | None = None
    stored: Callable[[Call, Resource, Resource | None], None] | None = None
    removed: Callable[[Call, Resource], None] | None = None
    actions: Mapping[str, Handler] = field(default_factory=dict)
    handlers: Mapping[Verb, Handler] = field(default_factory=dict)

    @property
    def parent_type(self) -> str | None:
        """The type one level up, ``None`` for what lies in a resource group directly."""
        head, _, _ = self.type.rpartition("/")
        return head if "/" in head else None
