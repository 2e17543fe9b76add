"""Leases on blobs: who alone may write one, and until when. No HTTP here.

Source of the rules: Microsoft's page "Lease Blob", its tables of outcomes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from localcloud.store.database import Database

TABLES: Final = """
create table if not exists lease (
  account text not null, container text not null, blob text not null,
  id text not null, seconds integer not null, until real not null,
  primary key (account, container, blob)
) without rowid;
"""
INFINITE: Final = -1


@dataclass(frozen=True, slots=True)
class BlobLease:
    """A lease of ``seconds`` (-1: without end); ``until`` in seconds since the epoch."""

    id: str
    seconds: int
    until: float

    def lasts(self, now: float) -> bool:
        """Say whether the lease has not run out."""
        return self.until > now

    def begun(self, now: float) -> "BlobLease":
        """Return the lease with its time beginning now."""
        return replace(self, until=math.inf if self.seconds == INFINITE else now + self.seconds)


class LeaseStore:
    """The leases of all blobs, by account, container and name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.define(TABLES)

    def get(self, account: str, container: str, blob: str) -> BlobLease | None:
        """Return a blob's lease, also one that has run out."""
        row = self._database.row(
            "select * from lease where account = ? and container = ? and blob = ?",
            (account, container, blob),
        )
        return BlobLease(row["id"], row["seconds"], row["until"]) if row else None

    def lasting(self, account: str, container: str, now: float) -> frozenset[str]:
        """Return the names of a container's blobs whose lease has not run out."""
        rows = self._database.rows(
            "select blob from lease where account = ? and container = ? and until > ?",
            (account, container, now),
        )
        return frozenset(row["blob"] for row in rows)

    def change(
        self,
        account: str,
        container: str,
        blob: str,
        decide: Callable[[BlobLease | None], BlobLease | None],
    ) -> BlobLease | None:
        """Replace a blob's lease by what ``decide`` makes of it; ``None`` ends it. Atomic."""
        key = (account, container, blob)
        with self._database.write() as connection:
            decided = decide(self.get(*key))
            connection.execute(
                "delete from lease where account = ? and container = ? and blob = ?", key
            )
            if decided is not None:
                connection.execute(
                    "insert into lease values (?,?,?,?,?,?)",
                    (*key, decided.id, decided.seconds, decided.until),
                )
            return decided
