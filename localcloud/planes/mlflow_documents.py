"""MLflow's JSON: runs, experiments, metrics as its REST API writes them. Pure, from rows."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from infra.contract.errors import UsageError
from localcloud.store.runs import Run
from localcloud.store.tracking import Experiment, Metric
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


def artifact_uri(run: Run) -> str:
    """Return where a run's files lie, in the form that goes through the tracking server."""
    return f"mlflow-artifacts:/{run.artifact_folder}"


def run_info(run: Run) -> dict[str, Any]:
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


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "artifact_location": "mlflow-artifacts:/ExperimentRun",
        "lifecycle_stage": "deleted" if experiment.deleted else "active",
        "creation_time": milliseconds(experiment.created),
        "last_update_time": milliseconds(experiment.modified),
        "tags": pairs(experiment.tags),
    }


def metric_document(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "value": number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }


def number(value: float) -> float | str:
    """Return a number as JSON can hold it: NaN and the infinities are words."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def pairs(mapping: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def read_pairs(items: Iterable[Any]) -> dict[str, str]:
    """Return ``[{"key", "value"}, …]`` as a mapping."""
    return {str(item["key"]): str(item.get("value", "")) for item in items or ()}


def read_metric(document: Mapping[str, Any]) -> Metric:
    """Return one metric of a request; ``UsageError`` where its value is no number."""
    value: Any = document.get("value")
    if isinstance(value, str):
        value = _NUMBERS.get(value.lower(), value)
    try:
        return Metric(
            str(document["key"]),
            float(value),
            int(document.get("timestamp") or 0),
            int(document.get("step") or 0),
            document.get("model_id") or None,
        )
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"{document.get('key')!r} has the value {value!r}, which is no number.",
            remedy="Log numbers as metrics, anything else as a parameter or tag.",
        ) from None
