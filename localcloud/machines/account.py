"""The account of a machine, and what serves it: what ``server`` has and ``machines`` needs."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of a machine. ``variables`` are those of its logins.

    Without a password only the keys in ``~/.ssh/authorized_keys`` are accepted.
    """

    user: str
    home: Path
    variables: Mapping[str, str]
    password: str = field(default="", repr=False)


class Server(Protocol):
    """A listening server."""

    @property
    def running(self) -> Sequence[int]:
        """The process ids of commands that have not ended."""

    async def close(self) -> None:
        """Stop listening and drop every connection; processes are not killed."""


Serve = Callable[[Account, int, str], Coroutine[object, object, Server]]
"""Serve an account on a port of loopback, with a private host key; ``OSError`` if it is taken."""
