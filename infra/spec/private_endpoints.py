"""Private endpoints: an address in a subnet that leads to a service, and its name there."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import PrivateDnsZoneId, SubnetId, SubnetReference


class PrivateEndpointSpec(SpecModel):
    """A private endpoint in a declared or an existing subnet.

    Its name resolves through private DNS zones: those in ``zone_ids``; else the zones that Azure
    prescribes for the service are created and linked to the subnet's network.
    """

    subnet: SubnetReference | None = None
    subnet_id: SubnetId | None = None
    zone_ids: tuple[PrivateDnsZoneId, ...] = ()
    """Existing zones, linked to the network already."""
    dns: Literal["zones", "none"] = "zones"
    """``none``: names are resolved by other means."""


class StorageEndpointSpec(PrivateEndpointSpec):
    """Private endpoints of a storage account, one for each of its services."""

    services: Annotated[
        tuple[Literal["blob", "dfs", "file", "queue", "table", "web"], ...], Field(min_length=1)
    ] = ("blob", "file")
    """Azure ML needs ``blob`` and ``file``."""
