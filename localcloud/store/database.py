"""One SQLite file in WAL mode: many readers at once, one writer at a time.

Knows tables and transactions, not what they contain. Each store passes the statements that create
its tables to ``Database.define``; ``wipe`` empties those too.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.contract.private import private_folder

SqlValue = str | int | float | bytes | None
_BUSY_S = 30.0


class Database:
    """A database that many threads read and one at a time writes.

    Readers never wait (WAL). A write transaction holds a lock of this process and SQLite's own.
    The thread that holds it may enter it again; the outermost one commits.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._lock = threading.RLock()
        self._depth = 0
        self._closed = threading.Event()
        # Worker threads are short-lived, so connections are pooled rather than kept per thread.
        self._idle: list[sqlite3.Connection] = []
        private_folder(file.parent)
        file.touch(mode=0o600)

    def define(self, statements: str) -> None:
        """Create tables and indexes that do not exist yet (``create … if not exists``)."""
        with self._lock, self._connection() as connection:
            connection.executescript(statements)

    def rows(self, statement: str, values: Sequence[SqlValue] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query, with named columns."""
        with self._connection() as connection:
            return connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[SqlValue] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or ``None``."""
        with self._connection() as connection:
            row: sqlite3.Row | None = connection.execute(statement, values).fetchone()
            return row

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction: committed on leaving the block, rolled back after an exception."""
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
        """Empty every table except those in ``keep``, whoever defined them."""
        # A table's name cannot be a parameter of a statement, so SQLite quotes it itself.
        deletes = self.rows(
            "select name, printf('delete from \"%w\"', name) as statement from sqlite_master"
            " where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
        )
        with self.write() as connection:
            for row in deletes:
                if row["name"] not in keep:
                    connection.execute(row["statement"])

    def close(self) -> None:
        """Close all connections; the database cannot be used afterwards."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection from the pool; inside a transaction, the transaction's own."""
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
