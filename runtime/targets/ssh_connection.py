"""A held connection over ssh. The only module that imports paramiko.

The host key is checked before anything is sent: against the one that is pinned in the manifest,
else against ``known_hosts``.
"""

import io
import logging
import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Final

import paramiko

from infra.contract.errors import CredentialError
from runtime.targets.base import Output
from runtime.targets.references import read_reference
from runtime.targets.ssh_machine import (
    Machine,
    changed_host,
    line_lost,
    no_answer,
    rejected,
    unknown_host,
    windows,
)

_CONNECT_S: Final = 10.0
_LOGIN_S: Final = 30.0
_SILENT_MS: Final = 20_000
"""A connection whose packets nobody acknowledges for so long is lost."""
_KEEPALIVE_S: Final = 5
_EXECUTED_S: Final = 30.0
_WRITTEN_S: Final = 60.0
"""A server that acknowledges packets may still do nothing, as one that is out of memory: how long
it may take to start a command or report its end, and how long its input may be full."""
_KNOWN_HOSTS: Final = (".ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
_HASHED: Final = "|1|"
_OWN_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")
_KINDS: Final = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256")
_BLOCK_BYTES: Final = 1 << 18
_PROHIBITED: Final = 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, RFC 4254
_WINDOWS: Final = "windows"

# For want of a handler it would print each refused connection to standard error.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Command:
    """A command at the machine, with its standard input and output."""

    def __init__(self, machine: Machine, channel: paramiko.Channel) -> None:
        self._machine = machine
        self._channel = channel
        self._rest = b""

    def write(self, content: bytes) -> int:
        """Send bytes to its input. Raises ``UnreachableError``."""
        timeout_s = self._channel.gettimeout()
        self._channel.settimeout(_WRITTEN_S)
        with _lost(self._machine):
            self._channel.sendall(content)
        self._channel.settimeout(timeout_s)
        return len(content)

    def end_input(self) -> None:
        """Say that nothing more comes."""
        with _lost(self._machine):
            self._channel.shutdown_write()

    def read_line(self) -> bytes:
        """Return a line of its output; less at its end. Raises ``UnreachableError``."""
        while b"\n" not in self._rest:
            more = self._more()
            if not more:
                break
            self._rest += more
        line, newline, self._rest = self._rest.partition(b"\n")
        return line + newline

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes of its output, nothing at its end."""
        content = self._rest[:size] or self._more()
        self._rest = self._rest[size:] if self._rest else content[size:]
        return content[:size]

    def ended(self) -> tuple[int | None, str]:
        """Return the exit code, and what it wrote to standard error; both of a dead command."""
        self._channel.settimeout(_EXECUTED_S)
        with _lost(self._machine):
            said = b"".join(iter(lambda: self._channel.recv_stderr(_BLOCK_BYTES), b""))
            if not self._channel.status_event.wait(_EXECUTED_S):
                raise TimeoutError
            code = self._channel.recv_exit_status()
        return (None if code < 0 else code), said.decode(errors="replace")

    def expect_within(self, seconds: float | None) -> None:
        """Set how long a read may take."""
        self._channel.settimeout(seconds)

    def close(self) -> None:
        with suppress(OSError, EOFError):
            self._channel.close()

    def _more(self) -> bytes:
        with _lost(self._machine):
            content: bytes = self._channel.recv(_BLOCK_BYTES)
        if not content and not self._channel.get_transport().is_active():
            raise line_lost(self._machine)
        return content


class Beside:
    """A process beside a run's script, or a connection to one of its ports.

    ``reason`` is why there is no connection.
    """

    def __init__(
        self, machine: Machine, channel: paramiko.Channel | None, reason: str = ""
    ) -> None:
        self._machine = machine
        self._channel = channel
        self._said = [Output(f"{reason}\n".encode(), is_error=True)] if reason else []

    def fileno(self) -> int:
        """Return a descriptor that is ready to be read when there is output."""
        return self._channel.fileno() if self._channel is not None else -1

    def read(self, timeout_s: float) -> Sequence[Output] | None:
        """Return new output, nothing after ``timeout_s`` without any, ``None`` at the end."""
        channel = self._channel
        if self._said or channel is None:
            said, self._said = self._said, []
            return said or None
        with _lost(self._machine):
            ready = select.select([channel], [], [], timeout_s)[0]
            found = []
            if channel.recv_stderr_ready():
                found.append(Output(channel.recv_stderr(_BLOCK_BYTES), is_error=True))
            if channel.recv_ready():
                found.append(Output(channel.recv(_BLOCK_BYTES)))
            if not found and ready and (channel.eof_received or channel.closed):
                return None
            return found

    def write(self, content: bytes) -> None:
        """Write to its standard input; nothing happens if it has ended."""
        if self._channel is not None:
            with suppress(OSError):
                self._channel.sendall(content)

    def end_input(self) -> None:
        """Close its standard input."""
        if self._channel is not None:
            with suppress(OSError, EOFError):
                self._channel.shutdown_write()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of its terminal."""
        if self._channel is not None:
            with suppress(paramiko.SSHException, OSError):
                self._channel.resize_pty(columns, lines)

    def exit_code(self) -> int:
        """Return its exit code; of a connection, whether there was one."""
        if self._channel is None:
            return 1
        with _lost(self._machine):
            code: int = self._channel.recv_exit_status()
        return max(code, 0)

    def close(self) -> None:
        """Close it: what still runs gets a hangup."""
        if self._channel is not None:
            with suppress(OSError, EOFError):
                self._channel.close()


class Connection:
    """A connection; its commands run at once, each in a channel."""

    def __init__(self, machine: Machine, transport: paramiko.Transport) -> None:
        self.machine = machine
        self._transport = transport

    def command(self, line: str) -> Command:
        """Start a command at the machine, in its user's shell. Raises ``UnreachableError``."""
        with _lost(self.machine):
            channel = self._transport.open_session(timeout=_LOGIN_S)
            with _within(channel, _EXECUTED_S):
                channel.exec_command(line)
        return Command(self.machine, channel)

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known here."""
        return bool(self._transport.is_active())

    def beside(self, line: str, terminal: tuple[int, int] | None) -> Beside:
        """Start a command for a person; ``terminal`` is its columns and lines."""
        with _lost(self.machine):
            channel = self._transport.open_session(timeout=_LOGIN_S)
            with _within(channel, _EXECUTED_S):
                if terminal:
                    channel.get_pty(os.environ.get("TERM", "xterm"), *terminal)
                channel.exec_command(line)
        return Beside(self.machine, channel)

    def port(self, port: int) -> Beside | None:
        """Connect to a port of the machine; ``None`` if its ssh server forwards none."""
        place = ("127.0.0.1", port)
        try:
            channel = self._transport.open_channel(
                "direct-tcpip", place, ("127.0.0.1", 0), timeout=_LOGIN_S
            )
        except paramiko.ChannelException as error:
            if error.code == _PROHIBITED:
                return None
            return Beside(self.machine, None, f"port {port}: {error.text or 'no connection'}")
        except (paramiko.SSHException, OSError, EOFError):
            raise line_lost(self.machine) from None
        return Beside(self.machine, channel)

    def close(self) -> None:
        """Close the connection and its channels. Closing twice does nothing."""
        self._transport.close()


def connect(machine: Machine, folder: Path, environ: Mapping[str, str]) -> Connection:
    """Log in to a machine.

    ``folder`` is what paths of references are relative to. Raises ``UnreachableError`` if it does
    not answer, ``CredentialError`` for a key of the host, or a login, that is not accepted, and
    ``MachineError`` for one that runs Windows.
    """
    transport = _transport(machine)
    try:
        home = Path(environ.get("HOME", os.sep))
        known = _known_keys(machine, home)
        security = transport.get_security_options()
        security.key_types = _preferred([key.get_name() for key in known], security.key_types)
        try:
            transport.start_client(timeout=_CONNECT_S)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise no_answer(machine, f"it does not speak ssh ({_text(error)})") from None
        _check_host(machine, transport, known)
        _log_in(machine, transport, folder, environ)
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(_KEEPALIVE_S)
    return Connection(machine, transport)


def fingerprint(key: paramiko.PKey) -> str:
    """Return the fingerprint of a key as ssh-keygen prints it, with its type."""
    return f"{key.get_name()} {key.fingerprint}"


def _transport(machine: Machine) -> paramiko.Transport:
    try:
        line = socket.create_connection((machine.address, machine.port), _CONNECT_S)
    except socket.gaierror:
        raise no_answer(machine, "there is no host of this name") from None
    except TimeoutError:
        raise no_answer(machine, f"nothing came back within {_CONNECT_S:.0f} s") from None
    except OSError as error:
        raise no_answer(machine, _text(error)) from None
    line.settimeout(None)
    # Without it, each command costs 40 ms more: small packets wait for an acknowledgement.
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
    transport = paramiko.Transport(line)
    transport.banner_timeout = transport.auth_timeout = _LOGIN_S
    return transport


def _known_keys(machine: Machine, home: Path) -> list[paramiko.PKey]:
    """Return the keys that the machine may have: the pinned one, else those of known_hosts."""
    if machine.host_key:
        line = paramiko.hostkeys.HostKeyEntry.from_line(f"{machine.known_as} {machine.host_key}")
        if line is None or line.key is None:
            raise CredentialError(
                f"The manifest has a host key of {machine.target!r} that cannot be read.",
                remedy="Run `aml up` to write it again.",
            )
        return [line.key]
    return [
        key
        for file in (home / _KNOWN_HOSTS[0], Path(_KNOWN_HOSTS[1]))
        for key in _keys_in(file, machine.known_as)
    ]


def _keys_in(file: Path, name: str) -> Iterator[paramiko.PKey]:
    """Yield every key that a ``known_hosts`` file has for a name, which may be hashed there."""
    lines: list[str] = []
    with suppress(OSError):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        with suppress(paramiko.SSHException, paramiko.hostkeys.InvalidHostKey):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
            for host in entry.hostnames if entry is not None else ():
                hashed = host.startswith(_HASHED)
                if (paramiko.HostKeys.hash_host(name, host) if hashed else name) == host:
                    yield entry.key


def _preferred(known: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    """Return the types of host keys to ask for: first those that are known here."""
    wanted = {kind for name in known for kind in (_RSA if name == "ssh-rsa" else (name,))}
    return tuple(sorted(types, key=lambda kind: kind not in wanted))


def _check_host(
    machine: Machine, transport: paramiko.Transport, known: Sequence[paramiko.PKey]
) -> None:
    found = transport.get_remote_server_key()
    if not known:
        raise unknown_host(machine, fingerprint(found))
    if found.asbytes() not in [key.asbytes() for key in known]:
        where = "the manifest" if machine.host_key else "known_hosts"
        raise changed_host(machine, fingerprint(found), [*map(fingerprint, known)], where)
    if _WINDOWS in str(transport.remote_version).lower():
        raise windows(machine)


def _log_in(
    machine: Machine, transport: paramiko.Transport, folder: Path, environ: Mapping[str, str]
) -> None:
    """Try the credentials in turn, until one is accepted."""
    tried: list[str] = []
    offered: Sequence[str] = ()
    for name, attempt in _attempts(machine, transport, folder, environ):
        tried.append(name)
        try:
            attempt()
        except paramiko.BadAuthenticationType as error:
            offered = error.allowed_types
        except paramiko.AuthenticationException:
            pass
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise no_answer(machine, f"it hung up during the login ({_text(error)})") from None
        if transport.is_authenticated():
            return
        if not transport.is_active():
            break
    raise rejected(machine, tried, offered)


def _attempts(
    machine: Machine, transport: paramiko.Transport, folder: Path, environ: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], object]]]:
    given, user = machine.credentials, machine.user
    if "private_key" in given:
        passphrase = given.get("passphrase")
        phrase = read_reference(passphrase, folder, environ) if passphrase else None
        text = read_reference(given["private_key"], folder, environ)
        key = _private_key(machine, text, phrase)
        yield f"the key of {given['private_key']}", lambda: transport.auth_publickey(user, key)
    if "password" in given:
        word = read_reference(given["password"], folder, environ)
        yield f"the password of {given['password']}", lambda: transport.auth_password(user, word)
    if "private_key" not in given and "password" not in given:
        for held in _agent_keys():
            attempt = partial(transport.auth_publickey, user, held)
            yield f"{held.get_name()} {held.fingerprint} of the ssh agent", attempt
        for name in _OWN_KEYS:
            file = Path(environ.get("HOME", os.sep)) / ".ssh" / name
            with suppress(OSError, paramiko.SSHException, ValueError):
                own = _loaded(file.read_text(encoding="utf-8"), None)
                yield str(file), partial(transport.auth_publickey, user, own)


def _agent_keys() -> Sequence[paramiko.AgentKey]:
    """Return the keys of the ssh agent; none of one that does not answer."""
    with suppress(paramiko.SSHException, OSError):
        keys: Sequence[paramiko.AgentKey] = paramiko.Agent().get_keys()
        return keys
    return ()


def _private_key(machine: Machine, text: str, passphrase: str | None) -> paramiko.PKey:
    reference = machine.credentials["private_key"]
    try:
        return _loaded(text, passphrase)
    except paramiko.PasswordRequiredException:
        why, remedy = "it needs a passphrase", "Add `passphrase` to the stack file, a reference."
    except (paramiko.SSHException, ValueError):
        why = "its passphrase is wrong, or it is not a private key"
        remedy = "Correct what `private_key` and `passphrase` of the stack file refer to."
    raise CredentialError(f"The private key of {reference} cannot be read: {why}.", remedy=remedy)


def _loaded(text: str, passphrase: str | None) -> paramiko.PKey:
    """Return a private key of any kind. Raises what its own kind does."""
    problem: Exception = paramiko.SSHException("it is not a private key")
    for kind in _KINDS:
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(f"{text}\n"), passphrase)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError, IndexError) as error:
            problem = error
        else:
            return key
    raise problem


@contextmanager
def _within(channel: paramiko.Channel, seconds: float) -> Iterator[None]:
    """Close a channel that paramiko would wait for without end; that ends the wait."""
    timer = Timer(seconds, channel.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _lost(machine: Machine) -> Iterator[None]:
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError):
        raise line_lost(machine) from None


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
