"""Outbound rules of a workspace's managed network: where its computes may connect to."""

from typing import Annotated, Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.names import AnyId

RuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,79}$")]
Ports = Annotated[str, Field(pattern=r"^(\*|\d{1,5}(-\d{1,5})?(,\s*\d{1,5}(-\d{1,5})?)*)$")]
"""``443``, ``80, 443``, ``8000-9000`` or ``*``."""


class _Rule(SpecModel):
    name: RuleName


class FqdnRuleSpec(_Rule):
    """Allows a host name; ``*.example.org`` covers those below it."""

    kind: Literal["fqdn"]
    host: Annotated[str, Field(pattern=r"^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]


class ServiceTagRuleSpec(_Rule):
    """Allows a service of Azure by its tag."""

    kind: Literal["service_tag"]
    service_tag: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.]*$")]
    protocol: Literal["TCP", "UDP", "ICMP", "*"] = "TCP"
    ports: Ports = "443"


class PrivateEndpointRuleSpec(_Rule):
    """A private endpoint of the managed network to a resource."""

    kind: Literal["private_endpoint"]
    resource_id: AnyId
    subresource: Annotated[str, Field(pattern=r"^[A-Za-z]+$")]
    """What of the resource: ``blob``, ``file``, ``vault``, ``registry``, ``amlworkspace``, …"""
    spark: bool = False
    """Reachable from serverless Spark too."""


OutboundRuleSpec = Annotated[
    FqdnRuleSpec | ServiceTagRuleSpec | PrivateEndpointRuleSpec, Field(discriminator="kind")
]
