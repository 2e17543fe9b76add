"""Compute instances: a machine for one person, with start and stop schedules."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.clusters import VmSizeName
from infra.spec.credentials import PublicKey
from infra.spec.identity import IdentitySpec
from infra.spec.names import ComputeInstanceName, Guid, Location, SubnetId, SubnetReference
from infra.spec.tags import Tags

_FIELD = r"[0-9A-Za-z*/,-]+"
Cron = Annotated[str, Field(pattern=rf"^{_FIELD}( {_FIELD}){{4,5}}$")]
"""NCronTab: minute, hour, day of month, month, day of week; optionally seconds first."""
LocalTime = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z?$")]
"""A time without offset, in the schedule's time zone."""
Hour = Annotated[int, Field(ge=0, le=23)]
Minute = Annotated[int, Field(ge=0, le=59)]
MonthDay = Annotated[int, Field(ge=1, le=31)]
WeekDay = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class AssignedUserSpec(SpecModel):
    """The Microsoft Entra ID user of the instance, by object id and tenant id."""

    object_id: Guid
    tenant_id: Guid


class RecurrenceSpec(SpecModel):
    """Repeats every ``interval`` units, at each of the hours and minutes."""

    frequency: Literal["minute", "hour", "day", "week", "month"]
    interval: Annotated[int, Field(ge=1, le=1000)] = 1
    hours: tuple[Hour, ...] = ()
    minutes: tuple[Minute, ...] = ()
    week_days: tuple[WeekDay, ...] = ()
    month_days: tuple[MonthDay, ...] = ()


class ScheduleSpec(SpecModel):
    """When the instance starts or stops: by ``cron`` or by ``recurrence``."""

    action: Literal["start", "stop"]
    cron: Cron | None = None
    recurrence: RecurrenceSpec | None = None
    time_zone: str = "UTC"
    """A Windows time zone name, such as ``W. Europe Standard Time``."""
    start_time: LocalTime | None = None
    enabled: bool = True


class ScriptSpec(SpecModel):
    """A shell script: its ``path`` in the workspace's file share, or its text ``inline``."""

    path: str | None = None
    inline: str | None = None
    arguments: str | None = None
    timeout_minutes: Annotated[int, Field(ge=1, le=60)] | None = None


class SetupSpec(SpecModel):
    """Scripts that run once after creation, and at every start."""

    creation_script: ScriptSpec | None = None
    startup_script: ScriptSpec | None = None


class ComputeInstanceSpec(SpecModel):
    """A machine for one person, billed until it is stopped.

    Only ``idle_shutdown_minutes`` changes in place.
    """

    kind: Literal["compute_instance"]
    name: ComputeInstanceName
    location: Location | None = None
    """Azure region, if it is not the workspace's."""
    vm_size: VmSizeName
    ssh_public_key: PublicKey | None = None
    """Opens the SSH port for the holder of the private key."""
    subnet: SubnetReference | None = None
    subnet_id: SubnetId | None = None
    node_public_ip: bool = True
    assigned_user: AssignedUserSpec | None = None
    authorization_type: Literal["personal"] | None = None
    """``personal``: for one user, the only type that Azure has. Default: as the instance has it."""
    application_sharing: Literal["shared", "personal"] = "shared"
    sso: bool = True
    """Whether its applications sign the user in with Microsoft Entra ID."""
    disable_local_auth: bool | None = None
    """Disables login by key. Default: true without ``ssh_public_key``."""
    idle_shutdown_minutes: Annotated[int, Field(ge=15, le=3 * 24 * 60)] | None = None
    schedules: tuple[ScheduleSpec, ...] = ()
    setup: SetupSpec | None = None
    identity: IdentitySpec | None = None
    description: str | None = None
    tags: Tags = Field(default_factory=dict)
    """Added to the stack's tags; overrides those of the same name."""
