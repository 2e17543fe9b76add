"""One SQLite file in WAL mode: as many connections as work at once, one writer at a time.

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
        self._closed = threading.Event()
        # threads come and go, so connections are lent: as many exist as were ever used at once
        self._idle: list[sqlite3.Connection] = []
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)

    def define(self, statements: str) -> None:
        """Make tables and indexes that are not there yet (``create … if not exists``)."""
        with self._lock, self._connection() as connection:
            connection.executescript(statements)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return what a query gives, as rows with named columns."""
        with self._connection() as connection:
            return connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or ``None``."""
        with self._connection() as connection:
            row: sqlite3.Row | None = connection.execute(statement, values).fetchone()
            return row

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction: all of it is durable on leaving, none of it after an exception."""
        with self._lock, self._connection() as connection:
            if self._depth == 0:
                connection.execute("begin immediate")
                self._local.writer = connection
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
                if self._depth == 0:
                    self._local.writer = None

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
        """Close every connection; nobody may use the database afterwards."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; inside a transaction it is the transaction's own."""
        writer: sqlite3.Connection | None = getattr(self._local, "writer", None)
        if writer is not None:
            yield writer
            return
        if self._closed.is_set():
            raise sqlite3.ProgrammingError("the database was closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._closed.is_set():
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        return connection
