"""One SQLite file in WAL mode: a connection a thread, one writer at a time.

Knows tables and transactions, nothing of what is in them. Who keeps rows of a kind of its own
hands ``Database.define`` the statements that make its tables; ``wipe`` empties those too.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BUSY_S = 30.0


class Database:
    """A file that many threads read and one at a time writes.

    Readers never wait (WAL). A write transaction holds a lock of this process and SQLite's own,
    and may be entered again by the thread that holds it: the outermost commits.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._lock = threading.RLock()
        self._depth = 0
        self._open: list[sqlite3.Connection] = []
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)

    def define(self, statements: str) -> None:
        """Make tables and indexes that are not there yet (``create … if not exists``)."""
        with self._lock:
            self._connection().executescript(statements)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return what a query gives, as rows with named columns."""
        return self._connection().execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or ``None``."""
        row: sqlite3.Row | None = self._connection().execute(statement, values).fetchone()
        return row

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction: all of it is durable on leaving, none of it after an exception."""
        with self._lock:
            connection = self._connection()
            if self._depth == 0:
                connection.execute("begin immediate")
            self._depth += 1
            try:
                yield connection
            except BaseException:
                if self._depth == 1:
                    connection.rollback()
                raise
            else:
                if self._depth == 1:
                    connection.commit()
            finally:
                self._depth -= 1

    def wipe(self, *, keep: Sequence[str]) -> None:
        """Empty every table but those in ``keep``, whoever defined them."""
        names = [
            row["name"]
            for row in self.rows("select name from sqlite_master where type = 'table'")
            if row["name"] not in keep and not row["name"].startswith("sqlite_")
        ]
        with self.write() as connection:
            for name in names:
                connection.execute(f'delete from "{name}"')  # noqa: S608 - names of our own tables

    def close(self) -> None:
        """Close every thread's connection; nobody may use the database afterwards."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            self._local.connection = connection
            with self._lock:
                self._open.append(connection)
        return connection
