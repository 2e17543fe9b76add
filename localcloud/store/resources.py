"""ARM resources as JSON documents, found by id without case, answered in the spelling they came in.

A row knows when its current operation is done (``ready``), so nothing has to happen for a resource
to become ``Succeeded``: reading compares with the clock. It knows nothing of types.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localcloud.store.database import Database
from localcloud.store.sealing import Sealing

TABLES: Final = """
create table if not exists resource (
  key text primary key, id text not null, name text not null, type text not null,
  parent text not null, scope text not null, created real not null, modified real not null,
  ready real not null, state text not null, outcome text not null, gone real,
  document text not null, sealed blob
) without rowid;
create index if not exists resource_parent on resource (parent, type);
create index if not exists resource_type on resource (type, name collate nocase);
create index if not exists resource_scope on resource (scope);
"""


def key_of(id: str) -> str:
    """Return what two spellings of one id have in common."""
    return id.rstrip("/").lower()


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource.

    ``id`` is in Azure's casing; ``type`` too (``Microsoft.Storage/storageAccounts``). ``document``
    is the body without ``id``, ``name`` and ``type`` and without any secret. Times are seconds
    since the epoch. Until ``ready`` its provisioning state is ``state`` (``Creating``,
    ``Updating``, ``Deleting``), afterwards ``outcome``; with ``gone`` set it ceases to exist then.
    ``parent`` is the id of what contains it, ``scope`` the key of its resource group.
    """

    id: str
    type: str
    parent: str
    document: Mapping[str, Any]
    created: float
    modified: float
    ready: float = 0.0
    state: str = "Creating"
    outcome: str = "Succeeded"
    gone: float | None = None
    scope: str = ""
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        return key_of(self.id)

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self.document.get("properties") or {}
        return value

    def provisioning_state(self, now: float) -> str:
        """Return the state a reader sees at ``now``."""
        return self.outcome if now >= self.ready else self.state


class Resources:
    """All resources of the cloud. A resource whose time is up (``gone``) is not there."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing
        database.define(TABLES)

    def get(self, id: str, *, now: float) -> Resource | None:
        """Return one resource by its id in any casing."""
        row = self._database.row(
            "select * from resource where key = ? and (gone is null or gone > ?)",
            (key_of(id), now),
        )
        return self._resource(row) if row else None

    def put(self, resource: Resource) -> None:
        """Write one resource, new or not; its secrets go to the sealed column."""
        sealed = self._sealing.seal(resource.secrets) if resource.secrets else None
        with self._database.write() as connection:
            connection.execute(
                "insert or replace into resource values (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    resource.key,
                    resource.id,
                    resource.name,
                    resource.type.lower(),
                    key_of(resource.parent),
                    resource.scope.lower(),
                    resource.created,
                    resource.modified,
                    resource.ready,
                    resource.state,
                    resource.outcome,
                    resource.gone,
                    json.dumps(
                        {"type": resource.type, "parent": resource.parent}
                        | {"document": dict(resource.document)}
                    ),
                    sealed,
                ),
            )

    def children(self, parent: str, *, now: float, type: str | None = None) -> list[Resource]:
        """Return what lies directly below ``parent``, of one type or of all, oldest first."""
        wanted, values = ("and type = ?", [type.lower()]) if type else ("", [])
        return self._select(f"parent = ? {wanted}", [key_of(parent), *values], now)

    def of_type(
        self, type: str, *, now: float, name: str | None = None, scope: str | None = None
    ) -> list[Resource]:
        """Return every resource of a type, in one resource group (its id) or all, oldest first."""
        condition, values = "type = ?", [type.lower()]
        if name is not None:
            condition += " and name = ? collate nocase"
            values.append(name)
        if scope is not None:
            condition += " and scope = ?"
            values.append(key_of(scope))
        return self._select(condition, values, now)

    def in_scope(self, scope: str, *, now: float) -> list[Resource]:
        """Return everything in a resource group, at any depth, oldest first."""
        return self._select("scope = ?", [key_of(scope)], now)

    def below(self, id: str, *, now: float) -> list[Resource]:
        """Return everything whose id begins with ``id``, itself not included, oldest first."""
        low = key_of(id) + "/"
        return self._select("key >= ? and key < ?", [low, low[:-1] + "0"], now)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget resources at once."""
        with self._database.write() as connection:
            connection.executemany(
                "delete from resource where key = ?", [(key_of(each),) for each in ids]
            )

    def prune(self, now: float) -> None:
        """Forget resources whose time is up."""
        with self._database.write() as connection:
            connection.execute("delete from resource where gone <= ?", (now,))

    def _select(self, condition: str, values: list[str], now: float) -> list[Resource]:
        rows = self._database.rows(
            f"select * from resource where {condition} and (gone is null or gone > ?)"  # noqa: S608 - our own words
            " order by created, key",
            (*values, now),
        )
        return [self._resource(row) for row in rows]

    def _resource(self, row: Any) -> Resource:
        stored = json.loads(row["document"])
        return Resource(
            id=row["id"],
            type=stored["type"],
            parent=stored["parent"],
            document=stored["document"],
            created=row["created"],
            modified=row["modified"],
            ready=row["ready"],
            state=row["state"],
            outcome=row["outcome"],
            gone=row["gone"],
            scope=row["scope"],
            secrets=self._sealing.open(row["sealed"]) if row["sealed"] else {},
        )
