"""ARM resources as JSON documents, found by id ignoring case, returned in their original casing.

A row knows when its current operation is done (``ready``): a resource becomes ``Succeeded``
because reading compares with the clock, not because anything runs. It knows no types.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import Document
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
    """Return the key of an id: the same for every spelling."""
    return id.rstrip("/").lower()


@dataclass(frozen=True, slots=True)
class StoredResource:
    """One resource.

    ``id`` and ``type`` (``Microsoft.Storage/storageAccounts``) are in Azure's casing. ``document``
    is the body without ``id``, ``name``, ``type`` and secrets. Times are seconds since the epoch.
    Until ``ready`` the provisioning state is ``state`` (``Creating``, ``Updating``,
    ``Deleting``), afterwards ``outcome``. At ``gone``, if set, the resource ceases to exist.
    ``parent`` is the id of its parent, ``scope`` the key of its resource group.
    """

    id: str
    type: str
    parent: str
    document: Document
    created: float
    modified: float
    ready: float = 0.0
    state: str = "Creating"
    outcome: str = "Succeeded"
    gone: float | None = None
    scope: str = ""
    secrets: Document = field(default_factory=dict, repr=False)

    @property
    def key(self) -> str:
        return key_of(self.id)

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Document:
        value: Document = self.document.get("properties") or {}
        return value

    def provisioning_state(self, now: float) -> str:
        """Return the state a reader sees at ``now``."""
        return self.outcome if now >= self.ready else self.state


class ResourceStore:
    """The resources of the cloud. One past its ``gone`` time is never returned."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing
        database.define(TABLES)

    def get(self, id: str, *, now: float) -> StoredResource | None:
        """Return one resource by its id in any casing."""
        row = self._database.row(
            "select * from resource where key = ? and (gone is null or gone > ?)",
            (key_of(id), now),
        )
        return self._resource(row) if row else None

    def put(self, resource: StoredResource) -> None:
        """Insert or replace one resource; its secrets go to the sealed column."""
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

    def children(self, parent: str, *, now: float, type: str | None = None) -> list[StoredResource]:
        """Return the direct children of ``parent``, of one type or of all, oldest first."""
        wanted = type.lower() if type else None
        rows = self._database.rows(
            "select * from resource where parent = ?1 and (?2 is null or type = ?2)"
            " and (gone is null or gone > ?3) order by created, key",
            (key_of(parent), wanted, now),
        )
        return self._resources(rows)

    def of_type(
        self, type: str, *, now: float, name: str | None = None, scope: str | None = None
    ) -> list[StoredResource]:
        """Return every resource of a type, in one resource group (its id) or all, oldest first."""
        # Two statements: with `?2 is null or …` SQLite would not use the index on the name, and
        # every write of a globally named type looks its name up.
        if name is None:
            rows = self._database.rows(
                "select * from resource where type = ?1 and (?2 is null or scope = ?2)"
                " and (gone is null or gone > ?3) order by created, key",
                (type.lower(), None if scope is None else key_of(scope), now),
            )
        else:
            rows = self._database.rows(
                "select * from resource where type = ?1 and name = ?4 collate nocase"
                " and (?2 is null or scope = ?2)"
                " and (gone is null or gone > ?3) order by created, key",
                (type.lower(), None if scope is None else key_of(scope), now, name),
            )
        return self._resources(rows)

    def in_scope(self, scope: str, *, now: float) -> list[StoredResource]:
        """Return everything in a resource group, at any depth, oldest first."""
        rows = self._database.rows(
            "select * from resource where scope = ? and (gone is null or gone > ?)"
            " order by created, key",
            (key_of(scope), now),
        )
        return self._resources(rows)

    def below(self, id: str, *, now: float) -> list[StoredResource]:
        """Return everything below ``id`` at any depth, oldest first."""
        low = key_of(id) + "/"
        rows = self._database.rows(
            "select * from resource where key >= ? and key < ? and (gone is null or gone > ?)"
            " order by created, key",
            (low, low[:-1] + "0", now),  # "0" follows "/" in ASCII
        )
        return self._resources(rows)

    def remove(self, ids: Iterable[str]) -> None:
        """Delete resources at once."""
        with self._database.write() as connection:
            connection.executemany(
                "delete from resource where key = ?", [(key_of(each),) for each in ids]
            )

    def finish(self, now: float) -> None:
        """End the operations in progress: what was being deleted is gone."""
        with self._database.write() as connection:
            connection.execute(
                "update resource set gone = ?1 where gone > ?1 and state = 'Deleting'", (now,)
            )
            connection.execute("update resource set ready = ?1 where ready > ?1", (now,))

    def prune(self, now: float) -> None:
        """Delete resources past their ``gone`` time."""
        with self._database.write() as connection:
            connection.execute("delete from resource where gone <= ?", (now,))

    def _resources(self, rows: Iterable[sqlite3.Row]) -> list[StoredResource]:
        return [self._resource(row) for row in rows]

    def _resource(self, row: sqlite3.Row) -> StoredResource:
        stored = json.loads(row["document"])
        return StoredResource(
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
