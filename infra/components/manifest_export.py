"""The manifest of a platform, as an output: what a deployment hands to whoever submits runs."""

from typing import Any

import pulumi

from infra.components.platform import Platform
from infra.contract.manifest import Manifest, TargetEntry, WorkspaceEntry


def manifest_of(
    platform: Platform, *, project: str, stack: str, cloud: str
) -> pulumi.Output[dict[str, Any]]:
    """Return the document, validated against the contract; it holds no secret."""

    def build(parts: dict[str, Any]) -> dict[str, Any]:
        manifest = Manifest.model_validate(
            {
                "project": project,
                "stack": stack,
                "cloud": cloud,
                "workspace": WorkspaceEntry.model_validate(parts["workspace"]),
                "targets": {
                    name: TargetEntry.model_validate(entry)
                    for name, entry in parts["targets"].items()
                },
            }
        )
        return manifest.model_dump(mode="json", exclude_none=True)

    workspace = platform.workspace
    return pulumi.Output.all(
        workspace=pulumi.Output.all(
            id=workspace.workspace_id,
            name=workspace.workspace_name,
            location=workspace.location,
        ),
        targets=pulumi.Output.from_input(dict(platform.targets)),
    ).apply(build)
