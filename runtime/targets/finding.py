"""Finds targets by name: `local`, or a compute in a stack's manifest.

The manifest is read only for a name other than `local`.
"""

from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.load import load
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from runtime.targets.base import Closeable, Target
from runtime.targets.registry import target_class

LOCAL: Final = "local"
# Kind of compute in the manifest → kind of target.
KINDS: Final = {"aml_compute": "azureml", "compute_instance": "azureml"}


class Targets:
    """The targets of one stack. ``file`` is its manifest; ``home`` the ``.aml`` folder."""

    def __init__(self, home: Path, file: Path, stack: str) -> None:
        self._home = home
        self._file = file
        self._stack = stack
        self._made: dict[str, Target] = {}
        self._client: Closeable | None = None

    def target(self, name: str) -> Target:
        """Return the target called ``name``; the same object each time.

        Raises ``UnknownNameError``, which suggests the nearest name, ``NotDeployedError`` without a
        manifest, and ``UsageError`` for a kind of compute that runs cannot use.
        """
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def require(self, name: str) -> None:
        """Raise what ``target`` would raise, without contacting or starting a cloud."""
        if name != LOCAL:
            self._entry(name)

    def manifest(self) -> Manifest:
        """Return the manifest of the stack."""
        return read_manifest(self._file, stack=self._stack)

    def close(self) -> None:
        """Close the connections of all targets."""
        for each in (*self._made.values(), self._client):
            if isinstance(each, Closeable):
                each.close()

    def _make(self, name: str) -> Target:
        if name == LOCAL:
            return target_class(LOCAL)(self._home)
        manifest, entry = self._entry(name)
        return self._azureml(name, entry, manifest)

    def _entry(self, name: str) -> tuple[Manifest, TargetEntry]:
        manifest = self.manifest()
        entry = manifest.target(name)
        if entry.kind not in KINDS:
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
