"""The kinds of computes, as in azureml-core: clusters, instances, and what can be attached."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import Document, JsonObject
from runtime.api.computes.base import ComputeTarget, Deployed, compute_errors, say
from runtime.api.computes.configurations import (
    ComputeConfiguration,
    Machine,
    attached_id,
    identity_of,
    priority_of,
    remote_login_of,
    ssh_configuration,
    subnet_of,
)
from runtime.api.computes.status import AmlComputeStatus, ComputeInstanceStatus, ScaleSettings
from runtime.api.exceptions import ComputeTargetException

_IDLE_S = 1800
"""azureml-core's default; the stack file's own is shorter."""
_MAX_NODES = 4
"""azureml-core's default."""


class AmlCompute(ComputeTarget):
    """A cluster of nodes that scales with its runs."""

    kind = "aml_compute"
    _compute_type = "AmlCompute"

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: str | None = None,
        identity_id: Sequence[str] | None = None,
        location: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> ComputeConfiguration:
        """Return the configuration of a cluster; ``vm_size`` is needed."""
        if not vm_size:
            raise ComputeTargetException(
                "A cluster needs vm_size.",
                remedy="Pass, for instance, `vm_size='STANDARD_DS3_V2'`.",
            )
        idle = _IDLE_S if idle_seconds_before_scaledown is None else idle_seconds_before_scaledown
        admin = {"user": admin_username, "ssh_public_key": admin_user_ssh_key}
        settings = {
            "vm_size": vm_size,
            "priority": priority_of(vm_priority),
            "min_nodes": min_nodes,
            "max_nodes": _MAX_NODES if max_nodes is None else max_nodes,
            "idle_seconds": idle,
            "admin": {key: value for key, value in admin.items() if value},
            "tags": dict(tags or {}),
            "description": description,
            "remote_login": remote_login_of(remote_login_port_public_access),
            "identity": identity_of(identity_type, identity_id),
            "location": location,
            "node_public_ip": enable_node_public_ip,
        }
        secrets = {"admin.password": admin_user_password} if admin_user_password else {}
        subnet = subnet_of(vnet_resourcegroup_name, vnet_name, subnet_name)
        return ComputeConfiguration("aml_compute", settings, secrets, subnet)

    @staticmethod
    def supported_vmsizes(workspace: Deployed, location: str | None = None) -> list[JsonObject]:
        """Return the VM sizes that are known, whatever the region."""
        return [
            {
                "name": size.name,
                "vCPUs": size.vcpus,
                "gpus": size.gpus,
                "memoryGB": size.memory_mib / 1024,
                "maxResourceVolumeMB": None,
            }
            for size in vm_sizes().values()
        ]

    def get_status(self) -> AmlComputeStatus:
        """Return the cluster's state: nodes by state, limits, errors."""
        self.refresh_state()
        return AmlComputeStatus(self._document)

    def list_nodes(self) -> Sequence[Document]:
        """Return the cluster's nodes, and the run on each."""
        nodes: Sequence[Document] = self._asked("POST", "/listNodes").get("nodes") or []
        return nodes

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change the node limits and the idle time in the stack file, and deploy them."""
        given = {
            "min_nodes": min_nodes,
            "max_nodes": max_nodes,
            "idle_seconds": idle_seconds_before_scaledown,
        }
        with compute_errors():
            self._computes.change(
                self.name, {key: value for key, value in given.items() if value is not None}
            )
        self.refresh_state()

    def add_identity(
        self, identity_type: str, identity_id: Sequence[str] | str | None = None
    ) -> None:
        """Add a system-assigned identity or user-assigned ones to those the cluster has."""
        added = identity_of(identity_type, identity_id)
        with compute_errors():
            before: Document = self._computes.declared(self.name).get("identity") or {}
            self._computes.change(self.name, {"identity": _merged(before, added or {})})
        self.refresh_state()

    def remove_identity(self, identity_id: Sequence[str] | str | None = None) -> None:
        """Remove user-assigned identities by id, ``[system]``, or (by default) all."""
        with compute_errors():
            before: Document = self._computes.declared(self.name).get("identity") or {}
            self._computes.change(self.name, {"identity": _without(before, identity_id)})
        self.refresh_state()

    @property
    def scale_settings(self) -> ScaleSettings:
        return ScaleSettings(self._document)

    @property
    def vm_priority(self) -> str | None:
        return self._text("vmPriority", self._inner)

    @property
    def identity_type(self) -> str | None:
        return self._text("type", self._document.get("identity") or {})

    @property
    def identity_id(self) -> list[str]:
        """The ids of the user-assigned identities."""
        identity: Document = self._document.get("identity") or {}
        return list(identity.get("userAssignedIdentities") or ())


class ComputeInstance(ComputeTarget):
    """A machine for one person, billed until it is stopped."""

    kind = "compute_instance"
    _compute_type = "ComputeInstance"

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        assigned_user_object_id: str | None = None,
        assigned_user_tenant_id: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> ComputeConfiguration:
        """Return the configuration of an instance; ``vm_size`` is needed."""
        if not vm_size:
            raise ComputeTargetException(
                "An instance needs vm_size.", remedy="Pass, for instance, 'STANDARD_DS3_V2'."
            )
        if ssh_public_access != bool(admin_user_ssh_public_key):
            raise ComputeTargetException(
                "ssh_public_access and admin_user_ssh_public_key belong together.",
                remedy="Pass both, or neither.",
            )
        user = {"object_id": assigned_user_object_id, "tenant_id": assigned_user_tenant_id}
        settings = {
            "vm_size": vm_size,
            "ssh_public_key": admin_user_ssh_public_key,
            "tags": dict(tags or {}),
            "description": description,
            "assigned_user": {key: value for key, value in user.items() if value},
            "node_public_ip": enable_node_public_ip,
        }
        subnet = subnet_of(vnet_resourcegroup_name, vnet_name, subnet_name)
        return ComputeConfiguration("compute_instance", settings, located=subnet)

    def get_status(self) -> ComputeInstanceStatus:
        """Return the instance's state, such as ``Running`` or ``Stopped``."""
        self.refresh_state()
        return ComputeInstanceStatus(self._document)

    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Start the instance; billing starts."""
        self._power("start", show_output)

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Stop the instance; its disk is kept."""
        self._power("stop", show_output)

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Restart the instance."""
        self._power("restart", show_output)

    def _power(self, action: str, show_output: bool) -> None:
        self._asked("POST", f"/{action}")
        self.refresh_state()
        say(f"{self._inner.get('state')}\n", show=show_output)

    def delete(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Remove the instance from the stack file and the workspace; it is deleted on return."""
        super().delete()

    @property
    def applications(self) -> Sequence[Document]:
        """The web applications of the instance, with their addresses."""
        found: Sequence[Document] = self._inner.get("applications") or []
        return found


class RemoteCompute(ComputeTarget):
    """A Linux machine that is reached over SSH, such as a Data Science VM."""

    kind = "virtual_machine"
    _compute_type = "VirtualMachine"

    @staticmethod
    def attach_configuration(
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int | str = 22,
        password: str | None = "",
        private_key_file: str | Path | None = "",
        private_key_passphrase: str | None = "",
    ) -> ComputeConfiguration:
        """Return the configuration of an attached machine, named in exactly one way."""
        return ssh_configuration(
            "virtual_machine",
            Machine(address, resource_id, subscription_id, resource_group, vm_name),
            type_="Microsoft.Compute/virtualMachines",
            parameter="vm_name",
            username=username,
            ssh_port=ssh_port,
            password=password,
            private_key_file=private_key_file,
            private_key_passphrase=private_key_passphrase,
        )

    @property
    def address(self) -> str | None:
        return self._text("address", self._inner)

    @property
    def ssh_port(self) -> int | None:
        found = self._inner.get("sshPort")
        return None if found is None else int(found)


class HDInsightCompute(ComputeTarget):
    """A Spark cluster of HDInsight, whose head node is reached over SSH."""

    kind = "hdinsight"
    _compute_type = "HDInsight"

    @staticmethod
    def attach_configuration(
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int | str = "22",
        password: str | None = "",
        private_key_file: str | Path | None = "",
        private_key_passphrase: str | None = "",
    ) -> ComputeConfiguration:
        """Return the configuration of an attached cluster, named in exactly one way."""
        return ssh_configuration(
            "hdinsight",
            Machine(address, resource_id, subscription_id, resource_group, cluster_name),
            type_="Microsoft.HDInsight/clusters",
            parameter="cluster_name",
            username=username,
            ssh_port=ssh_port,
            password=password,
            private_key_file=private_key_file,
            private_key_passphrase=private_key_passphrase,
        )

    @property
    def address(self) -> str | None:
        return self._text("address", self._inner)


class BatchCompute(ComputeTarget):
    """An Azure Batch account."""

    kind = "batch"
    _compute_type = "Batch"

    @staticmethod
    def attach_configuration(
        resource_group: str | None = None,
        account_name: str | None = None,
        resource_id: str | None = None,
    ) -> ComputeConfiguration:
        """Return the configuration of an attached account: by its id, or by group and name."""
        located = attached_id(
            resource_id,
            resource_group,
            account_name,
            type_="Microsoft.Batch/batchAccounts",
            parameter="account_name",
        )
        return ComputeConfiguration("batch", {}, located=located)


class DatabricksCompute(ComputeTarget):
    """An Azure Databricks workspace of the same subscription."""

    kind = "databricks"
    _compute_type = "Databricks"

    @staticmethod
    def attach_configuration(
        resource_group: str | None = None,
        workspace_name: str | None = None,
        resource_id: str | None = None,
        access_token: str = "",
    ) -> ComputeConfiguration:
        """Return the configuration of an attached workspace: by its id, or by group and name."""
        located = attached_id(
            resource_id,
            resource_group,
            workspace_name,
            type_="Microsoft.Databricks/workspaces",
            parameter="workspace_name",
        )
        if not access_token:
            raise ComputeTargetException(
                "A Databricks workspace needs access_token.",
                remedy="Create a token in the workspace's user settings.",
            )
        return ComputeConfiguration("databricks", {}, {"access_token": access_token}, located)


class AdlaCompute(ComputeTarget):
    """A Data Lake Analytics account that a workspace still has. Azure retired the service."""

    kind = "data_lake_analytics"
    _compute_type = "DataLakeAnalytics"

    @staticmethod
    def attach_configuration(
        resource_group: str | None = None,
        account_name: str | None = None,
        resource_id: str | None = None,
    ) -> ComputeConfiguration:
        """Raise ``ComputeTargetException``: nothing can be attached any more."""
        named = resource_id or f"{account_name} of {resource_group}"
        raise ComputeTargetException(
            f"{DATA_LAKE_ANALYTICS}: the account {named} cannot be attached.",
            remedy=f"{INSTEAD_OF_IT}, and attach that.",
        )


class KubernetesCompute(ComputeTarget):
    """A Kubernetes cluster with the Azure ML extension."""

    kind = "kubernetes"
    _compute_type = "Kubernetes"

    @staticmethod
    def attach_configuration(
        resource_id: str, namespace: str = "default", default_instance_type: str | None = None
    ) -> ComputeConfiguration:
        """Return the configuration of an attached cluster, by its id."""
        settings = {
            "resource_id": resource_id,
            "namespace": namespace,
            "default_instance_type": default_instance_type,
        }
        return ComputeConfiguration("kubernetes", settings)


class SynapseCompute(ComputeTarget):
    """A Spark pool of a Synapse workspace."""

    kind = "synapse_spark"
    _compute_type = "SynapseSpark"


_IDENTITIES: dict[tuple[bool, bool], str] = {
    (True, False): "system_assigned",
    (False, True): "user_assigned",
    (True, True): "system_and_user_assigned",
}


def _merged(before: Document, added: Document) -> JsonObject:
    """Return an identity that has what either has."""
    ids = list(dict.fromkeys([*(before.get("ids") or ()), *(added.get("ids") or ())]))
    system = any("system" in str(each.get("type")) for each in (before, added))
    return _identity(ids, before.get("names") or (), system=system)


def _without(before: Document, removed: Sequence[str] | str | None) -> JsonObject | None:
    """Return an identity without the given ids; ``None`` if nothing is left of it."""
    if removed is None:
        return None
    gone = {each.lower() for each in ([removed] if isinstance(removed, str) else removed)}
    kept = [each for each in before.get("ids") or () if each.lower() not in gone]
    system = "system" in str(before.get("type")) and "[system]" not in gone
    if not (kept or before.get("names") or system):
        return None
    return _identity(kept, before.get("names") or (), system=system)


def _identity(ids: Sequence[str], names: Sequence[str], *, system: bool) -> JsonObject:
    found: JsonObject = {"type": _IDENTITIES[system, bool(ids or names)]}
    return found | ({"ids": list(ids)} if ids else {}) | ({"names": list(names)} if names else {})
