"""The targets that a stack deployed, found in its manifest.

Imported only for a target other than `local`: reading a manifest takes pydantic, and a cloud's
client more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, UsageError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from runtime.model.launching import machine_names
from runtime.targets.base import Closeable, Place, Target
from runtime.targets.references import on_local_cloud
from runtime.targets.registry import target_class
from runtime.targets.run_cluster_records import NAME as RUN_CLUSTER
from runtime.targets.ssh_machine import SSH_PORT, Machine

# Kind of compute in the manifest → kind of target.
KINDS: Final = {
    "aml_compute": "azureml",
    "compute_instance": "azureml",
    "virtual_machine": "ssh",
    "databricks": "databricks",
    "hdinsight": "hdinsight",
    "batch": "batch",
}
_LOW_PRIORITY: Final = "low_priority"
MACHINE: Final = "virtual_machine"
MACHINES: Final = "virtual_machines"
"""The kind of a target that names several machines."""


RETIRED: Final = {
    "data_lake_analytics": DATA_LAKE_ANALYTICS,
}
"""Kinds of computes whose service is gone, and when."""

_ELSEWHERE: Final = {
    "synapse_spark": "PySpark scripts run on `local`, in `docker`, and on targets of kind"
    " databricks, hdinsight and virtual_machine.",
}
"""Kind of compute that takes no runs → where its scripts run."""


def unusable(kind: str) -> str:
    """Return why targets of a kind of compute take no runs, ``""`` if they do."""
    return "" if kind in KINDS else RETIRED.get(kind, f"kind {kind} cannot run jobs yet")


class Answer(Protocol):
    """What a cloud answers."""

    @property
    def ok(self) -> bool: ...

    @property
    def document(self) -> Document: ...


class CloudClient(Closeable, Protocol):
    """What asks a cloud: `infra.arm`'s client, which is imported when it is used."""

    def send(
        self,
        method: str,
        path: str,
        *,
        api_version: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status."""


class DeployedTargets:
    """The targets of one stack. ``file`` is its manifest; ``home`` the ``.aml`` folder."""

    def __init__(self, home: Path, file: Path, stack: str) -> None:
        self._home = home
        self._file = file
        self._stack = stack
        self._client: CloudClient | None = None

    def make(self, name: str) -> Target:
        """Return a new target; raises what ``require`` raises."""
        names = machine_names(name)
        if len(names) > 1:
            return self._ssh_nodes(name, names)
        manifest, entry = self._entry(name)
        if name.lower() == RUN_CLUSTER:
            return self._run_cluster(manifest)
        makers = {
            "azureml": self._azureml,
            "batch": self._batch,
            "databricks": self._databricks,
            "hdinsight": self._hdinsight,
            "ssh": self._ssh,
        }
        return makers[KINDS[entry.kind]](name, entry, manifest)

    def require(self, name: str) -> None:
        """Raise what ``make`` would raise, without contacting or starting a cloud."""
        for each in machine_names(name):
            self._entry(each)
        self.kind(name)

    def on_this_machine(self, name: str) -> bool:
        """Return whether the target is a cluster of the local cloud."""
        if len(machine_names(name)) > 1:
            return False
        manifest, entry = self._entry(name)
        return manifest.cloud == "local" and KINDS[entry.kind] == "azureml"

    def kind(self, name: str) -> str:
        """Return the kind of a compute, as in the manifest; of several, ``MACHINES``."""
        names = machine_names(name)
        kinds = {each: self._entry(each)[1].kind for each in names}
        if len(names) == 1:
            return kinds[name]
        others = [f"{each} is of kind {kind}" for each, kind in kinds.items() if kind != MACHINE]
        twice = [each for each in kinds if names.count(each) > 1]
        if others or twice:
            wrong = [*others, *(f"{each} is named twice" for each in twice)]
            raise UsageError(
                f"A run on several machines ({name}) needs {MACHINE} computes, each once:"
                f" {', '.join(wrong)}.",
                remedy="Name machines that the stack file attaches; a cluster has its own nodes.",
            )
        return MACHINES

    def kinds(self) -> dict[str, str]:
        """Return the kind of every compute that takes runs, as in the manifest."""
        targets = read_manifest(self._file, stack=self._stack).targets
        return {name: entry.kind for name, entry in targets.items() if entry.kind in KINDS}

    def most_nodes(self, name: str) -> int | None:
        """Return the most nodes of a compute, as in the manifest; ``None`` if it has no such."""
        if len(machine_names(name)) > 1:
            return None
        return self._entry(name)[1].max_nodes

    def vm_size(self, name: str) -> str:
        """Return the VM size of a compute, as in the manifest; ``""`` without one."""
        names = machine_names(name)
        return (self._entry(name)[1].vm_size or "") if len(names) == 1 else ""

    def billed(self, name: str) -> Place | None:
        """Return what Azure bills at a compute; ``None`` for those elsewhere."""
        if len(machine_names(name)) > 1:
            return None
        manifest, entry = self._entry(name)
        if manifest.cloud == "local":
            return None
        region = entry.location or manifest.workspace.location
        return Place(entry.vm_size or "", region, entry.priority == _LOW_PRIORITY)

    @property
    def is_local_cloud(self) -> bool:
        """Whether they are those of the local cloud."""
        return read_manifest(self._file, stack=self._stack).cloud == "local"

    def registered(self, name: str, version: str | None) -> Document | None:
        """Return an environment version of the workspace, as ARM answers; ``None`` without one.

        ``version`` ``None`` is the one created last.
        """
        manifest = read_manifest(self._file, stack=self._stack)
        client = self._cloud(manifest)
        path = f"{manifest.workspace.id}/environments/{name}/versions"
        if version is not None:
            answer = client.send("GET", f"{path}/{version}", api_version=MACHINE_LEARNING)
            return answer.document if answer.ok else None
        params = {"$orderBy": "createdtime desc", "$top": "1"}
        answer = client.send("GET", path, api_version=MACHINE_LEARNING, params=params)
        found: Sequence[Document] = answer.document.get("value") or [] if answer.ok else []
        return next(iter(found), None)

    def close(self) -> None:
        """Close the client that the targets share."""
        if self._client is not None:
            self._client.close()

    def _entry(self, name: str) -> tuple[Manifest, TargetEntry]:
        manifest = read_manifest(self._file, stack=self._stack)
        if name.lower() == RUN_CLUSTER:
            return manifest, TargetEntry(kind="aml_compute", id="")
        entry = manifest.target(name)
        if entry.kind in RETIRED:
            raise UsageError(
                f"Target {name!r} takes no runs: {RETIRED[entry.kind]}.",
                remedy=f"{INSTEAD_OF_IT}, and name another target.",
            )
        if unusable(entry.kind):
            raise UsageError(
                f"Target {name!r} is of kind {entry.kind}, which cannot run jobs yet.",
                remedy=_ELSEWHERE.get(
                    entry.kind, f"Use a target of kind {', '.join(sorted(KINDS))}, or `local`."
                ),
            )
        if manifest.cloud == "local":
            entry = replace(entry, credentials=on_local_cloud(entry.credentials))
        return manifest, entry

    def _azureml(self, name: str, entry: TargetEntry, manifest: Manifest) -> Target:
        return target_class("azureml")(
            name, self._cloud(manifest), workspace_id=manifest.workspace.id, compute_id=entry.id
        )

    def _run_cluster(self, manifest: Manifest) -> Target:
        return target_class("run_cluster")(
            RUN_CLUSTER,
            self._cloud(manifest),
            workspace_id=manifest.workspace.id,
            home=self._home,
            stack=self._stack,
        )

    def _ssh(self, name: str, entry: TargetEntry, _: Manifest) -> Target:
        return target_class("ssh")(
            name, self._home, self._machine(name, entry), manifest=self._file, stack=self._stack
        )

    def _hdinsight(self, name: str, entry: TargetEntry, manifest: Manifest) -> Target:
        return target_class("hdinsight")(
            name,
            self._home,
            self._machine(name, entry),
            cloud=manifest.cloud,
            resource=entry.resource_id or "",
            manifest=self._file,
            stack=self._stack,
        )

    def _ssh_nodes(self, name: str, names: Sequence[str]) -> Target:
        self.kind(name)
        machines = [self._machine(each, self._entry(each)[1]) for each in names]
        return target_class("ssh_nodes")(
            name, self._home, machines, manifest=self._file, stack=self._stack
        )

    def _machine(self, name: str, entry: TargetEntry) -> Machine:
        if not entry.address or not entry.user:
            raise NotDeployedError(
                f"The manifest has no address of {name!r}: the machine had none when the stack was"
                " deployed.",
                remedy=f"Start the machine, then run {stack_command('up', self._stack)}.",
            )
        return Machine(
            name,
            entry.address,
            entry.port or SSH_PORT,
            entry.user,
            entry.host_key,
            entry.credentials,
        )

    def _databricks(self, name: str, entry: TargetEntry, manifest: Manifest) -> Target:
        return target_class("databricks")(
            name,
            self._home,
            entry.resource_id,
            entry.credentials,
            cloud=manifest.cloud,
            manifest=self._file,
            stack=self._stack,
        )

    def _batch(self, name: str, entry: TargetEntry, manifest: Manifest) -> Target:
        return target_class("batch")(
            name,
            self._home,
            cloud=manifest.cloud,
            account=entry.resource_id,
            workspace=manifest.workspace.id,
            manifest=self._file,
            stack=self._stack,
        )

    def _cloud(self, manifest: Manifest) -> "CloudClient":
        """Return the client of the stack's cloud, which its targets share."""
        if self._client is None:
            self._client = (
                load("infra.arm.client:local_client", extra="azureml")(self._home)
                if manifest.cloud == "local"
                else load("infra.arm.client:azure_client", extra="azureml")()
            )
        return self._client
