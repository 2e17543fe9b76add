"""Commands and shells in a machine: processes of their own session, with pipes or a terminal.

Knows nothing of ssh: a command is streams to read and write, and an exit code.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import struct
import termios
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PIECE: Final = 64 * 1024
_LIMIT: Final = 1024 * 1024
# What a login on a server has; the daemon's own is closed to everybody else.
_UMASK: Final = 0o022
# A session leader that opens a terminal gets it as its controlling one.
_ON_TERMINAL: Final = 'exec 0<>"$SSH_TTY" 1>&0 2>&0; exec "$@"'


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal to be made: its type (``xterm``) and its size in characters."""

    type: str
    columns: int
    rows: int


class _Flow(asyncio.Protocol):
    """Says when a pipe takes more."""

    def __init__(self) -> None:
        self.takes_more = asyncio.Event()
        self.takes_more.set()

    def pause_writing(self) -> None:
        self.takes_more.clear()

    def resume_writing(self) -> None:
        self.takes_more.set()

    def connection_lost(self, _: Exception | None, /) -> None:
        self.takes_more.set()


@dataclass(slots=True, eq=False)
class Command:
    """A running command. ``outputs``: its output and errors; on a terminal both are the first."""

    process: Process
    outputs: Sequence[asyncio.StreamReader]
    _input: asyncio.WriteTransport
    _flow: _Flow
    _readers: Sequence[asyncio.ReadTransport]
    _terminal: int | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    async def read(self, which: int) -> bytes:
        """Return the next piece of an output; nothing at its end."""
        try:
            return await self.outputs[which].read(PIECE)
        except OSError:  # what a terminal says when nobody has it open any more
            return b""

    async def write(self, data: bytes) -> None:
        """Write to the command's input; nothing happens when nobody reads it any more."""
        if not self._input.is_closing():
            self._input.write(data)
            await self._flow.takes_more.wait()

    async def end_input(self) -> None:
        """Close the input; on a terminal, send the character that means its end."""
        if self._terminal is None:
            self._input.close()
        else:
            await self.write(b"\x04")

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size."""
        if self._terminal is not None and not self._input.is_closing():
            _set_size(self._terminal, columns, rows)

    def send(self, name: str) -> None:
        """Send a signal, named without ``SIG``, to the command and what it started."""
        number = getattr(signal, f"SIG{name}", None)
        if isinstance(number, signal.Signals):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def close(self) -> None:
        """Close the streams: a command that goes on is sent SIGHUP if it is on a terminal."""
        # A second abort would act on whatever file has the number of this one by then.
        if not self._input.is_closing() or self._input.get_write_buffer_size():
            self._input.abort()
        for reader in self._readers:
            reader.close()


def shell() -> str:
    """Return the login shell of every account."""
    return shutil.which("bash") or "/bin/sh"


async def start(
    command: str | None, *, home: Path, variables: Mapping[str, str], terminal: Terminal | None
) -> Command:
    """Start a command, or a login shell if there is none, in the home folder."""
    wanted = [shell(), "-l"] if command is None else [shell(), "-c", command]
    if terminal is None:
        return await _with_pipes(wanted, home, variables)
    return await _on_terminal(wanted, home, variables, terminal)


async def _with_pipes(wanted: list[str], home: Path, variables: Mapping[str, str]) -> Command:
    (stdin, to), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *wanted,
            cwd=home,
            env=dict(variables),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            umask=_UMASK,
        )
    except OSError:
        for each in (to, out, err):
            os.close(each)
        raise
    finally:
        for each in (stdin, stdout, stderr):
            os.close(each)
    readers = [await _reading(out), await _reading(err)]
    outputs, transports = zip(*readers, strict=True)
    return Command(process, outputs, *await _writing(to), transports)


async def _on_terminal(
    wanted: list[str], home: Path, variables: Mapping[str, str], terminal: Terminal
) -> Command:
    main, other = os.openpty()
    try:
        _set_size(main, terminal.columns, terminal.rows)
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _ON_TERMINAL,
            "sh",
            *wanted,
            cwd=home,
            env={**variables, "SSH_TTY": os.ttyname(other), "TERM": terminal.type},
            stdin=DEVNULL,
            stdout=other,
            stderr=other,
            start_new_session=True,
            umask=_UMASK,
        )
    except OSError:
        os.close(main)
        raise
    finally:
        os.close(other)
    reader, transport = await _reading(os.dup(main))
    return Command(process, [reader], *await _writing(main), [transport], main)


async def _reading(fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=_LIMIT)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    return reader, transport


async def _writing(fd: int) -> tuple[asyncio.WriteTransport, _Flow]:
    return await asyncio.get_running_loop().connect_write_pipe(
        _Flow, os.fdopen(fd, "wb", buffering=0)
    )


def _set_size(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
