"""What the surroundings say about the run: the ``AZUREML_*`` and ``MLFLOW_*`` variables.

Reads a mapping, usually ``os.environ``; writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class TrackingServer:
    """An MLflow tracking server of the surroundings. ``url`` is https and has no slash at its end.

    ``ca`` is a PEM file with the authorities to trust, or empty.
    """

    url: str
    token: str
    ca: str


@dataclass(frozen=True)
class RunContext:
    """Who this run is. ``tracking`` is ``None`` where nobody but the agent tracks."""

    run_id: str
    experiment: str
    experiment_id: str
    tracking: TrackingServer | None

    @property
    def offline(self) -> bool:
        """No target gave the run an id: a script started by hand."""
        return self.run_id.startswith("OfflineRun_")


def read_context(environ: Mapping[str, str]) -> RunContext:
    """Return the run that the variables describe."""
    run_id = environ.get("AZUREML_RUN_ID") or environ.get("MLFLOW_RUN_ID")
    experiment = environ.get("MLFLOW_EXPERIMENT_NAME") or environ.get("AZUREML_ARM_PROJECT_NAME")
    return RunContext(
        run_id=run_id or f"OfflineRun_{uuid.uuid4()}",
        experiment=experiment or "Default",
        experiment_id=environ.get("MLFLOW_EXPERIMENT_ID")
        or environ.get("AZUREML_EXPERIMENT_ID")
        or "0",
        tracking=_tracking(environ),
    )


def _tracking(environ: Mapping[str, str]) -> TrackingServer | None:
    url = environ.get("MLFLOW_TRACKING_URI", "")
    if url.startswith("azureml://"):
        url = _over_https(url)
    if not url.startswith("https://"):
        return None
    return TrackingServer(
        url=url.rstrip("/"),
        token=environ.get("MLFLOW_TRACKING_TOKEN") or environ.get("AZUREML_RUN_TOKEN", ""),
        ca=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
        or environ.get("REQUESTS_CA_BUNDLE")
        or environ.get("SSL_CERT_FILE", ""),
    )


def _over_https(url: str) -> str:
    """Return where Azure ML's plug-in sends the calls of ``azureml://host/mlflow/v1.0/…``."""
    parts = urlsplit(url)
    return "https://" + parts.netloc + parts.path.replace("/mlflow/v1.0/", "/mlflow/v2.0/", 1)
