"""Reads the host key that a machine offers, and those in ``known_hosts``. Uses paramiko.

Only the key exchange is done: nobody logs in, and no credential is sent.
"""

import logging
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import paramiko

_SSH: Final = 22
# Nothing of its own; but for a level it prints every refused connection to stderr.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def offered_key(host: str, port: int, kinds: Sequence[str], timeout_s: float) -> str:
    """Return the host key of a server, preferably of one of ``kinds``.

    Raises ``OSError`` if it does not answer or is no ssh server.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        transport = paramiko.Transport(connection)
        try:
            options = transport.get_security_options()
            wanted = [kind for kind in options.key_types if _base(kind) in kinds]
            rest = [kind for kind in options.key_types if kind not in wanted]
            options.key_types = [*wanted, *rest]
            transport.banner_timeout = timeout_s
            transport.start_client(timeout=timeout_s)
            key = transport.get_remote_server_key()
        except (paramiko.SSHException, EOFError) as error:
            raise OSError(str(error) or "it is not an ssh server") from error
        finally:
            transport.close()
    return f"{key.get_name()} {key.get_base64()}"


def known_keys(file: Path, hosts: Sequence[str], port: int) -> list[str]:
    """Return the keys that a ``known_hosts`` file has for an address, hashed names included.

    Lines with a marker (``@revoked``) or a pattern are left out.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    names = [named(host, port) for host in hosts]
    return list(dict.fromkeys(key for line in lines for key in _keys(line, names)))


def named(host: str, port: int) -> str:
    """Return an address as ``known_hosts`` names it."""
    return host if port == _SSH else f"[{host}]:{port}"


def _keys(line: str, names: Sequence[str]) -> Iterator[str]:
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
    except paramiko.SSHException:
        return
    if entry is not None and any(_means(h, name) for h in entry.hostnames for name in names):
        yield f"{entry.key.get_name()} {entry.key.get_base64()}"


def _means(host: str, name: str) -> bool:
    if host.startswith("|1|"):
        return bool(paramiko.HostKeys.hash_host(name, host) == host)
    return host == name


def _base(kind: str) -> str:
    """Return the type of the key that signs with an algorithm (``rsa-sha2-512``: ``ssh-rsa``)."""
    return "ssh-rsa" if kind.startswith("rsa-sha2") else kind
