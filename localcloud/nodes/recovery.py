"""Recovery after a restart: ends leftover processes and containers, saves logs, settles runs.

Runs that had not started are queued again; runs that were in progress fail with the reason.
"""

import shutil
from pathlib import Path
from typing import Final

from localcloud.calls.artifacts import artifact_store
from localcloud.calls.cloud import Cloud
from localcloud.nodes.processes import RECORDS, kill_recorded
from localcloud.nodes.runners import remove_recorded
from localcloud.store.runs import StoredRun
from runtime.model.states import RunState

_S: Final = RunState
_NOT_BEGUN: Final = frozenset(
    {_S.NOT_STARTED, _S.STARTING, _S.QUEUED, _S.PROVISIONING, _S.PREPARING}
)
_LOST: Final = (
    "The local cloud ended unexpectedly while the run was in progress. Submit the run again."
)


def recover(cloud: Cloud, folder: Path) -> list[str]:
    """Settle every unfinished job; return the ARM ids of those to queue again, oldest first."""
    for record in folder.rglob(RECORDS):
        kill_recorded(record)
    remove_recorded(folder)
    waiting = []
    for run in cloud.store.runs.unfinished_jobs():
        _keep_logs(cloud, run)
        if run.state in _NOT_BEGUN:
            text = "The local cloud was restarted; the run is queued again."
            cloud.store.runs.record(run.key, cloud.clock(), "message", {"text": text})
            waiting.append(f"{run.workspace}/jobs/{run.run_id}")
        elif run.state is _S.CANCEL_REQUESTED:
            cloud.store.runs.move(run.key, _S.CANCELED, cloud.clock())
        else:
            cloud.store.runs.move(run.key, _S.FAILED, cloud.clock(), reason=_LOST)
    shutil.rmtree(folder, ignore_errors=True)
    return waiting


def _keep_logs(cloud: Cloud, run: StoredRun) -> None:
    """Copy live logs into blobs; delete those whose file is gone."""
    store, blobs = artifact_store(cloud, run.workspace), cloud.store.blobs
    if store is None:
        return
    for blob in blobs.listing(store.account, store.container, f"{run.artifact_folder}/"):
        if blob.live and blob.file.exists():
            blobs.put_file(store.account, store.container, blob.name, blob.file, now=cloud.clock())
        elif blob.live:
            blobs.delete(store.account, store.container, blob.name)
