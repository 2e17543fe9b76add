"""Waits at a script's end for what it has logged through Microsoft's package, which sends it late.

In Azure ML's older jobs a wrapper around the script does so. Without it, the last numbers are lost.
"""

import atexit
import concurrent.futures.thread  # noqa: F401 - hooks run last in, first out: its own after ours
import sys
import threading
import typing
import warnings

_LONGEST_S = 60


def flush_at_exit() -> None:
    """Send what is still waiting when the script ends, while threads can still be started."""
    register = getattr(threading, "_register_atexit", atexit.register)
    register(_flush)


def _flush() -> None:
    runs: typing.Any = getattr(sys.modules.get("azureml.core.run"), "_SubmittedRun", None)
    for run in list(getattr(runs, "_SubmittedRun__instances", {}).values()):
        _flush_one(run)


def _flush_one(run: typing.Any) -> None:
    try:
        run.flush(timeout_seconds=_LONGEST_S)
    except Exception as error:  # noqa: BLE001 - whatever their client raises, the script has ended
        warnings.warn(f"Some of what was logged could not be sent: {error}", stacklevel=1)
