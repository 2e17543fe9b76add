"""What a process in a container says, over the connection that the engine gives for it.

Without a terminal, the engine puts a header of eight bytes before each piece: which stream it is
of, and its length.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from infra.contract.errors import UnreachableError
from runtime.targets.base import Output

_HEADER: Final = struct.Struct(">BxxxL")
_ERRORS: Final = 2
_MOST_BYTES: Final = 1 << 16


class EngineStream:
    """A connection to a process. ``answer`` is what the SDK returns with ``socket=True``."""

    def __init__(self, answer: Any, *, is_terminal: bool = False) -> None:
        self._answer = answer
        self._socket: socket.socket = getattr(answer, "_sock", answer)
        self._is_terminal = is_terminal
        self._unread = bytearray()
        self._ended = False
        self._take_what_was_read_ahead()
        self._socket.settimeout(None)

    def read(self, timeout_s: float) -> Sequence[Output] | None:
        """Return new output, nothing after ``timeout_s`` without any, ``None`` at the end."""
        deadline = time.monotonic() + timeout_s
        while not (found := self._pieces()):
            left = deadline - time.monotonic()
            if self._ended:
                return None
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return ()
            try:
                content = self._socket.recv(_MOST_BYTES)
            except ConnectionResetError:
                content = b""
            except OSError as error:
                raise UnreachableError(
                    f"The connection to the container is lost: {error.strerror}.",
                    remedy="Check that the docker engine is running.",
                ) from error
            self._ended = not content
            self._unread += content
        return found

    def write(self, content: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(content)

    def end_input(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()
        response = getattr(self._answer, "_response", None)
        if response is not None:
            response.close()

    def _pieces(self) -> list[Output]:
        if self._is_terminal:
            content = bytes(self._unread)
            self._unread.clear()
            return [Output(content)] if content else []
        found = []
        while len(self._unread) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._unread)
            if len(self._unread) < _HEADER.size + size:
                break
            content = bytes(self._unread[_HEADER.size : _HEADER.size + size])
            del self._unread[: _HEADER.size + size]
            found.append(Output(content, is_error=kind == _ERRORS))
        return found

    def _take_what_was_read_ahead(self) -> None:
        """Take the bytes that came with the answer's headers: the SDK leaves them in a buffer."""
        response = getattr(self._answer, "_response", None)
        buffered = getattr(getattr(response, "raw", None), "_fp", None)
        reader = getattr(buffered, "fp", None)
        read_ahead: Callable[[int], bytes | None] | None = getattr(reader, "read1", None)
        if read_ahead is None:
            return
        self._socket.settimeout(0.0)
        with suppress(BlockingIOError):
            self._unread += read_ahead(_MOST_BYTES) or b""


class FrameReader:
    """Collects the bytes of a stream, for a reader that wants lines and counted pieces.

    With ``merged``, standard error is among them.
    """

    def __init__(self, stream: EngineStream, *, merged: bool = False) -> None:
        self._stream = stream
        self._merged = merged
        self._content = bytearray()
        self._errors = bytearray()
        self.ended = False

    @property
    def errors(self) -> str:
        """Return what was written to standard error."""
        return self._errors.decode(errors="replace").strip()

    @property
    def available(self) -> int:
        """Return how many bytes can be taken."""
        return len(self._content)

    def wait(self, timeout_s: float) -> bool:
        """Take what is new; ``False`` if there was nothing."""
        outputs = self._stream.read(timeout_s)
        self.ended = self.ended or outputs is None
        for each in outputs or ():
            apart = each.is_error and not self._merged
            (self._errors if apart else self._content).extend(each.content)
        return bool(outputs)

    def take(self, count: int) -> bytes:
        """Return the next bytes, and forget them; ``b""`` if there are not so many."""
        if len(self._content) < count:
            return b""
        found = bytes(self._content[:count])
        del self._content[:count]
        return found

    def line(self) -> bytes:
        """Return the first line without taking it; ``b""`` if it is not complete."""
        end = self._content.find(b"\n")
        return bytes(self._content[: end + 1])
