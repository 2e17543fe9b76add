"""A run as `az ml job show` prints a job: the same keys, from the history. Pure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.command_line import shown_command
from infra.contract.json_types import JsonObject
from infra.contract.times import utc_text
from runtime.model.pipelines import NATIVE_PROPERTY, PIPELINE_TARGET
from runtime.model.runs import RunRecord

_LOCAL: Final = "local"
_STUDIO: Final = "https://ml.azure.com"
_TYPES: Final = {"hyperdrive": "sweep", "automl": "automl"}
"""`azureml.runsource` of a run → the type of its job."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the page of a run is.

    ``workspace`` is the ARM id of the stack's, ``studio`` the address of its studio: ``""`` for
    Azure's. ``runs`` is the folder of the runs of this machine.
    """

    runs: Path
    workspace: str = ""
    studio: str = ""

    def page(self, record: RunRecord) -> str:
        """Return the address of a run's page: its folder, for a run on this machine."""
        if record.target == _LOCAL or not self.workspace:
            return (self.runs / record.run_id).absolute().as_uri()
        return f"{self.studio or _STUDIO}/runs/{record.run_id}?wsid={self.workspace}"


def job_document(record: RunRecord, pages: Pages) -> JsonObject:
    """Return a run with the keys of a job of CLI v2."""
    handle = record.handle or ""
    compute = record.target if record.target == _LOCAL else f"azureml:{record.target}"
    source = record.properties.get("azureml.runsource") or ""
    is_pipeline = record.target == PIPELINE_TARGET or NATIVE_PROPERTY in record.properties
    kind = "pipeline" if is_pipeline else _TYPES.get(source, "command")
    command = record.script
    if record.arguments or command.endswith(".py"):
        command = shown_command(["python", command, *record.arguments])
    return {
        "command": None if is_pipeline else command,
        "compute": None if is_pipeline else compute,
        "creation_context": {"created_at": utc_text(record.created)},
        "description": record.description,
        "display_name": record.display_name or record.run_id,
        "error": record.error,
        "experiment_name": record.experiment,
        "id": f"azureml:{handle}" if handle.startswith("/") else None,
        "name": record.run_id,
        "properties": dict(record.properties),
        "services": {"Studio": {"endpoint": pages.page(record), "type": "Studio"}},
        "status": str(record.state),
        "tags": dict(record.tags),
        "type": kind,
    }
