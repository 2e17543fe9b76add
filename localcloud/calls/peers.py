"""The run that a request comes from, by the process at the other end of its connection.

Account keys and signed URLs say nothing about who uses them, so the kernel is asked. On other
systems than Linux, and for processes of other users, there is no answer.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TABLES: Final = ("tcp", "tcp6")
_TOKEN: Final = b"AZUREML_RUN_TOKEN="
_LOCAL, _REMOTE, _INODE = 1, 2, 9
"""Columns of the kernel's table of connections (proc_pid_net(5))."""


def run_token(peer: int, port: int) -> str:
    """Return the token of the run whose process is at ``peer`` of a connection to ``port``.

    Empty if no process of a run is.
    """
    inodes = set(_inodes(peer, port))
    if not inodes:
        return ""
    for process in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            token = _token(process)
            if token and any(str(each.readlink()) in inodes for each in (process / "fd").iterdir()):
                return token
    return ""


def _inodes(peer: int, port: int) -> Iterator[str]:
    wanted = (f"{peer:04X}", f"{port:04X}")
    for table in _TABLES:
        with suppress(OSError):
            lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
            for columns in map(str.split, lines):
                if tuple(columns[n].rpartition(":")[2] for n in (_LOCAL, _REMOTE)) == wanted:
                    yield f"socket:[{columns[_INODE]}]"


def _token(process: Path) -> str:
    variables = (process / "environ").read_bytes().split(b"\0")
    found = [each for each in variables if each.startswith(_TOKEN)]
    return found[0].removeprefix(_TOKEN).decode("ascii", "replace") if found else ""
