"""Everything the cloud remembers, in one folder: resources, operations, settings, its id.

``reset`` forgets all of it but the port; planes and nodes that keep tables of their own define
them through ``database`` and are wiped with the rest.
"""

import sqlite3
import uuid
from pathlib import Path
from typing import Final

from cryptography.fernet import InvalidToken

from infra.contract.errors import StateError
from localcloud.store.blobs import Blobs
from localcloud.store.database import Database
from localcloud.store.operations import Operations
from localcloud.store.resources import Resources
from localcloud.store.runs import Runs
from localcloud.store.sealing import Sealing
from localcloud.store.tracking import Tracking

_TABLES: Final = """
create table if not exists setting (name text primary key, value text not null) without rowid;
create table if not exists lasting (name text primary key, value text not null) without rowid;
"""


_SCHEMA: Final = 1
_KEPT_S: Final = 86_400.0
_CANARY: Final = {"sealed": "with this key"}


def open_store(folder: Path, now: float) -> "Store":
    """Return the store in ``folder``, without what is over; ``StateError`` if it cannot be read.

    A store that cannot be read is left as it is.
    """
    try:
        store = Store(folder)
        _require_schema(store, folder)
        store.resources.prune(now)
        store.operations.prune(now - _KEPT_S)
    except (sqlite3.DatabaseError, InvalidToken) as error:
        raise _unreadable(folder, str(error) or "its key does not fit") from error
    return store


def _require_schema(store: "Store", folder: Path) -> None:
    """Refuse a database of another release, or one whose secrets this key does not open."""
    row = store.database.row("select value from lasting where name = 'schema'")
    if row is None:
        sealed = store.sealing.seal(_CANARY).decode()
        with store.database.write() as connection:
            connection.execute("insert into lasting values ('schema', ?)", (str(_SCHEMA),))
            connection.execute("insert into lasting values ('canary', ?)", (sealed,))
        return
    if int(row["value"]) != _SCHEMA:
        raise _unreadable(folder, f"it has schema {row['value']}, this release has {_SCHEMA}")
    canary = store.database.row("select value from lasting where name = 'canary'")
    store.sealing.open(canary["value"].encode() if canary else b"")


def _unreadable(folder: Path, why: str) -> StateError:
    return StateError(
        f"The local cloud's database cannot be used: {why}.",
        remedy="Move cloud.db* and cloud.key in that folder away; `aml cloud start` then makes an "
        "empty cloud, and `aml up` deploys to it again.",
        at=str(folder),
    )


class Store:
    """The cloud's memory below ``folder``: ``cloud.db`` and ``cloud.key`` (both 0600)."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "cloud.db")
        self.sealing = Sealing(folder / "cloud.key")
        self.database.define(_TABLES)
        self.resources = Resources(self.database, self.sealing)
        self.operations = Operations(self.database)
        self.blobs = Blobs(self.database, folder / "blobs")
        self.runs = Runs(self.database)
        self.tracking = Tracking(self.database)
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
        """Forget everything but the port; return the cloud's new id."""
        self.database.wipe(keep=["lasting"])
        self.blobs.reset()
        self.id = self._own_id()
        return self.id

    def forget_workspace(self, id: str) -> None:
        """Forget the runs of a workspace that is gone, and what they tracked."""
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
