"""Copies the outputs and logs of a finished run to this machine, and records where."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.contract.errors import UsageError
from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.agent.installed import FILE as INSTALLED_FILE
from runtime.history.store import History
from runtime.targets.base import Handle, Report, Target


def collect(
    history: History,
    target: Target,
    run_id: str,
    home: Path,
    *,
    report: Report,
    into: Path | None = None,
) -> Sequence[Path]:
    """Copy a run's files to ``into`` (default: ``<home>/outputs/<run id>``) and return them.

    ``report`` is called for each file that is left out.
    """
    record = history.record(run_id)
    if not record.state.final:
        raise UsageError(
            f"Run {run_id} is {record.state}; its outputs are collected when it has ended.",
            remedy=f"Wait for it with `aml run logs -f {run_id}`.",
        )
    folder = into or private_folder(home / "outputs" / run_id)
    files = target.collect(Handle(target.name, record.handle or run_id), folder, report)
    _keep_lock(home, folder / INSTALLED_FILE)
    history.change(run_id, outputs=str(folder.absolute()))
    return files


def _keep_lock(home: Path, file: Path) -> None:
    """Keep the lock that a run of a cluster reported, if it did."""
    if not file.is_file():
        return
    with suppress(OSError, ValueError):
        lock = load("runtime.environments.resolved:ResolvedLock")(file.read_text(encoding="utf-8"))
        folder = home / load("runtime.environments.lock_store:FOLDER")
        load("runtime.environments.lock_store:LockStore")(folder).keep(lock)
