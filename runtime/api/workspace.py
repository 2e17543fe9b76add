"""``Workspace``, as in azureml-core: the workspace that a stack deployed."""

from collections.abc import Mapping
from pathlib import Path

from infra.catalogue.names import parse_arm_id
from infra.contract.manifest import Manifest, read_manifest
from runtime.api.compute_target import ComputeTarget
from runtime.submit.session import ProjectSession, open_session

__all__ = ["Workspace"]


class Workspace:
    """The workspace that one stack deployed."""

    def __init__(self, session: ProjectSession) -> None:
        self._session = session
        self._manifest = read_manifest(session.targets.manifest_file, stack=session.stack)
        workspace = self._manifest.workspace
        parts = parse_arm_id(workspace.id)
        self.id = workspace.id
        self.name = workspace.name
        self.location = workspace.location
        self.subscription_id = parts.subscription
        self.resource_group = parts.resource_group or ""

    @classmethod
    def from_config(
        cls, path: str | Path | None = None, *, stack: str | None = None
    ) -> "Workspace":
        """Return the workspace of ``stack`` (default: the selected one), or of a manifest file.

        Raises ``NotDeployedError`` if nothing was deployed.
        """
        return cls(open_session(stack, None if path is None else Path(path)))

    @property
    def compute_targets(self) -> Mapping[str, ComputeTarget]:
        """Return the workspace's computes by name."""
        return {name: ComputeTarget(self, name) for name in self._manifest.targets}

    @property
    def manifest(self) -> Manifest:
        """Return the document the stack exported."""
        return self._manifest

    @property
    def session(self) -> ProjectSession:
        """Return the session that submits to this workspace; used by this package."""
        return self._session

    def __repr__(self) -> str:
        return f"Workspace(name={self.name!r}, resource_group={self.resource_group!r})"
