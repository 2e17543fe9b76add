"""Registers the outputs of a completed job as data assets and models, under the names it gives."""

from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from localcloud.calls.assets import ASSET_DEFAULTS
from localcloud.calls.cloud import Cloud
from localcloud.calls.times import iso
from localcloud.nodes.jobs import Binding, Job
from localcloud.store.resources import StoredResource

_MODELS: Final = ("custom_model", "mlflow_model", "triton_model")


def register_output(cloud: Cloud, job: Job, output: Binding, uri: str) -> str:
    """Register an output; return ``name:version``. ``UsageError`` if the version was taken."""
    kind = "models" if output.kind in _MODELS else "data"
    container = f"{job.workspace}/{kind}/{output.asset}"
    with cloud.store.database.write():
        if cloud.store.resources.get(container, now=cloud.clock()) is None:
            _put(cloud, job, container, job.workspace, dict(ASSET_DEFAULTS))
        version = output.version or _next_version(cloud, container)
        name = f"{container}/versions/{version}"
        if cloud.store.resources.get(name, now=cloud.clock()) is not None:
            raise UsageError(
                f"Version '{version}' of '{output.asset}' was registered while the job ran.",
                remedy="Omit the version to register the next one.",
            )
        where = (
            {"modelUri": uri, "modelType": output.kind, "jobName": job.name, "flavors": {}}
            if kind == "models"
            else {"dataUri": uri, "dataType": output.kind}
        )
        _put(cloud, job, name, container, {**ASSET_DEFAULTS, **where})
    return f"{output.asset}:{version}"


def long_uri(job: Job, uri: str) -> str:
    """Return a datastore URI with its workspace, as an asset has it."""
    workspace = parse_arm_id(job.workspace)
    prefix = (
        f"azureml://subscriptions/{workspace.subscription}"
        f"/resourcegroups/{workspace.resource_group}/workspaces/{workspace.name}/datastores/"
    )
    return uri.replace("azureml://datastores/", prefix, 1)


def _next_version(cloud: Cloud, container: str) -> str:
    versions = cloud.store.resources.children(container, now=cloud.clock())
    return str(max((int(v.name) for v in versions if v.name.isdecimal()), default=0) + 1)


def _put(cloud: Cloud, job: Job, name: str, parent: str, properties: JsonObject) -> None:
    now = cloud.clock()
    workspace = cloud.store.resources.get(job.workspace, now=now)
    made = {"createdAt": iso(now), "createdBy": job.name, "createdByType": "Application"}
    cloud.store.resources.put(
        StoredResource(
            id=name,
            type=parse_arm_id(name).type,
            parent=parent,
            document={"properties": properties, "systemData": made},
            created=now,
            modified=now,
            scope=workspace.scope if workspace else "",
        )
    )
