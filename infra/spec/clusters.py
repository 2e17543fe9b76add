"""AmlCompute: an autoscaling cluster of nodes."""

from typing import Annotated, Final, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.credentials import Credential, PublicKey
from infra.spec.identity import IdentitySpec
from infra.spec.names import AmlComputeName, Location, SubnetId, SubnetReference, UserName
from infra.spec.tags import Tags

# The service documents no limit; a year covers every cluster seen.
_LONGEST_IDLE_S: Final = 366 * 24 * 3600

VmSizeName = Annotated[str, Field(pattern=r"^[A-Za-z]+_[A-Za-z0-9][A-Za-z0-9_-]*$")]
NodeCount = Annotated[int, Field(ge=0, le=100_000)]


class AdminSpec(SpecModel):
    """The administrator account on every node, for SSH. Fixed at creation."""

    user: UserName
    ssh_public_key: PublicKey | None = None
    password: Credential | None = None


class AmlComputeSpec(SpecModel):
    """An autoscaling AmlCompute cluster.

    Only the node limits, ``idle_seconds``, ``identity`` and ``tags`` change in place. Everything
    else is fixed at creation: a new value replaces the cluster.
    """

    kind: Literal["aml_compute"]
    name: AmlComputeName
    location: Location | None = None
    """Azure region, if it is not the workspace's."""
    vm_size: VmSizeName
    priority: Literal["dedicated", "low_priority"] = "dedicated"
    min_nodes: NodeCount = 0
    """Minimum number of nodes. Anything above zero is billed around the clock."""
    max_nodes: NodeCount
    idle_seconds: Annotated[int, Field(ge=0, le=_LONGEST_IDLE_S)] = 120
    """Idle time after which a node is removed."""
    identity: IdentitySpec | None = None
    subnet: SubnetReference | None = None
    subnet_id: SubnetId | None = None
    node_public_ip: bool = True
    isolated_network: bool | None = None
    """Whether the nodes' network is isolated. Default: as the cluster has it."""
    admin: AdminSpec | None = None
    remote_login: Literal["enabled", "disabled", "not_specified"] = "disabled"
    """Whether the SSH port of each node is open to the internet."""
    os: Literal["linux", "windows"] = "linux"
    disable_local_auth: bool | None = None
    """Disables login by key and password. Default: true if neither is given."""
    description: str | None = None
    tags: Tags = Field(default_factory=dict)
    """Added to the stack's tags; overrides those of the same name."""
