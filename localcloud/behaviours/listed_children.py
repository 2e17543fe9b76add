"""Resources that their parent's body lists too: subnets, rules, routes, pools of a cluster.

Clients write either, and read what they wrote in both. They are stored as resources of their own;
the parent's list is made of them on reading.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.catalogue.names import ArmId
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.references import require_references
from localcloud.calls.messages import Call
from localcloud.calls.refusals import invalid
from localcloud.store.resources import StoredResource

_OWN: Final = frozenset({"id", "name", "type", "etag", "eTag"})
_STATE: Final = "provisioningState"
# A list is read in the order in which it was written: children are kept by their time.
_STEP_S: Final = 1e-5

Entries = Mapping[str, Document]
"""Properties by name."""


def _nothing(_: Entries) -> None:
    """Refuse nothing."""


def _any(_: Call, __: str, ___: str, ____: Document) -> None:
    """Refuse nothing."""


def _any_may_go(_: Call, __: StoredResource) -> None:
    """Refuse nothing."""


def _no_more(_: Call, __: StoredResource) -> JsonObject:
    """Show nothing beside what is stored."""
    return {}


@dataclass(frozen=True, slots=True)
class Listed:
    """Children of ``type``, which the properties of their parent list under ``key``.

    - ``kept``: a PUT of the parent without the list keeps them. ``removed``: a list without one of
      them deletes it.
    - ``flat``: an entry has its properties beside its name.
    - ``defaults``: properties of a new one. ``require(entries)`` refuses what cannot be together,
      ``require_one(call, parent, name, properties)`` what cannot be at all. ``may_go(call, child)``
      refuses what a list cannot leave out, or does what follows from leaving it out.
    - ``computed(call, child)``: properties that reading adds; those of ``ignored`` are not stored.
    """

    key: str
    type: str
    kept: bool = False
    removed: bool = True
    flat: bool = False
    defaults: Document = field(default_factory=dict)
    require: Callable[[Entries], None] = _nothing
    require_one: Callable[[Call, str, str, Document], None] = _any
    may_go: Callable[[Call, StoredResource], None] = _any_may_go
    computed: Callable[[Call, StoredResource], JsonObject] = _no_more
    ignored: frozenset[str] = frozenset()

    def take(self, call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
        """Store the children that a parent's body lists; return the body without them.

        Runs inside the parent's write transaction.
        """
        properties = dict(wanted.get("properties") or {})
        given = properties.pop(self.key, None)
        body = {**wanted, "properties": properties}
        if given is None and (self.kept or call.method == "PATCH"):
            return body
        owner = old.id if old else str(call.arm)
        entries: dict[str, Document] = dict(self._entries(given or ()))
        before = {each.name.lower(): each for each in self.of(call, owner)}
        gone = [each for name, each in before.items() if name not in map(str.lower, entries)]
        if self.removed:
            for each in gone:
                self.may_go(call, each)
            call.cloud.store.resources.remove(each.id for each in gone)
        else:
            entries |= {each.name: each.properties for each in gone}
        self.require(entries)
        for name, said in entries.items():
            self.require_one(call, owner, name, said)
            known = before.get(name.lower())
            require_references(call, self.type, said, known.properties if known else {})
        group = str(ArmId(call.arm.subscription, call.arm.resource_group))
        for at, (name, said) in enumerate(entries.items()):
            known = before.get(name.lower())
            child = StoredResource(
                id=known.id if known else f"{owner}/{self.type.rpartition('/')[2]}/{name}",
                type=self.type,
                parent=owner,
                document={"properties": {**self.defaults, **said}},
                created=call.now + at * _STEP_S,
                modified=call.now,
                scope=group,
            )
            call.cloud.store.resources.put(child)
        return body

    def of(self, call: Call, owner: str) -> list[StoredResource]:
        """Return the children of a parent, in the order of its list."""
        return call.cloud.store.resources.children(owner, now=call.now, type=self.type)

    def show(self, call: Call, parent: StoredResource, body: JsonObject) -> JsonObject:
        """Return a parent's body with the list of its children."""
        children = self.of(call, parent.id)
        listed = [self._shown(call, each) for each in children]
        # A cloud of an earlier release kept the list in the parent, until it is next written.
        names = {each.name.lower() for each in children}
        earlier = parent.properties.get(self.key) or ()
        listed += [each for each in earlier if str(each.get("name")).lower() not in names]
        return {**body, "properties": {**body["properties"], self.key: listed}}

    def fill_child(self, call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
        """Return the body of a child that is written by itself: the ``fill`` of its kind."""
        properties = {**self.defaults, **(wanted.get("properties") or {})}
        others = {each.name: each.properties for each in self.of(call, str(call.arm.parent))}
        name = next((n for n in others if n.lower() == call.arm.name.lower()), call.arm.name)
        self.require({**others, name: properties})
        self.require_one(call, str(call.arm.parent), name, properties)
        return {**wanted, "properties": properties}

    def show_child(self, call: Call, child: StoredResource, body: JsonObject) -> JsonObject:
        """Return the body of a child that is read by itself: the ``show`` of its kind."""
        return {**body, "properties": {**body["properties"], **self.computed(call, child)}}

    def _entries(self, given: object) -> Iterator[tuple[str, JsonObject]]:
        seen: set[str] = set()
        for at, item in enumerate(given if isinstance(given, list) else ()):
            each = item or {}  # ARM takes null for "not given"
            path, name = f"properties.{self.key}[{at}].name", str(each.get("name") or "")
            if not name:
                raise invalid([(path, f"An entry of '{self.key}' needs a name.")])
            if name.lower() in seen:
                raise invalid([(path, f"'{self.key}' has two entries named '{name}'.")])
            seen.add(name.lower())
            inner = each if self.flat else each.get("properties") or {}
            left_out = {*_OWN, _STATE} if self.flat else {*self.ignored, _STATE}
            yield name, {key: value for key, value in inner.items() if key not in left_out}

    def _shown(self, call: Call, child: StoredResource) -> JsonObject:
        state = child.provisioning_state(call.now)
        properties = {**child.properties, **self.computed(call, child), _STATE: state}
        if self.flat:
            return {"name": child.name, **properties}
        return {"id": child.id, "name": child.name, "type": child.type, "properties": properties}
