"""`aml computetarget`: create, attach, change and remove computes with the words of `az ml`.

Each writes the stack file and deploys it, so that what an old script makes is declared.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from runtime.api.compute_target import (
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    ComputeInstance,
    ComputeTarget,
    DatabricksCompute,
    HDInsightCompute,
    RemoteCompute,
)
from runtime.api.computes.configurations import ComputeConfiguration
from runtime.api.exceptions import ComputeTargetException
from runtime.api.workspace import Workspace
from runtime.cli.az import AzOptions, az_options, given
from runtime.cli.session import command_session

_CREATED: Final = ("AmlCompute", "ComputeInstance")
_NAME: Final = click.option("-n", "--name", required=True, help="Name of the compute.")
_NO_WAIT: Final = click.option(
    "--no-wait", is_flag=True, help="Accepted for old scripts: the command returns when it is done."
)
_DESCRIPTION: Final = click.option("--description", help="Description of the compute.")
_TAGS: Final = click.option(
    "--tag", "--tags", "tags", multiple=True, metavar="KEY[=VALUE]", help="Tag (repeatable)."
)
_SUBNET: Final = (
    click.option("--vnet-resourcegroup-name", help="Resource group of the virtual network."),
    click.option("--vnet-name", help="Virtual network of the nodes."),
    click.option("--subnet-name", help="Subnet of the nodes."),
)


@click.group()
def computetarget() -> None:
    """Create, attach and manage computes, as `az ml computetarget` does."""


# --- create


@computetarget.group()
def create() -> None:
    """Create a cluster or an instance.

    It is declared in the stack file and deployed.
    """


def _with(*options: Callable[..., Callable[..., object]]) -> Callable[..., Callable[..., object]]:
    def decorate(command: Callable[..., object]) -> Callable[..., object]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@create.command("amlcompute")
@_with(
    _NAME,
    click.option("-s", "--vm-size", required=True, help="Size of the nodes."),
    click.option("--max-nodes", type=int, required=True, help="Maximum number of nodes."),
    click.option(
        "--min-nodes", type=int, default=0, show_default=True, help="Minimum number of nodes."
    ),
    click.option(
        "--idle-seconds-before-scaledown",
        type=int,
        default=120,
        show_default=True,
        help="How long an idle node is kept, in seconds.",
    ),
    click.option("-p", "--vm-priority", default="dedicated", help="dedicated or lowpriority."),
    click.option("--admin-username", "-u", help="Administrator of the nodes."),
    click.option("--admin-user-password", help="The administrator's password."),
    click.option("--admin-user-ssh-key", help="The administrator's public key."),
    click.option("--assign-identity", help="[system], or ids separated by commas."),
    click.option("--remote-login-port-public-access", default="NotSpecified", help="SSH access."),
    click.option("--location", help="Azure region. Default: the workspace's."),
    *_SUBNET,
    _DESCRIPTION,
    _TAGS,
    _NO_WAIT,
    az_options(),
)
def create_amlcompute(
    name: str,
    tags: tuple[str, ...],
    no_wait: bool,  # noqa: ARG001, FBT001 - accepted
    assign_identity: str | None,
    **settings: str | int | None,
) -> None:
    """Create a cluster of nodes."""
    kind, ids = _identity(assign_identity)
    configuration = AmlCompute.provisioning_configuration(
        **_set(settings), tags=_tags(tags), identity_type=kind, identity_id=ids or None
    )
    _create(name, configuration)


@create.command("computeinstance")
@_with(
    _NAME,
    click.option("-s", "--vm-size", required=True, help="Size of the machine."),
    click.option("--ssh-public-access", type=bool, default=False, help="Whether SSH is open."),
    click.option("--admin-user-ssh-public-key", "-k", help="Public key of its user."),
    *_SUBNET,
    _DESCRIPTION,
    _TAGS,
    _NO_WAIT,
    az_options(),
)
def create_computeinstance(
    name: str,
    tags: tuple[str, ...],
    no_wait: bool,  # noqa: ARG001, FBT001 - accepted
    **settings: str | bool | None,
) -> None:
    """Create a machine for one person."""
    configuration = ComputeInstance.provisioning_configuration(**_set(settings), tags=_tags(tags))
    _create(name, configuration)


def _create(name: str, configuration: ComputeConfiguration) -> None:
    az, workspace = _opened()
    az.show(ComputeTarget.create(workspace, name, configuration).serialize())


# --- attach

_SSH: Final = (
    click.option("-a", "--address", help="Host name or IP address."),
    click.option("--resource-id", help="ARM id, as an alternative to the address."),
    click.option("--ssh-port", type=int, default=22, show_default=True, help="Port of SSH."),
    click.option("-u", "--username", help="User to log in as."),
    click.option("--private-key-file", type=click.Path(path_type=Path), help="File of the key."),
    click.option("--private-key-passphrase", help="Passphrase of the key."),
)
_MACHINES: Final[Mapping[str, Callable[..., ComputeConfiguration]]] = {
    "remote": RemoteCompute.attach_configuration,
    "remotedocker": RemoteCompute.attach_configuration,
    "hdi": HDInsightCompute.attach_configuration,
    "cluster": HDInsightCompute.attach_configuration,
}


@computetarget.group(invoke_without_command=True)
@_with(
    click.option("-n", "--name", help="Name of the compute."),
    *_SSH,
    click.option("-p", "-w", "--password", help="Password of the user."),
    click.option("--type", type=click.Choice(sorted(_MACHINES)), help="Kind of machine."),
)
def attach(name: str | None, type: str | None, **settings: object) -> None:
    """Attach an existing machine or service.

    It is declared in the stack file and deployed.

    `--type` is the form of Azure ML Workbench; name the kind as a command instead.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    if not (name and type):
        raise UsageError(
            "No kind of compute is given.",
            remedy=f"Use `aml computetarget attach KIND`, one of {', '.join(attach.commands)}.",
        )
    _attach(name, _machine(type, settings))


def _attaching(kind: str, does: str, *password: str) -> None:
    @attach.command(kind, help=f"Attach {does}.")
    @_with(
        _NAME,
        *_SSH,
        click.option(*password, "--password", help="Password of the user."),
        _DESCRIPTION,
        _TAGS,
        az_options() if "-w" not in password else _same,
    )
    def command(
        name: str, description: str | None, tags: tuple[str, ...], **settings: object
    ) -> None:
        _attach(name, _machine(kind, settings), description, _tags(tags))


def _same(command: Callable[..., object]) -> Callable[..., object]:
    return command


_attaching("remote", "a Linux machine that is reached over SSH", "-p")
_attaching("hdi", "a Spark cluster of HDInsight", "-p")
_attaching("remotedocker", "a machine with docker, as in Azure ML Workbench", "-w", "-p")
_attaching("cluster", "a Spark cluster, as in Azure ML Workbench", "-w", "-p")


def _service(
    kind: str, does: str, make: Callable[..., ComputeConfiguration], *options: Sequence[str]
) -> None:
    added = [click.option(*names, help=f"{text}.") for *names, text in options]

    @attach.command(kind, help=f"Attach {does}.")
    @_with(
        _NAME,
        *added,
        click.option("-i", "--compute-resource-id", "resource_id", help="ARM id of it."),
        click.option(
            "--compute-resource-group", "resource_group", help="Resource group of the service."
        ),
        _DESCRIPTION,
        _TAGS,
        az_options(),
    )
    def command(
        name: str, description: str | None, tags: tuple[str, ...], **settings: object
    ) -> None:
        _attach(name, make(**_set(settings)), description, _tags(tags))


_service(
    "batch",
    "an Azure Batch account",
    BatchCompute.attach_configuration,
    ("--account-name", "Name of the account"),
)
_service(
    "databricks",
    "an Azure Databricks workspace",
    DatabricksCompute.attach_configuration,
    ("--databricks-workspace", "workspace_name", "Name of the Databricks workspace"),
    ("-k", "--access-token", "Token of the Databricks workspace"),
)
_service(
    "adla",
    "a Data Lake Analytics account",
    AdlaCompute.attach_configuration,
    ("--account-name", "Name of the account"),
)


def _machine(kind: str, settings: Mapping[str, object]) -> ComputeConfiguration:
    if not settings.get("username"):
        raise UsageError("No user name is given.", remedy="Name it with `--username`.")
    return _MACHINES[kind](**_set(settings))


def _attach(
    name: str,
    configuration: ComputeConfiguration,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    az, workspace = _opened()
    configuration = configuration.with_settings(description=description, tags=dict(tags or {}))
    attached = ComputeTarget.attach(workspace, name, configuration)
    az.show(attached.serialize())


# --- what exists


@computetarget.command("list")
@az_options(metadata=False)
def list_() -> None:
    """List the computes that the stack deployed."""
    az, workspace = _opened()
    az.show([_row(each) for each in ComputeTarget.list(workspace)])


@computetarget.command()
@_with(_NAME, az_options())
def show(name: str) -> None:
    """Show one compute as the service describes it."""
    az, workspace = _opened()
    az.show(ComputeTarget(workspace, name).serialize())


@computetarget.command()
@_with(_NAME, az_options(metadata=False))
def delete(name: str) -> None:
    """Delete a cluster or an instance. It is removed from the stack file, too."""
    _, workspace = _opened()
    compute = ComputeTarget(workspace, name)
    _require(compute, compute.type in _CREATED, "was attached", "detach")
    compute.delete()


@computetarget.command()
@_with(_NAME, az_options(metadata=False))
def detach(name: str) -> None:
    """Detach a machine or service. It is removed from the stack file; the resource stays."""
    _, workspace = _opened()
    compute = ComputeTarget(workspace, name)
    _require(compute, compute.type not in _CREATED, "was created by the workspace", "delete")
    compute.detach()


@computetarget.command("get-credentials")
@_with(_NAME, az_options(metadata=False))
def get_credentials(name: str) -> None:
    """Refused: credentials of a compute are never printed."""
    raise UsageError(
        f"The credentials of {name!r} are not printed.",
        remedy="They are in the stack file, encrypted: `aml config get KEY --show-secrets`.",
    )


@computetarget.group()
def update() -> None:
    """Change a compute in the stack file, and deploy it."""


@update.command("amlcompute")
@_with(
    _NAME,
    click.option("--min-nodes", type=int, help="Minimum number of nodes."),
    click.option("--max-nodes", type=int, help="Maximum number of nodes."),
    click.option("--idle-seconds-before-scaledown", type=int, help="Idle time of a node, seconds."),
    az_options(),
)
def update_amlcompute(name: str, **settings: int | None) -> None:
    """Change the node limits or the idle time of a cluster."""
    if not _set(settings):
        raise UsageError(
            "There is nothing to change.",
            remedy="Give --min-nodes, --max-nodes or --idle-seconds-before-scaledown.",
        )
    az, workspace = _opened()
    cluster = AmlCompute(workspace, name)
    cluster.update(**settings)
    az.show(cluster.serialize())


@computetarget.group()
def computeinstance() -> None:
    """Start, stop and restart a compute instance."""


def _power(action: str, does: str) -> None:
    @computeinstance.command(action, help=does)
    @_with(_NAME, _NO_WAIT, az_options(metadata=False))
    def command(name: str, *, no_wait: bool) -> None:  # noqa: ARG001 - accepted
        az, workspace = _opened()
        instance = ComputeInstance(workspace, name)
        getattr(instance, action)()
        az.show(instance.get_status().serialize())


_power("start", "Start a compute instance; billing starts.")
_power("stop", "Stop a compute instance; its disk is kept.")
_power("restart", "Restart a compute instance.")


@computetarget.group()
def amlcompute() -> None:
    """Manage the identities of a cluster."""


@amlcompute.group()
def identity() -> None:
    """Assign, remove and show the managed identities of a cluster."""


_IDENTITIES: Final = click.option(
    "--identities", required=True, help="[system], or ids separated by commas or spaces."
)


@identity.command()
@_with(_NAME, _IDENTITIES, az_options())
def assign(name: str, identities: str) -> None:
    """Assign a system-assigned identity, or user-assigned ones."""
    az, workspace = _opened()
    cluster = AmlCompute(workspace, name)
    kind, ids = _identity(identities)
    cluster.add_identity(str(kind), ids or None)
    az.show(_identity_document(cluster))


@identity.command()
@_with(_NAME, _IDENTITIES, az_options())
def remove(name: str, identities: str) -> None:
    """Remove identities."""
    az, workspace = _opened()
    cluster = AmlCompute(workspace, name)
    cluster.remove_identity(_words(identities))
    az.show(_identity_document(cluster))


@identity.command("show")
@_with(_NAME, az_options())
def show_identity(name: str) -> None:
    """Show the identities of a cluster."""
    az, workspace = _opened()
    az.show(_identity_document(AmlCompute(workspace, name)))


def _opened() -> tuple[AzOptions, Workspace]:
    az, session = given(), command_session(None)
    az.require_workspace(session)
    return az, Workspace(session)


def _require(compute: ComputeTarget, fits: bool, why: str, verb: str) -> None:  # noqa: FBT001
    if not fits:
        raise ComputeTargetException(
            f"Compute {compute.name!r} {why}.",
            remedy=f"Use `aml computetarget {verb} -n {compute.name}`.",
        )


def _row(compute: ComputeTarget) -> JsonObject:
    return {
        "name": compute.name,
        "computeType": compute.type,
        "provisioningState": compute.provisioning_state,
        "location": compute.location,
        "id": compute.id,
    }


def _identity_document(cluster: AmlCompute) -> JsonObject:
    return {"identityType": cluster.identity_type, "identityIds": cluster.identity_id}


def _identity(text: str | None) -> tuple[str | None, list[str]]:
    """Return azureml-core's ``identity_type`` and ``identity_id`` for ``[system],ID``."""
    words = _words(text)
    ids = [word for word in words if word.lower() != "[system]"]
    kinds = [
        *(["SystemAssigned"] if len(ids) < len(words) else []),
        *(["UserAssigned"] if ids else []),
    ]
    return ",".join(kinds) or None, ids


def _words(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()


def _tags(pairs: Sequence[str]) -> dict[str, str]:
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def _set(settings: Mapping[str, object]) -> JsonObject:
    return {key: value for key, value in settings.items() if value is not None}
