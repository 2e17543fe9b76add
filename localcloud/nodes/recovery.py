"""After a restart: what the nodes of an earlier process left behind is saved, ended and told.

Runs that had not begun wait again; a run that was going on has failed, and says why.
"""

import shutil
from pathlib import Path
from typing import Final

from localcloud.calls.artifacts import artifact_store
from localcloud.calls.cloud import Cloud
from localcloud.nodes.processes import RECORD, end_left_over
from localcloud.store.runs import StoredRun
from runtime.model.states import RunState

_S: Final = RunState
_NOT_BEGUN: Final = frozenset(
    {_S.NOT_STARTED, _S.STARTING, _S.QUEUED, _S.PROVISIONING, _S.PREPARING}
)
_LOST: Final = (
    "The local cloud ended unexpectedly while the run was going on. Submit the run again."
)


def recover(cloud: Cloud, folder: Path) -> list[str]:
    """Settle every unfinished job; return the ARM ids of those to be queued again, oldest first."""
    for record in folder.rglob(RECORD):
        end_left_over(record)
    waiting = []
    for run in cloud.store.runs.unfinished_jobs():
        _keep_logs(cloud, run)
        if run.state in _NOT_BEGUN:
            text = "The local cloud was restarted; the run waits again."
            cloud.store.runs.record(run.key, cloud.clock(), "message", {"text": text})
            waiting.append(f"{run.workspace}/jobs/{run.run_id}")
        elif run.state is _S.CANCEL_REQUESTED:
            cloud.store.runs.move(run.key, _S.CANCELED, cloud.clock())
        else:
            cloud.store.runs.move(run.key, _S.FAILED, cloud.clock(), reason=_LOST)
    shutil.rmtree(folder, ignore_errors=True)
    return waiting


def _keep_logs(cloud: Cloud, run: StoredRun) -> None:
    """Turn logs that were still being written into blobs; those that are gone are forgotten."""
    store, blobs = artifact_store(cloud, run.workspace), cloud.store.blobs
    if store is None:
        return
    for blob in blobs.listing(store.account, store.container, f"{run.artifact_folder}/"):
        if blob.live and blob.file.exists():
            blobs.put_file(store.account, store.container, blob.name, blob.file, now=cloud.clock())
        elif blob.live:
            blobs.delete(store.account, store.container, blob.name)
