"""Reads the run's context from the ``AZUREML_*`` and ``MLFLOW_*`` environment variables."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class TrackingServer:
    """The MLflow tracking server that the target configured; ``url`` is https, without final slash.

    ``ca`` is a PEM file of trusted certificate authorities, or empty.
    """

    url: str
    token: str
    ca: str


@dataclass(frozen=True)
class RunContext:
    """The run's identity. ``tracking`` is ``None`` if the agent is the only tracking server."""

    run_id: str
    experiment: str
    experiment_id: str
    tracking: TrackingServer | None

    @property
    def offline(self) -> bool:
        """Whether the script was started by hand, without a target that assigns a run id."""
        return self.run_id.startswith("OfflineRun_")


def read_context(environ: Mapping[str, str]) -> RunContext:
    """Return the context that the variables describe."""
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
    """Return the https URL that azureml-mlflow uses for ``azureml://host/mlflow/v1.0/…``."""
    parts = urlsplit(url)
    return "https://" + parts.netloc + parts.path.replace("/mlflow/v1.0/", "/mlflow/v2.0/", 1)
