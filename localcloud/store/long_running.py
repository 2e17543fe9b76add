"""Long-running operations: what was started, when it is done and how it ends.

They are stored beside the resources, not below them, so that they outlive a delete.
"""

import json
from dataclasses import dataclass
from typing import Final

from infra.contract.json_types import Document
from localcloud.store.database import Database

TABLES: Final = """
create table if not exists operation (
  id text primary key, resource text not null, created real not null, ready real not null,
  error text, result text not null
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class LongRunningOperation:
    """One operation. It is in progress until ``ready`` (seconds since the epoch).

    With an ``error`` (``code``, ``message``) it ends ``Failed``. ``result`` is what its
    ``Location`` responds at the end: ``resource`` (200 with the body), ``done`` (200 without a
    body) or ``gone`` (204).
    """

    id: str
    resource: str
    created: float
    ready: float
    error: Document | None = None
    result: str = "done"

    def status(self, now: float) -> str:
        if now < self.ready:
            return "InProgress"
        return "Failed" if self.error else "Succeeded"


class OperationStore:
    """The operations since the last reset."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(TABLES)

    def add(self, operation: LongRunningOperation) -> None:
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

    def finish(self, now: float) -> None:
        """End the operations in progress, as they were to end."""
        with self._database.write() as connection:
            connection.execute("update operation set ready = ?1 where ready > ?1", (now,))

    def prune(self, before: float) -> None:
        """Delete operations that were done before a time."""
        with self._database.write() as connection:
            connection.execute("delete from operation where ready < ?", (before,))

    def get(self, id: str) -> LongRunningOperation | None:
        row = self._database.row("select * from operation where id = ?", (id.lower(),))
        if row is None:
            return None
        error = json.loads(row["error"]) if row["error"] else None
        return LongRunningOperation(
            row["id"], row["resource"], row["created"], row["ready"], error, row["result"]
        )
