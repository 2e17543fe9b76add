"""A compute instance of a workspace, with its schedules and scripts."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.catalogue.durations import iso_duration
from infra.components.compute import Compute, ComputeArgs
from infra.components.inputs import derived, translated

SHARING: Final = {"shared": "Shared", "personal": "Personal"}
_MINUTE_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class InstanceArgs(ComputeArgs):
    """Arguments of an instance. "Replace": a new value deletes it and its disk.

    The name has 3-24 characters and is unique in the Azure region.
    """

    vm_size: pulumi.Input[str]
    """Azure VM size. Replace."""
    ssh_public_key: pulumi.Input[str] | None = None
    """Text of a public key; opens the SSH port. Default: closed. Replace."""
    subnet_id: pulumi.Input[str] | None = None
    """ARM id of the subnet. Default none. Replace."""
    node_public_ip: pulumi.Input[bool] = True
    """Default true; false requires a subnet or a managed network. Replace."""
    assigned_object_id: pulumi.Input[str] | None = None
    """Object id of the assigned user. Default: whoever deploys. Replace."""
    assigned_tenant_id: pulumi.Input[str] | None = None
    """Tenant of the assigned user. Replace."""
    authorization_type: pulumi.Input[str] | None = None
    """``personal``, the only type of Azure. Default: as the instance has it. Replace."""
    application_sharing: pulumi.Input[str] = "shared"
    """``shared`` (default) or ``personal``: who may use its applications. Replace."""
    sso: pulumi.Input[bool] = True
    """Single sign-on to its applications. Default true. Replace."""
    disable_local_auth: bool | None = None
    """Disables login by key. Default: true without ``ssh_public_key``. Replace."""
    idle_shutdown_minutes: pulumi.Input[int] | None = None
    """Idle minutes after which it stops, 15-4320. Default: never. In place."""
    schedules: Sequence[ml.ComputeStartStopScheduleArgs] = ()
    """From ``cron_schedule`` and ``recurring_schedule``. Default none. Ignored after creation."""
    creation_script: ml.ScriptReferenceArgs | None = None
    """From ``stored_script`` or ``inline_script``; runs once. Default none. Replace."""
    startup_script: ml.ScriptReferenceArgs | None = None
    """Runs at every start. Default none. Replace."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default none. Replace."""


class Instance(Compute):
    """A machine for one person, billed until it is stopped: by hand, when idle, or by schedule."""

    def __init__(
        self, name: str, args: InstanceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = ml.ComputeInstanceArgs(
            compute_type="ComputeInstance",
            description=args.description,
            disable_local_auth=(
                args.ssh_public_key is None
                if args.disable_local_auth is None
                else args.disable_local_auth
            ),
            properties=_machine(args),
        )
        facts = {"kind": "compute_instance", "vm_size": args.vm_size}
        super().__init__(
            name,
            args,
            properties,
            opts,
            kind="ComputeInstance",
            facts=facts,
            identity=args.identity,
        )


def cron_schedule(
    action: Literal["start", "stop"],
    expression: pulumi.Input[str],
    *,
    time_zone: pulumi.Input[str] = "UTC",
    start_time: pulumi.Input[str] | None = None,
    enabled: bool = True,
) -> ml.ComputeStartStopScheduleArgs:
    """Return a schedule from an NCronTab expression; ``time_zone`` is a Windows name."""
    cron = ml.CronArgs(expression=expression, time_zone=time_zone, start_time=start_time)
    return ml.ComputeStartStopScheduleArgs(
        action=action.capitalize(), status=_status(enabled=enabled), trigger_type="Cron", cron=cron
    )


def recurring_schedule(
    action: Literal["start", "stop"],
    frequency: Literal["minute", "hour", "day", "week", "month"],
    *,
    interval: pulumi.Input[int] = 1,
    hours: Sequence[int] = (),
    minutes: Sequence[int] = (),
    week_days: Sequence[str] = (),
    month_days: Sequence[int] = (),
    time_zone: pulumi.Input[str] = "UTC",
    start_time: pulumi.Input[str] | None = None,
    enabled: bool = True,
) -> ml.ComputeStartStopScheduleArgs:
    """Return a schedule that recurs every ``interval`` units, at the given hours and minutes."""
    times = ml.ComputeRecurrenceScheduleArgs(
        hours=list(hours),
        minutes=list(minutes),
        week_days=[day.capitalize() for day in week_days] or None,
        month_days=list(month_days) or None,
    )
    recurrence = ml.RecurrenceArgs(
        frequency=frequency.capitalize(),
        interval=interval,
        schedule=times,
        time_zone=time_zone,
        start_time=start_time,
    )
    return ml.ComputeStartStopScheduleArgs(
        action=action.capitalize(),
        status=_status(enabled=enabled),
        trigger_type="Recurrence",
        recurrence=recurrence,
    )


def stored_script(
    path: pulumi.Input[str],
    *,
    arguments: pulumi.Input[str] | None = None,
    timeout_minutes: int | None = None,
) -> ml.ScriptReferenceArgs:
    """Return a script at ``path`` in the workspace's file share."""
    return ml.ScriptReferenceArgs(
        script_source="workspaceStorage",
        script_data=path,
        script_arguments=arguments,
        timeout=_timeout(timeout_minutes),
    )


def inline_script(
    text: pulumi.Input[str],
    *,
    arguments: pulumi.Input[str] | None = None,
    timeout_minutes: int | None = None,
) -> ml.ScriptReferenceArgs:
    """Return a script with the given text."""
    return ml.ScriptReferenceArgs(
        script_source="inline",
        script_data=derived(lambda plain: base64.b64encode(plain.encode()).decode(), text),
        script_arguments=arguments,
        timeout=_timeout(timeout_minutes),
    )


def _machine(args: InstanceArgs) -> ml.ComputeInstancePropertiesArgs:
    idle = args.idle_shutdown_minutes
    schedules = ml.ComputeSchedulesArgs(compute_start_stop=list(args.schedules))
    return ml.ComputeInstancePropertiesArgs(
        vm_size=args.vm_size,
        application_sharing_policy=translated(SHARING, args.application_sharing),
        compute_instance_authorization_type=args.authorization_type,
        enable_node_public_ip=args.node_public_ip,
        enable_sso=args.sso,
        idle_time_before_shutdown=None
        if idle is None
        else derived(lambda minutes: iso_duration(int(minutes) * _MINUTE_S), idle),
        personal_compute_instance_settings=_person(args),
        schedules=schedules if args.schedules else None,
        setup_scripts=_scripts(args),
        ssh_settings=ml.ComputeInstanceSshSettingsArgs(
            ssh_public_access="Disabled" if args.ssh_public_key is None else "Enabled",
            admin_public_key=args.ssh_public_key,
        ),
        subnet=None if args.subnet_id is None else ml.ResourceIdArgs(id=args.subnet_id),
    )


def _person(args: InstanceArgs) -> ml.PersonalComputeInstanceSettingsArgs | None:
    if args.assigned_object_id is None or args.assigned_tenant_id is None:
        return None
    user = ml.AssignedUserArgs(object_id=args.assigned_object_id, tenant_id=args.assigned_tenant_id)
    return ml.PersonalComputeInstanceSettingsArgs(assigned_user=user)


def _scripts(args: InstanceArgs) -> ml.SetupScriptsArgs | None:
    if args.creation_script is None and args.startup_script is None:
        return None
    scripts = ml.ScriptsToExecuteArgs(
        creation_script=args.creation_script, startup_script=args.startup_script
    )
    return ml.SetupScriptsArgs(scripts=scripts)


def _status(*, enabled: bool) -> str:
    return "Enabled" if enabled else "Disabled"


def _timeout(minutes: int | None) -> str | None:
    return None if minutes is None else f"{minutes}m"
