"""The machines that exist: port, power state, folder, and the private host key, sealed."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from localcloud.calls.machines import Power
from localcloud.store.resources import key_of
from localcloud.store.store import Store

_TABLES: Final = """
create table if not exists machine (
  key text primary key, folder text not null, user text not null, port integer not null,
  power text not null, host_key text not null, sealed blob not null
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """One machine. ``folder`` is its name below the machines' folder; ``power`` what is wanted.

    ``host_key`` is the public key, ``private_key`` in OpenSSH's format; ``password`` is empty
    where only keys are accepted.
    """

    machine: str
    folder: str
    user: str
    port: int
    power: Power
    host_key: str
    private_key: str = field(repr=False)
    password: str = field(default="", repr=False)


class MachineRecords:
    """The table of machines, in the cloud's database: a reset empties it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.database.define(_TABLES)

    def get(self, machine: str) -> MachineRecord | None:
        row = self._store.database.row("select * from machine where key = ?", (key_of(machine),))
        return next(iter(self._records([row])), None) if row else None

    def all(self) -> list[MachineRecord]:
        return list(self._records(self._store.database.rows("select * from machine order by key")))

    def put(self, record: MachineRecord) -> None:
        secrets = {"private_key": record.private_key, "password": record.password}
        with self._store.database.write() as connection:
            connection.execute(
                "insert or replace into machine values (?,?,?,?,?,?,?)",
                (
                    key_of(record.machine),
                    record.folder,
                    record.user,
                    record.port,
                    record.power,
                    record.host_key,
                    self._store.sealing.seal(secrets),
                ),
            )

    def remove(self, machine: str) -> None:
        with self._store.database.write() as connection:
            connection.execute("delete from machine where key = ?", (key_of(machine),))

    def _records(self, rows: Sequence[sqlite3.Row]) -> Iterator[MachineRecord]:
        for row in rows:
            secrets = self._store.sealing.open(row["sealed"])
            yield MachineRecord(
                machine=row["key"],
                folder=row["folder"],
                user=row["user"],
                port=row["port"],
                power=row["power"],
                host_key=row["host_key"],
                private_key=secrets["private_key"],
                password=secrets["password"],
            )
