"""Reads the host key that a machine offers, and those in ``known_hosts``. Uses paramiko.

Only the key exchange is done: nobody logs in, and no credential is sent.
"""

import logging
import socket
from collections.abc import Sequence
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
    """Return the keys that a ``known_hosts`` file has for an address, hashed names included."""
    try:
        entries = paramiko.HostKeys(str(file))
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for host in hosts:
        known = entries.lookup(host if port == _SSH else f"[{host}]:{port}") or {}
        found += [f"{kind} {known[kind].get_base64()}" for kind in known]
    return list(dict.fromkeys(found))


def _base(kind: str) -> str:
    """Return the type of the key that signs with an algorithm (``rsa-sha2-512``: ``ssh-rsa``)."""
    return "ssh-rsa" if kind.startswith("rsa-sha2") else kind
