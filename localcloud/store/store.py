"""Everything the cloud stores, in one folder: resources, operations, blobs, runs, settings, its id.

``reset`` deletes all of it except the port.
"""

import sqlite3
import uuid
from pathlib import Path
from typing import Final

from cryptography.fernet import InvalidToken

from infra.contract.errors import StateError
from localcloud.store.blobs import BlobStore
from localcloud.store.database import Database
from localcloud.store.documents import DocumentStore
from localcloud.store.leases import LeaseStore
from localcloud.store.long_running import OperationStore
from localcloud.store.resources import ResourceStore
from localcloud.store.runs import RunStore
from localcloud.store.sealing import Sealing
from localcloud.store.tracking import TrackingStore

_TABLES: Final = """
create table if not exists setting (name text primary key, value text not null) without rowid;
create table if not exists lasting (name text primary key, value text not null) without rowid;
"""


_SCHEMA: Final = 1
_KEPT_S: Final = 86_400.0
_CANARY: Final = {"sealed": "with this key"}


def open_store(folder: Path, now: float) -> "Store":
    """Open the store in ``folder`` and prune it; ``StateError`` if it cannot be read.

    Operations that the last daemon left in progress are done: nobody works on them any more. A
    store that cannot be read is left unchanged.
    """
    try:
        store = Store(folder)
        _require_schema(store, folder)
        store.resources.finish(now)
        store.operations.finish(now)
        store.resources.prune(now)
        store.operations.prune(now - _KEPT_S)
    except (sqlite3.DatabaseError, InvalidToken) as error:
        raise _unreadable(folder, str(error) or "cloud.key does not decrypt it") from error
    return store


def _require_schema(store: "Store", folder: Path) -> None:
    """Refuse a database with another schema, or whose secrets this key does not decrypt."""
    row = store.database.row("select value from lasting where name = 'schema'")
    if row is None:
        sealed = store.sealing.seal(_CANARY).decode()
        with store.database.write() as connection:
            connection.execute("insert into lasting values ('schema', ?)", (str(_SCHEMA),))
            connection.execute("insert into lasting values ('canary', ?)", (sealed,))
        return
    if int(row["value"]) != _SCHEMA:
        raise _unreadable(folder, f"its schema is {row['value']}, this release needs {_SCHEMA}")
    canary = store.database.row("select value from lasting where name = 'canary'")
    store.sealing.open(canary["value"].encode() if canary else b"")


def _unreadable(folder: Path, why: str) -> StateError:
    return StateError(
        f"The local cloud's database cannot be used: {why}.",
        remedy="Move cloud.db* and cloud.key out of that folder; `aml cloud start` then creates an "
        "empty cloud, and `aml up` deploys to it again.",
        at=str(folder),
    )


class Store:
    """The cloud's data below ``folder``: ``cloud.db`` and ``cloud.key`` (both 0600), ``blobs/``."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "cloud.db")
        self.sealing = Sealing(folder / "cloud.key")
        self.database.define(_TABLES)
        self.resources = ResourceStore(self.database, self.sealing)
        self.operations = OperationStore(self.database)
        self.blobs = BlobStore(self.database, folder / "blobs")
        self.leases = LeaseStore(self.database)
        self.runs = RunStore(self.database)
        self.tracking = TrackingStore(self.database)
        self.documents = DocumentStore(self.database, self.sealing)
        self.id = self._own_id()

    @property
    def port(self) -> int | None:
        """The port this cloud listens on, once it has one; a reset keeps it."""
        row = self.database.row("select value from lasting where name = 'port'")
        return int(row["value"]) if row else None

    @port.setter
    def port(self, port: int) -> None:
        with self.database.write() as connection:
            connection.execute("insert or replace into lasting values ('port', ?)", (str(port),))

    def value(self, name: str) -> str | None:
        """Return a named setting, or ``None``."""
        row = self.database.row("select value from setting where name = ?", (name,))
        return str(row["value"]) if row else None

    def set_value(self, name: str, value: str) -> None:
        with self.database.write() as connection:
            connection.execute("insert or replace into setting values (?, ?)", (name, value))

    def reset(self) -> str:
        """Delete everything except the port; return the cloud's new id."""
        self.database.wipe(keep=["lasting"])
        self.blobs.reset()
        self.id = self._own_id()
        return self.id

    def forget_workspace(self, id: str) -> None:
        """Delete the runs of a workspace and everything they tracked."""
        for run in self.runs.of_workspace(id):
            self.tracking.forget_run(run.key)
            self.runs.remove(id, run.run_id)
        self.tracking.forget_workspace(id)

    def close(self) -> None:
        self.database.close()

    def _own_id(self) -> str:
        known = self.value("id")
        if known is None:
            known = str(uuid.uuid4())
            self.set_value("id", known)
        return known
