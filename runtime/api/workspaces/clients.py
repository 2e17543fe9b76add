"""Speaks to the cloud of one workspace: Azure Resource Manager, and where MLflow tracks."""

import os
import weakref
from pathlib import Path
from typing import Protocol

from infra.contract.discovery import ensure_cloud
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.manifest import Manifest


class Answer(Protocol):
    """The answer to a request; ``document`` is its JSON object."""

    document: Document


class ArmClient(Protocol):
    """`infra.arm`'s client, as far as it is used here."""

    def complete(
        self, method: str, path_or_url: str, *, api_version: str = "", body: object = None
    ) -> Answer:
        """Send a request and return the answer; raises ``ProviderError`` for a refusal."""

    def close(self) -> None:
        """Close the connections."""


class Clients:
    """The clients of one workspace, opened when they are used. ``home`` is the ``.aml`` folder."""

    def __init__(self, home: Path, manifest: Manifest) -> None:
        self._home = home
        self._manifest = manifest
        self._arm: ArmClient | None = None

    @property
    def local(self) -> bool:
        """Whether the workspace is in the local cloud."""
        return self._manifest.cloud == "local"

    def arm(self) -> ArmClient:
        """Return the client for Azure Resource Manager; the local cloud is started if down."""
        if self._arm is None:
            name = "local_client" if self.local else "azure_client"
            make = load(f"infra.arm.client:{name}", extra="azureml")
            made: ArmClient = make(self._home) if self.local else make()
            self._arm = made
            weakref.finalize(self, made.close)
        return self._arm

    def get(self, resource_id: str, api_version: str) -> Document:
        """Return a resource as Azure Resource Manager has it."""
        return self.arm().complete("GET", resource_id, api_version=api_version).document

    def token(self, scope: str) -> str:
        """Return a bearer token for ``scope``."""
        if self.local:
            credential = load("infra.arm.credentials:local_credential", extra="azureml")
            return str(credential(ensure_cloud(self._home)).token())
        credential = load("infra.arm.credentials:azure_credential", extra="azureml")
        return str(credential(None, scope).token())

    def tracking_uri(self) -> str:
        """Return the address of the MLflow server; give mlflow what it needs to reach it."""
        workspace = self._manifest.workspace
        if self.local:
            cloud = ensure_cloud(self._home)
            base = cloud.url
            os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"] = str(cloud.ca)
        else:
            base = f"https://{workspace.location}.api.azureml.ms"
        os.environ["MLFLOW_TRACKING_TOKEN"] = self.token("https://management.azure.com/.default")
        return f"{base}/mlflow/v2.0{workspace.id}"
