"""The targets that a stack deployed, found in its manifest.

Imported only for a target other than `local`: reading a manifest takes pydantic, and a cloud's
client more.
"""

from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.load import load
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from runtime.targets.base import Closeable, Target
from runtime.targets.registry import target_class

# Kind of compute in the manifest → kind of target.
KINDS: Final = {"aml_compute": "azureml", "compute_instance": "azureml"}


def unusable(kind: str) -> str:
    """Return why targets of a kind of compute take no runs, ``""`` if they do."""
    return "" if kind in KINDS else f"kind {kind} cannot run jobs yet"


class DeployedTargets:
    """The targets of one stack. ``file`` is its manifest; ``home`` the ``.aml`` folder."""

    def __init__(self, home: Path, file: Path, stack: str) -> None:
        self._home = home
        self._file = file
        self._stack = stack
        self._client: Closeable | None = None

    def make(self, name: str) -> Target:
        """Return a new target; raises what ``require`` raises."""
        manifest, entry = self._entry(name)
        return self._azureml(name, entry, manifest)

    def require(self, name: str) -> None:
        """Raise what ``make`` would raise, without contacting or starting a cloud."""
        self._entry(name)

    def kind(self, name: str) -> str:
        """Return the kind of a compute, as in the manifest."""
        return self._entry(name)[1].kind

    def close(self) -> None:
        """Close the client that the targets share."""
        if self._client is not None:
            self._client.close()

    def _entry(self, name: str) -> tuple[Manifest, TargetEntry]:
        manifest = read_manifest(self._file, stack=self._stack)
        entry = manifest.target(name)
        if unusable(entry.kind):
            raise UsageError(
                f"Target {name!r} is of kind {entry.kind}, which cannot run jobs yet.",
                remedy=f"Use a target of kind {' or '.join(KINDS)}, or `local`.",
            )
        return manifest, entry

    def _azureml(self, name: str, entry: TargetEntry, manifest: Manifest) -> Target:
        if self._client is None:
            self._client = (
                load("infra.arm.client:local_client", extra="azureml")(self._home)
                if manifest.cloud == "local"
                else load("infra.arm.client:azure_client", extra="azureml")()
            )
        return target_class("azureml")(
            name, self._client, workspace_id=manifest.workspace.id, compute_id=entry.id
        )
