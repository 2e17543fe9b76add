"""Automl jobs: what a PUT has to give, and the code and environment that a search is run with."""

from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.command_jobs import experiment_problems, node_problems
from localcloud.behaviours.job_data import data_problems, with_assets
from localcloud.behaviours.job_references import compute_of
from localcloud.calls.artifacts import artifact_store
from localcloud.calls.automl import NAME, as_command, code_of, environment_of
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.calls.refusals import invalid
from localcloud.store.resources import StoredResource
from runtime.automl.job import rest_job
from runtime.automl.run import search_properties

_ML: Final = "Microsoft.MachineLearningServices/workspaces"


def filled_automl(call: Call, given: Document) -> JsonObject:
    """Return the properties of a new automl job. Raises ``RefusedError`` with every problem."""
    compute = compute_of(call, str(given.get("computeId") or ""))
    details: Document = given.get("taskDetails") or {}
    data = {key: details[key] for key in ("trainingData", "validationData") if details.get(key)}
    details = {**details, **with_assets(call, data)}
    given = {**given, "taskDetails": details}
    resources = {"instanceCount": 1, **(given.get("resources") or {})}
    job = rest_job(given)
    found = [*experiment_problems(given), *node_problems(resources, compute)]
    found += [
        (f"properties.taskDetails.{each.path}", f"{each.what} {each.remedy}")
        for each in job.read.wrong
    ]
    spec = job.read.spec
    if spec is not None and not found:
        command = as_command(str(call.arm.parent), given)
        found += data_problems(call, command)
    if spec is None or found:
        raise invalid(found)
    name = call.arm.name
    return {
        "description": None,
        "identity": None,
        "outputs": {},
        "environmentVariables": {},
        **{key: value for key, value in given.items() if value is not None},
        "jobType": "AutoML",
        "computeId": compute.id,
        "resources": resources,
        "displayName": given.get("displayName") or name,
        "experimentName": given.get("experimentName") or "Default",
        "isArchived": bool(given.get("isArchived")),
        "tags": given.get("tags") or {},
        "properties": {**search_properties(spec), **(given.get("properties") or {})},
    }


def keep_search(cloud: Cloud, job: StoredResource) -> None:
    """Register the code and the environment of a search in its workspace, unless they are there."""
    version, files = code_of(job.properties)
    store = artifact_store(cloud, job.parent)
    if store is not None and not _exists(cloud, job, "codes", version):
        for path, content in files.items():
            blob = f"{NAME}/{version}/{path}"
            cloud.store.blobs.put(
                store.account, store.container, blob, [content], now=cloud.clock()
            )
        uri = f"{cloud.url}/{store.account}/{store.container}/{NAME}/{version}"
        _keep(cloud, job, "codes", version, {"codeUri": uri, "isAnonymous": True})
    version, environment = environment_of(job.properties)
    if not _exists(cloud, job, "environments", version):
        _keep(cloud, job, "environments", version, {**environment, "isAnonymous": True})


def _exists(cloud: Cloud, job: StoredResource, kind: str, version: str) -> bool:
    path = f"{job.parent}/{kind}/{NAME}/versions/{version}"
    return cloud.store.resources.get(path, now=cloud.clock()) is not None


def _keep(
    cloud: Cloud, job: StoredResource, kind: str, version: str, properties: JsonObject
) -> None:
    holder, now = f"{job.parent}/{kind}/{NAME}", cloud.clock()
    rows: tuple[tuple[str, str, str, JsonObject], ...] = (
        (holder, f"{_ML}/{kind}", job.parent, {}),
        (f"{holder}/versions/{version}", f"{_ML}/{kind}/versions", holder, properties),
    )
    with cloud.store.database.write():
        for path, kind_of_row, parent, given in rows:
            if cloud.store.resources.get(path, now=now) is None:
                body = {"properties": {"isArchived": False, "tags": {}, "properties": {}, **given}}
                made = StoredResource(path, kind_of_row, parent, body, now, now, scope=job.scope)
                cloud.store.resources.put(made)
