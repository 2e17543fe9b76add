"""A run as the in-run ``azureml`` package is shown it, made from MLflow's document. Pure."""

from __future__ import annotations

from runtime.agent.documents import JsonObject
from runtime.agent.fields import read_pairs

PARENT_TAG = "mlflow.parentRunId"
_OF_MLFLOW = "mlflow."
STATES = {
    "RUNNING": "Running",
    "SCHEDULED": "NotStarted",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}
"""MLflow's run status → Azure ML's."""
STATUSES = {state: status for status, state in STATES.items()}


def run_document(run: JsonObject) -> JsonObject:
    """Return ``id``, ``name``, ``status``, ``experiment_id``, ``tags``, ``parent``, times in s."""
    info, tags = run["info"], read_pairs((run.get("data") or {}).get("tags"))
    return {
        "id": info["run_id"],
        "name": info.get("run_name") or info["run_id"],
        "status": STATES.get(str(info.get("status")), "Running"),
        "experiment_id": info.get("experiment_id"),
        "parent": tags.get(PARENT_TAG) or None,
        "tags": shown_tags(tags),
        "properties": {},
        "started": _seconds(info.get("start_time")),
        "ended": _seconds(info.get("end_time")),
    }


def shown_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that are the user's: MLflow keeps its own among them."""
    return {key: value for key, value in tags.items() if not key.startswith(_OF_MLFLOW)}


def _seconds(milliseconds: object) -> float | None:
    return float(str(milliseconds)) / 1000 if milliseconds else None
