"""The append-only file in which a run records each step, so that a killed run loses nothing.

JSON lines beside the checkpoint: a header, then numbered entries, each line with a checksum. This
module frames, flushes and reads them; ``snapshot`` knows what an entry means.
"""

import json
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.errors import StateError
from infra.contract.json_types import Document, JsonObject
from infra.engine.state.disk import Log

VERSION: Final = 1
_CHECK: Final = b',"c":"'  # the checksum is the last key of its line; it covers all before it
_CHECK_BYTES: Final = len(_CHECK) + len('00000000"}')
_UNTOUCHED: Final = "Both files were left as they are. `aml stack repair` shows both."


@dataclass(frozen=True, slots=True)
class Header:
    """Which checkpoint the entries continue, and who wrote them.

    ``base`` is the SHA-256 of the checkpoint's file. ``salt`` is the one the entries' secrets are
    encrypted with; the checkpoint may have none yet, or another one.
    """

    base: str
    run: str
    kind: str
    pid: int
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A journal that was read. ``size``: bytes up to the last complete line.

    ``next`` holds the hashes of the checkpoints that were about to replace it. ``interim`` maps
    those of interim checkpoints to how many entries they contain.
    """

    header: Header
    entries: Sequence[Document]
    next: frozenset[str]
    size: int
    last: int
    interim: Mapping[str, int] = field(default_factory=dict)

    def continues(self, current: str) -> bool:
        """Say whether it must still be applied to the checkpoint with that hash."""
        return self.header.base == current

    def finishes(self, current: str) -> bool:
        """Say whether the checkpoint with that hash already contains all of it."""
        return current in self.next

    def shown_by(self, current: str) -> bool:
        """Say whether the checkpoint with that hash is an interim one of this run."""
        return current in self.interim

    def orphaned(self, current: str, *, at: str) -> StateError:
        """Return the error for a journal whose checkpoint was written by another program since."""
        return StateError(
            f"The journal of an interrupted run (process {self.header.pid}, "
            f"{len(self.entries)} entries) continues another checkpoint than the one there is: "
            f"it expects {self.header.base[:12]}, the file is {current[:12]}.",
            remedy=_UNTOUCHED,
            at=at,
        )


class Journal:
    """Writes entries. The file is created with the first entry that must not be lost.

    Safe from many threads; threads that wait for the disk at the same time share one flush.
    """

    def __init__(self, open_log: Callable[[], Log], header: Header) -> None:
        self._open_log = open_log
        self._log: Log | None = None
        self._header = header
        self._lock = threading.Lock()
        self._held: list[Document] = []
        self._written = 0
        self._flushed = 0
        self._flushing = threading.Condition()
        self._busy = False

    @property
    def begun(self) -> bool:
        """Say whether anything was written at all."""
        return self._log is not None

    def hold(self, entry: Document) -> None:
        """Keep an entry until the next one is written; alone it is not worth a write."""
        with self._lock:
            self._held.append(entry)

    def write(self, entry: Document) -> int:
        """Write an entry, after those held back; return its number, for ``flush``."""
        with self._lock:
            if self._log is None:
                self._log, lines = self._open_log(), [_line(_document(self._header))]
            else:
                lines = []
            entries = [*self._held, entry]
            numbers = range(self._written + 1, self._written + 1 + len(entries))
            lines += [_line({"s": at, **each}) for at, each in zip(numbers, entries, strict=True)]
            self._log.write(b"".join(lines))
            self._held.clear()
            self._written = numbers[-1]
            return self._written

    def flush(self, number: int) -> None:
        """Wait until the entry ``number`` survives a power failure."""
        with self._flushing:
            self._flushing.wait_for(lambda: not self._busy or self._flushed >= number)
            if self._flushed >= number:
                return
            self._busy = True
        # Read before the sync: an entry written during it is not covered by it.
        reached = self._written
        try:
            if self._log is not None:
                self._log.sync()
        finally:
            with self._flushing:
                self._busy = False
                self._flushed = max(self._flushed, reached)
                self._flushing.notify_all()

    def announce(self, next_hash: str) -> None:
        """Write, durably, which checkpoint is about to replace this journal."""
        self.flush(self.write({"k": "close", "next": next_hash}))

    def announce_interim(self, next_hash: str) -> int:
        """Write which interim checkpoint will stand beside this journal; return its number.

        To be flushed before that checkpoint is written.
        """
        return self.write({"k": "interim", "next": next_hash})

    def close(self) -> None:
        """Close the file; it stays on disk."""
        if self._log is not None:
            self._log.close()


def read(data: bytes, *, at: str) -> Record | None:
    """Return the content of a journal; ``None`` if not even its header was written.

    A damaged last line is an interrupted write, and is skipped. Damage elsewhere, or a missing
    entry, is a ``StateError``: what follows it could not be trusted.
    """
    lines = data.splitlines(keepends=True)
    documents = [_parsed(line) for line in lines]
    if documents and documents[-1] is None:
        documents.pop()
    if not documents:
        return None
    for number, document in enumerate(documents):
        if document is None or (number and document.get("s") != number):
            raise StateError(
                f"Line {number + 1} of the journal is damaged or out of order.",
                remedy=_UNTOUCHED,
                at=at,
            )
    whole = [document for document in documents if document is not None]
    entries: list[Document] = []
    interim: dict[str, int] = {}
    for entry in whole[1:]:
        if entry["k"] == "interim":
            interim[entry["next"]] = len(entries)
        elif entry["k"] != "close":
            entries.append(entry)
    return Record(
        header=_header(whole[0], at),
        entries=entries,
        next=frozenset(entry["next"] for entry in whole[1:] if entry["k"] == "close"),
        size=sum(len(line) for line in lines[: len(whole)]),
        last=len(whole) - 1,
        interim=interim,
    )


def close_line(number: int, next_hash: str) -> bytes:
    """Return the line that names the checkpoint about to replace the journal."""
    return _line({"s": number, "k": "close", "next": next_hash})


def _document(header: Header) -> JsonObject:
    return {
        "v": VERSION,
        "base": header.base,
        "run": header.run,
        "kind": header.kind,
        "pid": header.pid,
        "salt": header.salt,
    }


def _header(document: Document, at: str) -> Header:
    if document.get("v") != VERSION:
        raise StateError(
            f"The journal's version is {document.get('v')!r}; this release reads {VERSION}.",
            remedy="Finish that run with the release that began it.",
            at=at,
        )
    return Header(**{key: document[key] for key in ("base", "run", "kind", "pid", "salt")})


def _line(document: Document) -> bytes:
    body = json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()[:-1]
    return b'%s%s%08x"}\n' % (body, _CHECK, zlib.crc32(body))


def _parsed(line: bytes) -> JsonObject | None:
    """Return one line's document, ``None`` if it is incomplete or damaged."""
    body, check = line[: -_CHECK_BYTES - 1], line[-_CHECK_BYTES - 1 :]
    if check != b'%s%08x"}\n' % (_CHECK, zlib.crc32(body)):
        return None
    document: JsonObject = json.loads(body + b"}")
    return document
