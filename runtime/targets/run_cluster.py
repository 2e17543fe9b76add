"""The target `amlcompute`: a cluster that is made for one run, and deleted after it.

As in the SDK v1: no nodes while idle, named after the run unless it has a name, kept on request.
The cluster is written down before it is made; whoever sees the run's end next deletes it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.arm.client import Client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.catalogue.names import RULES
from infra.contract.errors import PlatformError, UsageError
from infra.contract.json_types import JsonObject
from runtime.model.launching import RunCluster
from runtime.model.runs import PreparedRun, RunSpec
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.targets.base import Handle, RunStatus
from runtime.targets.run_cluster_records import RunClusterRecords

_RUN_TAG: Final = "aml.run"
_IDLE: Final = "PT120S"
_GONE: Final = 404
_TAIL: Final = 19  # the seconds and the random digits of a run id


class RunClusterTarget(AzureMLTarget):
    """The clusters of single runs in one workspace. ``home`` is the project's ``.aml`` folder."""

    def __init__(
        self, name: str, client: Client, *, workspace_id: str, home: Path, stack: str
    ) -> None:
        super().__init__(name, client, workspace_id=workspace_id, compute_id="")
        self._records = RunClusterRecords(home)
        self._stack = stack

    def launch(self, run: PreparedRun) -> Handle:
        """Make the cluster and submit the run to it; without the run, there is no cluster."""
        try:
            return super().launch(run)
        except PlatformError:
            self.release(run.run_id)
            raise

    def check(self, spec: RunSpec) -> None:
        """Raise ``UsageError`` for a cluster whose name is taken."""
        if spec.cluster is not None and spec.cluster.name:
            self._require_free(self._cluster(spec.cluster.name), spec)

    def start(self) -> bool:
        """Return ``False``: a cluster starts by itself."""
        return False

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return each run's status. The clusters of runs that have ended are deleted before."""
        statuses = {}
        for handle, status in super().poll(handles).items():
            record = self._records.get(handle.reference.rpartition("/")[2])
            if record is None or not status.state.final:
                statuses[handle] = status
            elif self._get(self._job(handle)) is None and record.submitting:
                statuses[handle] = RunStatus(RunState.NOT_STARTED, cursor=status.cursor)
            else:
                self.release(record.run_id)
                statuses[handle] = status
        return statuses

    def release(self, run_id: str) -> bool:
        """Delete the cluster of a run unless it is kept; return whether nothing is left to do.

        Does not wait until it is gone. Raises ``UnreachableError`` if the workspace does not
        answer.
        """
        record = self._records.get(run_id)
        if record is None:
            return True
        answer = self._client.send(
            "DELETE",
            record.compute,
            api_version=MACHINE_LEARNING,
            params={"underlyingResourceAction": "Delete"},
        )
        if answer.ok or answer.status == _GONE:
            self._records.remove(run_id)
            return True
        return False

    def _ready_compute(self, run: PreparedRun) -> str:
        cluster = run.spec.cluster
        if cluster is None:
            raise AssertionError("a run without a cluster is refused before")
        path = self._cluster(cluster.name or cluster_name(run.run_id))
        self._require_free(path, run.spec, run.run_id)
        if not cluster.retain:
            self._records.add(run.run_id, path, self._stack)
        location = str(self._existing_workspace()["location"])
        self._put(path, cluster_body(cluster, run, location))
        return path

    def _cluster(self, name: str) -> str:
        return f"{self._workspace}/computes/{name}"

    def _require_free(self, path: str, spec: RunSpec, run_id: str = "") -> None:
        """Raise ``UsageError`` for a compute that was made by others than the run."""
        found = self._get(path)
        if found is not None and (found.get("tags") or {}).get(_RUN_TAG) != run_id:
            raise UsageError(
                f"The workspace has a compute {path.rpartition('/')[2]!r} already, which was not"
                " made for this run.",
                remedy="Choose another `name` in `amlCompute`, or give its name as `target`.",
                at=spec.origins.get("cluster"),
            )


def cluster_name(run_id: str) -> str:
    """Return the name of a run's cluster: its id, as far as the rules for names allow.

    The end of the id stays, which no other run has.
    """
    rule = RULES["aml_compute"]
    name = re.sub(r"[^A-Za-z0-9]+", "-", run_id).strip("-")
    if not name[:1].isalpha() or (rule.problem(name) and len(name) <= rule.longest):
        name = f"run-{name}"  # a reserved word, or shorter than a name
    if len(name) > rule.longest:
        tail = name[-_TAIL:].strip("-")
        name = f"{name[: rule.longest - len(tail) - 1].strip('-')}-{tail}"
    return name


def cluster_body(cluster: RunCluster, run: PreparedRun, location: str) -> JsonObject:
    """Return the ARM body of the cluster of a run."""
    return {
        "location": location,
        "tags": {_RUN_TAG: run.run_id},
        "properties": {
            "computeType": "AmlCompute",
            "description": f"Made for the run {run.run_id}",
            "properties": {
                "vmSize": cluster.vm_size,
                "vmPriority": "LowPriority" if cluster.low_priority else "Dedicated",
                "scaleSettings": {
                    "minNodeCount": 0,
                    "maxNodeCount": cluster.max_nodes or run.spec.node_count,
                    "nodeIdleTimeBeforeScaleDown": _IDLE,
                },
            },
        },
    }
