"""`aml compute` in the words of `az ml compute`: options in place of an argument.

Each command writes the stack file and deploys it, as `aml computetarget` does.
"""

from typing import Final

import click

from infra.catalogue.durations import duration_s
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.api.compute_target import AmlCompute, ComputeInstance, ComputeTarget
from runtime.api.computes.configurations import ComputeConfiguration
from runtime.cli.az import az_options, given
from runtime.cli.az_assets import deployed_workspace

_CLUSTER: Final = "amlcompute"
_INSTANCE: Final = "computeinstance"
_NAME: Final = click.option("-n", "--name", required=True, help="Name of the compute.")
_NO_WAIT: Final = click.option(
    "--no-wait",
    is_flag=True,
    expose_value=False,
    help="Accepted for old scripts: the command returns when it is done.",
)
_IDENTITIES: Final = {
    "system_assigned": "SystemAssigned",
    "user_assigned": "UserAssigned",
}


@click.group()
def compute() -> None:
    """Manage computes, as `az ml compute` does."""


@compute.command()
@_NAME
@click.option(
    "-t",
    "--type",
    type=click.Choice((_CLUSTER, _INSTANCE), case_sensitive=False),
    required=True,
    help="Type of compute.",
)
@click.option("--size", required=True, help="Size of the nodes, or of the machine.")
@click.option("--min-instances", type=int, help="Minimum number of nodes. Default: 0.")
@click.option("--max-instances", type=int, help="Maximum number of nodes. Default: 4.")
@click.option(
    "--idle-time-before-scale-down",
    type=int,
    help="How long an idle node is kept, in seconds. Default: 120.",
)
@click.option("--tier", help="dedicated (default) or low_priority.")
@click.option("--location", help="Azure region. Default: the workspace's.")
@click.option("--identity-type", type=click.Choice([*_IDENTITIES]), help="Identity of a cluster.")
@click.option("--user-assigned-identities", help="Ids of identities, separated by commas.")
@click.option("--description", help="Description of the compute.")
@click.option("--tags", metavar="KEY=VALUE …", help="Tags, separated by spaces.")
@_NO_WAIT
@az_options(metadata=False, path=False)
def create(
    name: str, type: str, size: str, description: str | None, tags: str | None, **of_cluster: object
) -> None:
    """Create a cluster or an instance. It is declared in the stack file and deployed."""
    az, told = given(), {key: value for key, value in of_cluster.items() if value is not None}
    if type == _INSTANCE and told:
        options = ", ".join(f"--{key.replace('_', '-')}" for key in told)
        raise UsageError(f"An instance has no {options}.", remedy="Leave them out.")
    common: JsonObject = {"vm_size": size, "description": description, "tags": _tags(tags)}
    configuration = (
        ComputeInstance.provisioning_configuration(**common)
        if type == _INSTANCE
        else _cluster(common, told)
    )
    az.show(_document(ComputeTarget.create(deployed_workspace(az), name, configuration)))


def _cluster(common: Document, told: Document) -> ComputeConfiguration:
    kind = told.get("identity_type")
    return AmlCompute.provisioning_configuration(
        **common,
        min_nodes=told.get("min_instances", 0),
        max_nodes=told.get("max_instances"),
        idle_seconds_before_scaledown=told.get("idle_time_before_scale_down", 120),
        vm_priority=told.get("tier", "dedicated"),
        location=told.get("location"),
        identity_type=_IDENTITIES[kind] if kind else None,
        identity_id=(told.get("user_assigned_identities") or "").replace(",", " ").split() or None,
    )


@compute.command()
@_NAME
@az_options(metadata=False, path=False)
def show(name: str) -> None:
    """Show one compute."""
    az = given()
    az.show(_document(ComputeTarget(deployed_workspace(az), name)))


@compute.command("list")
@click.option("-t", "--type", metavar="TYPE", help="List computes of this type.")
@click.option("--max-results", type=click.IntRange(min=1), help="Maximum number of computes.")
@az_options(metadata=False, path=False)
def list_(type: str | None, max_results: int | None) -> None:
    """List the computes that the stack deployed."""
    az = given()
    found = [_document(each) for each in ComputeTarget.list(deployed_workspace(az))]
    az.show([each for each in found if type is None or each["type"] == type.lower()][:max_results])


@compute.command()
@_NAME
@click.option("--min-instances", type=int, help="Minimum number of nodes.")
@click.option("--max-instances", type=int, help="Maximum number of nodes.")
@click.option("--idle-time-before-scale-down", "idle", type=int, help="Idle time, in seconds.")
@_NO_WAIT
@az_options(metadata=False, path=False)
def update(
    name: str, min_instances: int | None, max_instances: int | None, idle: int | None
) -> None:
    """Change the node limits or the idle time of a cluster."""
    if min_instances is None and max_instances is None and idle is None:
        raise UsageError(
            "There is nothing to change.",
            remedy="Give --min-instances, --max-instances or --idle-time-before-scale-down.",
        )
    az = given()
    cluster = AmlCompute(deployed_workspace(az), name)
    cluster.update(min_instances, max_instances, idle)
    az.show(_document(cluster))


@compute.command()
@_NAME
@click.option("-y", "--yes", is_flag=True, expose_value=False, help="Accepted for old scripts.")
@_NO_WAIT
@az_options(metadata=False, path=False)
def delete(name: str) -> None:
    """Delete a compute, or detach it. It is removed from the stack file, too."""
    ComputeTarget(deployed_workspace(given()), name).delete()


def _power(action: str, does: str) -> None:
    @compute.command(action, help=does)
    @_NAME
    @_NO_WAIT
    @az_options(metadata=False, path=False)
    def command(name: str) -> None:
        getattr(ComputeInstance(deployed_workspace(given()), name), action)()


_power("start", "Start a compute instance; billing starts.")
_power("stop", "Stop a compute instance; its disk is kept.")
_power("restart", "Restart a compute instance.")


def _tags(text: str | None) -> JsonObject:
    return dict(pair.partition("=")[::2] for pair in (text or "").split())


def _document(found: ComputeTarget) -> JsonObject:
    """Return a compute under the keys that `az ml compute` prints."""
    inner = found.serialize()["properties"]
    own = inner.get("properties") or {}
    scale = own.get("scaleSettings") or {}
    idle = scale.get("nodeIdleTimeBeforeScaleDown")
    priority = own.get("vmPriority")
    document = {
        "name": found.name,
        "type": str(inner["computeType"]).lower(),
        "size": own.get("vmSize"),
        "min_instances": scale.get("minNodeCount"),
        "max_instances": scale.get("maxNodeCount"),
        "idle_time_before_scale_down": int(duration_s(idle) or 0) if idle else None,
        "tier": {"LowPriority": "low_priority"}.get(priority, "dedicated") if priority else None,
        "state": own.get("state"),
        "resource_id": inner.get("resourceId"),
        "provisioning_state": inner.get("provisioningState"),
        "location": found.location,
        "description": found.description,
        "tags": dict(found.tags or {}),
        "id": found.id,
    }
    return {key: value for key, value in document.items() if value is not None}
