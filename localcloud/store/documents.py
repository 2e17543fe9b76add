"""JSON documents of the services beside ARM: pools, tasks, runs, clusters, uploaded scripts.

A document belongs to a ``space`` (one account or workspace) and has a kind and an id; the spelling
of ids does not count. Documents are sealed as a whole: they hold signed URLs and passwords.
"""

import json
from functools import lru_cache
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.store.database import Database
from localcloud.store.sealing import Sealing

_KEPT: Final = 4096  # documents
TABLES: Final = """
create table if not exists document (
  space text not null, kind text not null, id text not null, position integer not null,
  sealed blob not null, primary key (space, kind, id)
) without rowid;
create index if not exists document_position on document (space, kind, position);
"""


class DocumentStore:
    """Sealed documents; every method is one transaction."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing
        # Schedulers read the same documents with every change; opening one is what takes long.
        self._opened = lru_cache(_KEPT)(self._text)
        database.define(TABLES)

    def get(self, space: str, kind: str, id: str) -> JsonObject | None:
        row = self._database.row(
            "select sealed from document where space = ? and kind = ? and id = ?",
            (space, kind, id.lower()),
        )
        return self._open(row["sealed"]) if row else None

    def put(self, space: str, kind: str, id: str, document: Document) -> None:
        """Insert or replace; a document keeps its place in the order of creation."""
        with self._database.write() as connection:
            connection.execute(
                "insert into document values (?1, ?2, ?3,"
                " (select coalesce(max(position), 0) + 1 from document"
                " where space = ?1 and kind = ?2), ?4)"
                " on conflict (space, kind, id) do update set sealed = excluded.sealed",
                (space, kind, id.lower(), self._sealing.seal(document)),
            )

    def add(self, space: str, kind: str, id: str, document: Document) -> bool:
        """Insert; ``False`` if there is one with this id."""
        with self._database.write():
            if self.get(space, kind, id) is not None:
                return False
            self.put(space, kind, id, document)
            return True

    def all(self, space: str, kind: str, prefix: str = "") -> list[JsonObject]:
        """Return the documents whose ids begin with ``prefix``, oldest first."""
        rows = self._database.rows(
            "select sealed from document where space = ? and kind = ?"
            " and substr(id, 1, ?) = ? order by position",
            (space, kind, len(prefix), prefix.lower()),
        )
        return [self._open(row["sealed"]) for row in rows]

    def ids(self, space: str, kind: str) -> list[str]:
        """Return the ids of a kind, in lower case, oldest first."""
        rows = self._database.rows(
            "select id from document where space = ? and kind = ? order by position", (space, kind)
        )
        return [str(row["id"]) for row in rows]

    def spaces(self, kind: str) -> list[str]:
        """Return the spaces that have documents of a kind."""
        rows = self._database.rows("select distinct space from document where kind = ?", (kind,))
        return [str(row["space"]) for row in rows]

    def remove(self, space: str, kind: str, id: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "delete from document where space = ? and kind = ? and id = ?",
                (space, kind, id.lower()),
            )

    def forget(self, space: str) -> None:
        """Remove everything of one account or workspace."""
        with self._database.write() as connection:
            connection.execute("delete from document where space = ?", (space,))

    def _open(self, sealed: bytes) -> JsonObject:
        document: JsonObject = json.loads(self._opened(sealed))
        return document

    def _text(self, sealed: bytes) -> str:
        return json.dumps(self._sealing.open(sealed))
