"""The ssh server of a machine. The only module that imports asyncssh.

It accepts one user, by password or by the keys in ``~/.ssh/authorized_keys``, and serves commands,
shells, sftp, scp, environment variables and the forwarding of ports and sockets.
"""

import asyncio
import hmac
import logging
import os
import re
import signal
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncssh
from asyncssh.forward import SSHForwarder

from localcloud.machines import commands
from localcloud.machines.account import Account
from localcloud.machines.commands import Command, Terminal

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIXED: Final = frozenset({"HOME", "USER", "LOGNAME", "SHELL"})
_NOT_STARTED: Final = 126
_COLUMNS, _ROWS = 80, 24


@dataclass(slots=True)
class MachineServer:
    """A listening server, and what was started through it."""

    account: Account
    acceptor: asyncssh.SSHAcceptor
    commands: set[Command]
    connections: set[asyncssh.SSHServerConnection]

    @property
    def running(self) -> list[int]:
        """The process ids of commands that have not ended."""
        return [each.pid for each in self.commands]

    async def close(self) -> None:
        """Stop listening and drop every connection; processes are not killed."""
        self.acceptor.close()
        for each in tuple(self.connections):
            each.abort()
        await self.acceptor.wait_closed()


async def serve(account: Account, port: int, private_key: str) -> MachineServer:
    """Listen on a port of loopback; raises ``OSError`` if it is taken."""
    commands_: set[Command] = set()
    connections: set[asyncssh.SSHServerConnection] = set()

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await _Session(account, commands_, process).run()

    asyncssh.set_log_level(logging.WARNING)  # below it, it logs every command with its arguments
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        port,
        reuse_address=True,
        server_factory=lambda: _Login(account, connections),
        server_host_keys=[asyncssh.import_private_key(private_key)],
        process_factory=handle,
        sftp_factory=lambda channel: _Files(channel, account.home),
        allow_scp=True,
        encoding=None,
        line_editor=False,
        gss_host=None,
    )
    return MachineServer(account, acceptor, commands_, connections)


class _Login(asyncssh.SSHServer):
    """Who may log in, and what may be forwarded: everything, as on a fresh Ubuntu."""

    def __init__(self, account: Account, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._account = account
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, _: Exception | None, /) -> None:
        if self._connection is not None:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        # Read at each login, as sshd does: who is logged in may add keys.
        file = self._account.home / ".ssh" / "authorized_keys"
        if self._connection is not None and username == self._account.user:
            with suppress(OSError, ValueError, asyncssh.KeyImportError):
                self._connection.set_authorized_keys(str(file))
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return bool(self._account.password)

    def validate_password(self, username: str, password: str) -> bool:
        same = hmac.compare_digest(password.encode(), self._account.password.encode())
        return same and username == self._account.user and bool(password)

    def connection_requested(self, host: str, port: int, _from: str, _at: int, /) -> Any:
        return _forwarder(asyncio.get_running_loop().create_connection(_Forwarder, host, port))

    def unix_connection_requested(self, path: str, /) -> Any:
        return _forwarder(asyncio.get_running_loop().create_unix_connection(_Forwarder, path))

    def server_requested(self, _host: str, _port: int, /) -> bool:
        return True

    def unix_server_requested(self, _path: str, /) -> bool:
        return True


class _Forwarder(SSHForwarder):
    """Closes a forwarded connection when both sides have ended it, whichever did first."""

    def eof_received(self) -> bool:
        goes_on = super().eof_received()
        if not goes_on:
            self.close()
        return goes_on


async def _forwarder(
    connecting: Awaitable[tuple[asyncio.BaseTransport, _Forwarder]],
) -> _Forwarder:
    try:
        _, peer = await connecting
    except OSError as error:
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, str(error)) from error
    return _Forwarder(peer)


class _Files(asyncssh.SFTPServer):
    """The file system of this computer; relative paths are below the home folder."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", home: Path) -> None:
        super().__init__(channel)
        self._home = home

    def exit(self) -> None:
        # Without it clients take the end of a transfer for a failure; scp reports its own code.
        if self.channel.get_subsystem() == "sftp":
            self.channel.exit(0)

    def map_path(self, path: bytes) -> bytes:
        return os.fsencode(self._home / os.fsdecode(path))


@dataclass(slots=True)
class _Session:
    """One command or shell: copies between its streams and the channel's."""

    account: Account
    commands: set[Command]
    process: "asyncssh.SSHServerProcess[bytes]"

    async def run(self) -> None:
        process = self.process
        errors = process.stderr
        if process.subsystem:
            errors.write(b"subsystem request failed\n")
            process.exit(1)
            return
        try:
            command = await commands.start(
                process.command,
                home=self.account.home,
                variables=self._variables(),
                terminal=self._terminal(),
            )
        except OSError as error:
            errors.write(f"{error}\n".encode())
            process.exit(_NOT_STARTED)
            return
        self.commands.add(command)
        try:
            await self._ended(command)
        finally:
            self.commands.discard(command)
            command.close()

    async def _ended(self, command: Command) -> None:
        taking = asyncio.create_task(self._take_input(command))
        outputs = [
            asyncio.create_task(self._send_output(command, which))
            for which in range(len(command.outputs))
        ]
        leaving = asyncio.create_task(self._close_with_channel(command))
        code = await command.process.wait()
        # Like sshd: a channel without a terminal stays open while anything has the output open.
        await asyncio.gather(*outputs)
        for each in (taking, leaving):
            each.cancel()
        _exit(self.process, code)

    async def _take_input(self, command: Command) -> None:
        reader = self.process.stdin
        while True:
            try:
                data = await reader.read(commands.PIECE)
            except asyncssh.TerminalSizeChanged as change:
                command.resize(change.width, change.height)
                continue
            except asyncssh.SignalReceived as received:
                command.send(received.signal)
                continue
            except asyncssh.BreakReceived:
                command.send("INT")
                continue
            except (OSError, asyncssh.Error):
                data = b""
            if not data:
                await command.end_input()
                return
            await command.write(data)

    async def _close_with_channel(self, command: Command) -> None:
        await self.process.wait_closed()
        command.close()

    async def _send_output(self, command: Command, which: int) -> None:
        writer = (self.process.stdout, self.process.stderr)[which]
        while data := await command.read(which):
            try:
                writer.write(data)
                await writer.drain()
            except (OSError, asyncssh.Error):
                return  # the channel is closed, and its end closes the command's streams

    def _terminal(self) -> Terminal | None:
        kind = self.process.term_type
        if kind is None:
            return None
        columns, rows, *_ = self.process.term_size
        return Terminal(kind, columns or _COLUMNS, rows or _ROWS)

    def _variables(self) -> dict[str, str]:
        sent = {
            name: value
            for name, value in self.process.env.items()
            if _NAME.fullmatch(name) and name not in _FIXED and "\0" not in value
        }
        here = self.process.get_extra_info("sockname")[:2]
        there = self.process.get_extra_info("peername")[:2]
        return {
            **self.account.variables,
            **sent,
            "SSH_CLIENT": f"{there[0]} {there[1]} {here[1]}",
            "SSH_CONNECTION": f"{there[0]} {there[1]} {here[0]} {here[1]}",
        }


def _exit(process: "asyncssh.SSHServerProcess[bytes]", code: int) -> None:
    """Report an exit code, or the signal that ended the command."""
    with suppress(OSError, asyncssh.Error):
        if code >= 0:
            process.exit(code)
        else:
            process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
