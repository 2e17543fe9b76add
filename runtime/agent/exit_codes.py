"""What an exit code says about how a process ended."""

from __future__ import annotations

import signal

_SIGNALED = 128
_KILLED = "killed, often because memory ran out"


def positive(code: int) -> int:
    """Return the exit code as shells report it, for one of ``subprocess``: 128 + n for signal n."""
    return code if code >= 0 else _SIGNALED - code


def exit_text(code: int) -> str:
    """Return ``exit code 3``, or ``exit code 139 (SIGSEGV)`` for one that stands for a signal."""
    try:
        name = signal.Signals(code - _SIGNALED).name
    except ValueError:
        return f"exit code {code}"
    why = f"{name}: {_KILLED}" if name == "SIGKILL" else name
    return f"exit code {code} ({why})"
