"""Builds the manifest of a stack as an output: where runs can be submitted to.

A stack exports it as ``manifest``; `aml up` also writes it to a file.
"""

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.catalogue.locations import location_name
from infra.components.compute import Target
from infra.components.platform import Platform
from infra.components.workspace import Workspace
from infra.contract.json_types import Document, JsonObject
from infra.contract.manifest import manifest_from


def manifest_of(
    platform: Platform, *, project: str, stack: str, cloud: str
) -> pulumi.Output[JsonObject]:
    """Return the manifest of a whole platform."""
    return manifest(platform.workspace, platform.targets, project=project, stack=stack, cloud=cloud)


def manifest(
    workspace: Workspace | ml.Workspace,
    targets: Mapping[str, Target],
    *,
    project: str,
    stack: str,
    cloud: str,
) -> pulumi.Output[JsonObject]:
    """Return the manifest of a workspace and the ``target`` of each compute, by name.

    ``workspace`` is the component, or any workspace of the SDK, also one read with ``get``.
    The document is validated and holds no secret. ``cloud``: ``local`` or ``azure``. `aml up`
    hands over where machines answer and their host keys; under `pulumi up` nobody looks for them.
    """
    hosts = pulumi.Config("aml-deploy").get_object("hosts") or {}

    def build(parts: JsonObject) -> JsonObject:
        document = manifest_from(
            {
                "project": project,
                "stack": stack,
                "cloud": cloud,
                "workspace": parts["workspace"],
                "targets": {
                    name: {**_abroad(entry, parts["workspace"]), **hosts.get(name, {})}
                    for name, entry in parts["targets"].items()
                },
            }
        )
        return document.document()

    return pulumi.Output.all(
        workspace=_facts(workspace),
        targets=pulumi.Output.from_input(dict(targets)),
    ).apply(build)


def _abroad(entry: Document, workspace: Document) -> JsonObject:
    """Return an entry without its region if that is the workspace's."""
    region = location_name(str(entry.get("location") or workspace["location"]))
    is_here = region == location_name(str(workspace["location"]))
    return {key: value for key, value in entry.items() if key != "location" or not is_here}


def _facts(workspace: Workspace | ml.Workspace) -> pulumi.Output[JsonObject]:
    if isinstance(workspace, Workspace):
        id_, name = workspace.workspace_id, workspace.workspace_name
    else:
        id_, name = workspace.id, workspace.name
    return pulumi.Output.all(id=id_, name=name, location=workspace.location)
