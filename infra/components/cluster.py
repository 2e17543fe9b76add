"""An AmlCompute cluster of a workspace."""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.catalogue.durations import iso_duration
from infra.components.compute import Compute, ComputeArgs
from infra.components.inputs import derived, secret_input, translated

PRIORITIES: Final = {"dedicated": "Dedicated", "low_priority": "LowPriority"}
SYSTEMS: Final = {"linux": "Linux", "windows": "Windows"}
STATES: Final = {
    "enabled": "Enabled",
    "disabled": "Disabled",
    "not_specified": "NotSpecified",
}


@dataclass(frozen=True, kw_only=True)
class ClusterArgs(ComputeArgs):
    """Arguments of a cluster. "Replace": a new value deletes it and creates another."""

    vm_size: pulumi.Input[str]
    """Azure VM size of every node. Replace."""
    max_nodes: pulumi.Input[int]
    """Maximum number of nodes, at least ``min_nodes``. In place."""
    min_nodes: pulumi.Input[int] = 0
    """Minimum number of nodes, billed even when idle. Default 0. In place."""
    idle_seconds: pulumi.Input[int] = 120
    """Idle time in seconds after which a node is removed. Default 120. In place."""
    priority: pulumi.Input[str] = "dedicated"
    """``dedicated`` (default) or ``low_priority``. Replace."""
    os: pulumi.Input[str] = "linux"
    """``linux`` (default) or ``windows``. Replace."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default none. In place."""
    subnet_id: pulumi.Input[str] | None = None
    """ARM id of the nodes' subnet. Default none. Replace."""
    node_public_ip: pulumi.Input[bool] = True
    """Default true; false requires a subnet or a managed network. Replace."""
    isolated_network: pulumi.Input[bool] | None = None
    """Whether the nodes' network is isolated. Default: as the cluster has it. Replace."""
    admin_user: pulumi.Input[str] | None = None
    """Administrator account of every node, with a key or a password. Default none. Replace."""
    admin_ssh_public_key: pulumi.Input[str] | None = None
    """Text of a public key; secret in state. Replace."""
    admin_password: pulumi.Input[str] | None = None
    """Secret in state. Replace."""
    remote_login: pulumi.Input[str] = "disabled"
    """``enabled`` opens each node's SSH port to the internet, ``not_specified`` leaves that to the
    service. Default ``disabled``. Replace."""
    disable_local_auth: bool | None = None
    """Disables login by key and password. Default: true without ``admin_user``. Replace."""


class Cluster(Compute):
    """An autoscaling cluster: adds nodes for queued runs and removes idle ones.

    A replacement deletes the old cluster first, because both have the same name; its runs end.
    """

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = ml.AmlComputeArgs(
            compute_type="AmlCompute",
            description=args.description,
            disable_local_auth=(
                args.admin_user is None
                if args.disable_local_auth is None
                else args.disable_local_auth
            ),
            properties=_nodes(args),
        )
        facts = {
            "kind": "aml_compute",
            "vm_size": args.vm_size,
            "min_nodes": args.min_nodes,
            "max_nodes": args.max_nodes,
            "priority": args.priority,
        }
        super().__init__(
            name, args, properties, opts, kind="AmlCompute", facts=facts, identity=args.identity
        )


def _nodes(args: ClusterArgs) -> ml.AmlComputePropertiesArgs:
    return ml.AmlComputePropertiesArgs(
        vm_size=args.vm_size,
        vm_priority=translated(PRIORITIES, args.priority),
        os_type=translated(SYSTEMS, args.os),
        scale_settings=ml.ScaleSettingsArgs(
            min_node_count=args.min_nodes,
            max_node_count=args.max_nodes,
            node_idle_time_before_scale_down=derived(iso_duration, args.idle_seconds),
        ),
        enable_node_public_ip=args.node_public_ip,
        isolated_network=args.isolated_network,
        # Azure never returns its own default, NotSpecified. That would look like drift, and a
        # change of this property replaces the cluster.
        remote_login_port_public_access=translated(STATES, args.remote_login),
        subnet=None if args.subnet_id is None else ml.ResourceIdArgs(id=args.subnet_id),
        user_account_credentials=_account(args),
    )


def _account(args: ClusterArgs) -> ml.UserAccountCredentialsArgs | None:
    if args.admin_user is None:
        return None
    return ml.UserAccountCredentialsArgs(
        admin_user_name=args.admin_user,
        admin_user_ssh_public_key=secret_input(args.admin_ssh_public_key),
        admin_user_password=secret_input(args.admin_password),
    )
