"""The runs of jobs: each new job has one, whoever made the job."""

from collections.abc import Mapping
from typing import Final

from localcloud.calls.cloud import Cloud
from localcloud.store.resources import StoredResource
from localcloud.store.runs import Origin, StoredRun
from runtime.model.states import RunState

PARENT: Final = "mlflow.parentRunId"
"""The tag of a run that names the one above it."""
_GIT: Final = "mlflow.source.git."


def add_run(
    cloud: Cloud,
    job: StoredResource,
    *,
    user: str,
    origin: Origin = "job",
    tags: Mapping[str, str] | None = None,
) -> StoredRun:
    """Add the run of a new job, with the job's tags and others. Its nodes are not told."""
    store, properties, now = cloud.store, job.properties, cloud.clock()
    with store.runs.transaction():
        experiment = store.tracking.named_experiment(
            job.parent, str(properties["experimentName"]), now
        )
        run = store.runs.add(
            StoredRun(
                workspace=job.parent,
                run_id=job.name,
                experiment=experiment.id,
                name=str(properties["displayName"]),
                created=now,
                origin=origin,
                state=RunState.NOT_STARTED,
                target=str(properties.get("computeId") or ""),
                user=user,
            )
        )
        store.tracking.set_tags(run.key, {**_run_tags(job), **(tags or {})})
        store.runs.move(run.key, RunState.STARTING, now)
    return run


def _run_tags(job: StoredResource) -> dict[str, str]:
    """Return the tags of a job's MLflow run: the user's, and its source."""
    properties = job.properties
    facts = {"mlflow.runName": properties["displayName"], "mlflow.source.type": "JOB"}
    git = {k: v for k, v in properties["properties"].items() if k.startswith(_GIT)}
    return {
        k: "" if v is None else str(v) for k, v in {**facts, **git, **properties["tags"]}.items()
    }
