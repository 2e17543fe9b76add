"""Blobs as files: contents by hash in a folder, names and metadata in the database.

Two blobs with the same content share one file. A *live* blob is a file elsewhere that still grows
(the log of a run in progress) until its content is put. No HTTP and no authorization here.
"""

import base64
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from localcloud.store.database import Database

TABLES: Final = """
create table if not exists container (
  account text not null, name text not null, created real not null, metadata text not null,
  primary key (account, name)
) without rowid;
create table if not exists blob (
  account text not null, container text not null, name text not null, content text not null,
  size integer not null, headers text not null, metadata text not null, etag text not null,
  created real not null, modified real not null, live text,
  primary key (account, container, name)
) without rowid;
create index if not exists blob_content on blob (content);
create table if not exists block (
  account text not null, container text not null, blob text not null, id text not null,
  content text not null, size integer not null,
  primary key (account, container, blob, id)
) without rowid;
create index if not exists block_content on block (content);
"""
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Container:
    """A container of blobs; ``created`` in seconds since the epoch."""

    account: str
    name: str
    created: float
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob. ``headers`` are ``content-type`` and the like; ``file`` has its content."""

    account: str
    container: str
    name: str
    size: int
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    etag: str
    created: float
    modified: float
    file: Path
    live: bool = False


@dataclass(frozen=True, slots=True)
class _Staged:
    file: Path
    content: str
    size: int
    md5: str


class BlobExistsError(Exception):
    """A blob was to be created only if absent, and it exists."""


def file_chunks(file: Path) -> Iterator[bytes]:
    """Yield the content of a file in pieces."""
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


Allow = Callable[[Blob | None], None]


class BlobStore:
    """The blobs of all accounts. Account names are lower case."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._contents = folder / "contents"
        self._staging = folder / "staging"
        database.define(TABLES)

    def ensure_container(
        self, account: str, name: str, *, now: float, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Create a container; ``False`` if it already exists."""
        with self._database.write() as connection:
            made = connection.execute(
                "insert or ignore into container values (?,?,?,?)",
                (account, name, now, json.dumps(dict(metadata or {}))),
            )
            return made.rowcount == 1

    def container(self, account: str, name: str) -> Container | None:
        row = self._database.row(
            "select * from container where account = ? and name = ?", (account, name)
        )
        return _container(row) if row else None

    def containers(self, account: str) -> list[Container]:
        """Return an account's containers, sorted by name."""
        rows = self._database.rows(
            "select * from container where account = ? order by name", (account,)
        )
        return [_container(row) for row in rows]

    def delete_container(self, account: str, name: str) -> bool:
        """Delete a container and its blobs; ``False`` if there was none."""
        with self._database.write() as connection:
            for blob in self.listing(account, name):
                self.delete(account, name, blob.name)
            gone = connection.execute(
                "delete from container where account = ? and name = ?", (account, name)
            )
            return gone.rowcount == 1

    def get(self, account: str, container: str, name: str) -> Blob | None:
        row = self._database.row(
            "select * from blob where account = ? and container = ? and name = ?",
            (account, container, name),
        )
        return self._blob(row) if row else None

    def listing(self, account: str, container: str, prefix: str = "") -> list[Blob]:
        """Return all blobs whose names begin with ``prefix``, sorted by name."""
        rows = self._database.rows(
            "select * from blob where account = ? and container = ? and name >= ?"
            " and substr(name, 1, ?) = ? order by name",
            (account, container, prefix, len(prefix), prefix),
        )
        return [self._blob(row) for row in rows]

    def put(
        self,
        account: str,
        container: str,
        name: str,
        chunks: Iterable[bytes],
        *,
        now: float,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        only_if_absent: bool = False,
        allow: Allow | None = None,
    ) -> Blob:
        """Write one blob. Raises ``BlobExistsError`` if it exists and ``only_if_absent``.

        ``allow`` gets the blob that is replaced when all the content has arrived, and may refuse:
        nobody else writes between its answer and the new blob.
        """
        # The content is staged before the transaction: an upload may be slow, the lock is global.
        with self._stage(chunks) as staged, self._database.write():
            old = self.get(account, container, name)
            if old is not None and only_if_absent:
                raise BlobExistsError(name)
            if allow is not None:
                allow(old)
            self._keep(staged)
            known = {"content-md5": staged.md5} | dict(headers or {})
            written = Blob(
                account, container, name, staged.size, known, dict(metadata or {}),
                _etag(), old.created if old else now, now, self._path(staged.content),
            )  # fmt: skip
            self._write_row(written, staged.content)
            self._drop_unused(old)
        return written

    def append(
        self,
        account: str,
        container: str,
        name: str,
        data: bytes,
        *,
        now: float,
        decide: Callable[[Blob | None], Mapping[str, str]],
    ) -> Blob:
        """Append to a blob, atomically; ``decide`` returns its new headers, or refuses."""
        with self._database.write():
            old = self.get(account, container, name)
            headers = decide(old)
            former = file_chunks(old.file) if old is not None else iter(())
            return self.put(
                account, container, name, chain(former, [data]),
                now=now, headers=headers, metadata=old.metadata if old else None,
            )  # fmt: skip

    def copy(
        self,
        source: Blob,
        account: str,
        container: str,
        name: str,
        *,
        now: float,
        headers: Mapping[str, str],
        metadata: Mapping[str, str],
        only_if_absent: bool = False,
        allow: Allow | None = None,
    ) -> Blob:
        """Make a blob with the content of another one; both share its file.

        Raises ``BlobExistsError`` as ``put`` does.
        """
        with self._database.write():
            current = self.get(source.account, source.container, source.name)
            shared = current is not None and not current.live and current.file == source.file
            if shared:
                old = self.get(account, container, name)
                if old is not None and only_if_absent:
                    raise BlobExistsError(name)
                if allow is not None:
                    allow(old)
                created = old.created if old else now
                made = Blob(
                    account, container, name, source.size, dict(headers), dict(metadata),
                    _etag(), created, now, source.file,
                )  # fmt: skip
                self._write_row(made, source.file.name)
                if old is None or old.file != source.file:
                    self._drop_unused(old)
                return made
        # Still written to, or replaced since it was looked up: its content is copied.
        return self.put(
            account, container, name, file_chunks(source.file),
            now=now, headers=headers, metadata=metadata, only_if_absent=only_if_absent, allow=allow,
        )  # fmt: skip

    def put_file(self, account: str, container: str, name: str, file: Path, *, now: float) -> Blob:
        """Write one blob from a file; the file is copied."""
        return self.put(account, container, name, file_chunks(file), now=now)

    def link(self, account: str, container: str, name: str, file: Path, *, now: float) -> None:
        """Make a live blob: its content is whatever ``file`` contains when it is read."""
        with self._database.write():
            old = self.get(account, container, name)
            blob = Blob(account, container, name, 0, {}, {}, _etag(), now, now, file)
            self._write_row(blob, "", live=str(file))
            self._drop_unused(old)

    def set_metadata(
        self,
        blob: Blob,
        metadata: Mapping[str, str],
        *,
        now: float,
        headers: Mapping[str, str] | None = None,
    ) -> Blob:
        """Replace a blob's metadata, and its headers if given."""
        kept = dict(blob.headers if headers is None else headers)
        etag = _etag()
        with self._database.write() as connection:
            connection.execute(
                "update blob set metadata = ?, headers = ?, etag = ?, modified = ?"
                " where account = ? and container = ? and name = ?",
                (json.dumps(dict(metadata)), json.dumps(kept), etag, now,
                 blob.account, blob.container, blob.name),
            )  # fmt: skip
        changed = self.get(blob.account, blob.container, blob.name)
        return changed or blob

    def put_block(
        self, account: str, container: str, blob: str, id: str, chunks: Iterable[bytes]
    ) -> None:
        """Store one uncommitted block of a blob."""
        with self._stage(chunks) as staged, self._database.write() as connection:
            self._keep(staged)
            connection.execute(
                "insert or replace into block values (?,?,?,?,?,?)",
                (account, container, blob, id, staged.content, staged.size),
            )

    def block_sizes(self, account: str, container: str, blob: str) -> dict[str, int]:
        """Return the sizes of a blob's uncommitted blocks, by id."""
        return {row["id"]: row["size"] for row in self._blocks(account, container, blob)}

    def block_chunks(
        self, account: str, container: str, blob: str, ids: Sequence[str]
    ) -> Iterator[bytes]:
        """Yield the content of uncommitted blocks in this order; ``KeyError`` if one is absent."""
        contents = {row["id"]: row["content"] for row in self._blocks(account, container, blob)}
        for block in ids:
            yield from file_chunks(self._path(contents[block]))

    def forget_blocks(self, account: str, container: str, blob: str) -> None:
        """Delete a blob's uncommitted blocks."""
        with self._database.write() as connection:
            rows = self._blocks(account, container, blob)
            connection.execute(
                "delete from block where account = ? and container = ? and blob = ?",
                (account, container, blob),
            )
            for row in rows:
                self._drop_content(row["content"])

    def delete(self, account: str, container: str, name: str) -> bool:
        """Delete a blob; ``False`` if there was none."""
        with self._database.write() as connection:
            old = self.get(account, container, name)
            connection.execute(
                "delete from blob where account = ? and container = ? and name = ?",
                (account, container, name),
            )
            self._drop_unused(old)
            return old is not None

    def forget_account(self, account: str) -> None:
        """Delete an account's containers and blobs."""
        for container in self.containers(account):
            self.delete_container(account, container.name)

    def reset(self) -> None:
        """Delete all contents; the tables are wiped with the database."""
        shutil.rmtree(self._contents, ignore_errors=True)
        shutil.rmtree(self._staging, ignore_errors=True)

    def _blocks(self, account: str, container: str, blob: str) -> list[sqlite3.Row]:
        return self._database.rows(
            "select * from block where account = ? and container = ? and blob = ?",
            (account, container, blob),
        )

    @contextmanager
    def _stage(self, chunks: Iterable[bytes]) -> Iterator[_Staged]:
        self._staging.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._staging)
        file = Path(name)
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        try:
            with os.fdopen(descriptor, "wb") as sink:
                for chunk in chunks:
                    sha256.update(chunk)
                    md5.update(chunk)
                    size += len(chunk)
                    sink.write(chunk)
            # SHA-256 names the file; MD5 is only what storage clients compare.
            digest = base64.b64encode(md5.digest()).decode()
            yield _Staged(file, sha256.hexdigest(), size, digest)
        finally:
            file.unlink(missing_ok=True)

    def _keep(self, staged: _Staged) -> None:
        path = self._path(staged.content)
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.file.replace(path)

    def _path(self, content: str) -> Path:
        return self._contents / content[:2] / content

    def _write_row(self, blob: Blob, content: str, live: str | None = None) -> None:
        with self._database.write() as connection:
            connection.execute(
                "insert or replace into blob values (?,?,?,?,?,?,?,?,?,?,?)",
                (blob.account, blob.container, blob.name, content, blob.size,
                 json.dumps(dict(blob.headers)), json.dumps(dict(blob.metadata)), blob.etag,
                 blob.created, blob.modified, live),
            )  # fmt: skip

    def _drop_unused(self, old: Blob | None) -> None:
        if old is not None and old.file.is_relative_to(self._contents):
            self._drop_content(old.file.name)

    def _drop_content(self, content: str) -> None:
        used = self._database.row(
            "select 1 from blob where content = ? union all select 1 from block where content = ?",
            (content, content),
        )
        if used is None:
            self._path(content).unlink(missing_ok=True)

    def _blob(self, row: sqlite3.Row) -> Blob:
        size, modified, etag = row["size"], row["modified"], row["etag"]
        file = self._path(row["content"])
        if row["live"]:
            file = Path(row["live"])
            if file.exists():
                status = file.stat()
                size, modified = status.st_size, status.st_mtime
                etag = f'"{size:X}-{status.st_mtime_ns:X}"'
        return Blob(
            row["account"],
            row["container"],
            row["name"],
            size,
            json.loads(row["headers"]),
            json.loads(row["metadata"]),
            etag,
            row["created"],
            modified,
            file,
            live=bool(row["live"]),
        )


def _container(row: sqlite3.Row) -> Container:
    return Container(row["account"], row["name"], row["created"], json.loads(row["metadata"]))


def _etag() -> str:
    return f'"0x{uuid.uuid4().hex[:15].upper()}"'
