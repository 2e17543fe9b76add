"""Long-running operations: what was started, when it is done and how it ends.

They lie beside the resources, not below them, so that they outlive a delete.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.store.database import Database

TABLES: Final = """
create table if not exists operation (
  id text primary key, resource text not null, created real not null, ready real not null,
  error text, result text not null
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. It is in progress until ``ready`` (seconds since the epoch).

    ``error`` (``code``, ``message``) makes it end ``Failed``. ``result`` says what its ``Location``
    gives at the end: ``resource`` (200 with the body), ``done`` (200 without) or ``gone`` (204).
    """

    id: str
    resource: str
    created: float
    ready: float
    error: Mapping[str, Any] | None = None
    result: str = "done"

    def status(self, now: float) -> str:
        if now < self.ready:
            return "InProgress"
        return "Failed" if self.error else "Succeeded"


class Operations:
    """All operations since the last reset."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(TABLES)

    def add(self, operation: Operation) -> None:
        with self._database.write() as connection:
            connection.execute(
                "insert into operation values (?,?,?,?,?,?)",
                (
                    operation.id,
                    operation.resource,
                    operation.created,
                    operation.ready,
                    json.dumps(operation.error) if operation.error else None,
                    operation.result,
                ),
            )

    def prune(self, before: float) -> None:
        """Forget operations that were done before a time."""
        with self._database.write() as connection:
            connection.execute("delete from operation where ready < ?", (before,))

    def get(self, id: str) -> Operation | None:
        row = self._database.row("select * from operation where id = ?", (id.lower(),))
        if row is None:
            return None
        error = json.loads(row["error"]) if row["error"] else None
        return Operation(
            row["id"], row["resource"], row["created"], row["ready"], error, row["result"]
        )
