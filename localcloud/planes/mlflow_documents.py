"""MLflow's JSON documents: runs, experiments and metrics in the format of its REST API. Pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from localcloud.store.runs import StoredRun
from localcloud.store.tracking import Metric, StoredExperiment
from runtime.model.states import RunState

_S = RunState
STATUS: Final[Mapping[RunState, str]] = {
    _S.NOT_STARTED: "SCHEDULED",
    _S.STARTING: "SCHEDULED",
    _S.QUEUED: "SCHEDULED",
    _S.PREPARING: "SCHEDULED",
    _S.PROVISIONING: "SCHEDULED",
    _S.RUNNING: "RUNNING",
    _S.NOT_RESPONDING: "RUNNING",
    _S.PAUSED: "RUNNING",
    _S.CANCEL_REQUESTED: "RUNNING",
    _S.FINALIZING: "RUNNING",
    _S.COMPLETED: "FINISHED",
    _S.FAILED: "FAILED",
    _S.CANCELED: "KILLED",
}
STATES: Final[Mapping[str, RunState]] = {
    "SCHEDULED": _S.QUEUED,
    "RUNNING": _S.RUNNING,
    "FINISHED": _S.COMPLETED,
    "FAILED": _S.FAILED,
    "KILLED": _S.CANCELED,
}
_NUMBERS: Final[Mapping[str, float]] = {
    "nan": math.nan,
    "infinity": math.inf,
    "-infinity": -math.inf,
}


def milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def artifact_uri(run: StoredRun) -> str:
    """Return the URI of a run's artifacts; the scheme has clients use the tracking server."""
    return f"mlflow-artifacts:/{run.artifact_folder}"


def run_info(run: StoredRun) -> JsonObject:
    info = {
        "run_id": run.run_id,
        "run_uuid": run.run_id,
        "experiment_id": run.experiment,
        "run_name": run.name,
        "user_id": run.user,
        "status": STATUS[run.state],
        "start_time": milliseconds(run.started or run.created),
        "end_time": milliseconds(run.ended),
        "artifact_uri": artifact_uri(run),
        "lifecycle_stage": "deleted" if run.deleted else "active",
    }
    return {key: value for key, value in info.items() if value is not None}


def experiment_document(experiment: StoredExperiment) -> JsonObject:
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "artifact_location": "mlflow-artifacts:/ExperimentRun",
        "lifecycle_stage": "deleted" if experiment.deleted else "active",
        "creation_time": milliseconds(experiment.created),
        "last_update_time": milliseconds(experiment.modified),
        "tags": pairs(experiment.tags),
    }


def metric_document(metric: Metric) -> JsonObject:
    return {
        "key": metric.key,
        "value": number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }


def number(value: float) -> float | str:
    """Return a number as JSON can represent it: NaN and infinities are strings."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def pairs(mapping: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def read_pairs(items: Iterable[Document] | None) -> dict[str, str]:
    """Return ``[{"key", "value"}, …]`` as a mapping; ``UsageError`` if a key is missing."""
    found = list(items or ())
    if not all(item and item.get("key") for item in found):
        raise UsageError(
            "A tag or parameter has no key.", remedy="Send a 'key' and a 'value' for each."
        )
    return {str(item["key"]): str(item.get("value", "")) for item in found}


def read_metric(document: Document) -> Metric:
    """Return one metric of a request; ``UsageError`` if its value is not a number."""
    try:
        value = document["value"]
        return Metric(
            str(document["key"]),
            float(_NUMBERS.get(str(value).lower(), value)),
            int(document.get("timestamp") or 0),
            int(document.get("step") or 0),
            document.get("model_id") or None,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UsageError(
            f"The value of metric {document.get('key')!r} is {document.get('value')!r}, "
            "which is not a number.",
            remedy="Log numbers as metrics and everything else as parameters or tags.",
        ) from None
