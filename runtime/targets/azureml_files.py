"""The files of a run in its workspace: downloads of its artifacts."""

from pathlib import Path

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import ContainerClient

from infra.contract.errors import UnreachableError
from runtime.agent.files import Below, OutsideError
from runtime.agent.options import EVENTS_FILE
from runtime.targets.base import Report, left_out


def download(
    container: ContainerClient, run_id: str, into: Path, report: Report, *, folder: str = ""
) -> list[Path]:
    """Download the artifacts of a run to ``folder`` (``""``, or with a final slash) in ``into``.

    Their names are whatever a script or a client chose. The agent's events are not among them.
    """
    prefix = f"ExperimentRun/dcid.{run_id}/"
    below, collected = Below(into), []
    try:
        for blob in container.list_blobs(name_starts_with=prefix):
            name = blob.name.removeprefix(prefix)
            if name.endswith("/") or name == EVENTS_FILE:
                continue  # some clients write an empty blob for a folder
            try:
                with below.replacing(folder + name) as sink:
                    container.download_blob(blob.name).readinto(sink)
                collected.append(below.file(folder + name))
            except (OutsideError, OSError, HttpResponseError) as error:
                report(left_out(folder + name, error))
    except AzureError as error:
        raise UnreachableError(
            f"The files of run {run_id} cannot be downloaded: {error}.",
            remedy=f"Run `aml run download {run_id}` again; earlier copies are unchanged.",
        ) from error
    return collected
