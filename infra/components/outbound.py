"""Outbound rules of a workspace's managed network."""

from collections.abc import Iterable, Mapping

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.spec.outbound import FqdnRuleSpec, OutboundRuleSpec, ServiceTagRuleSpec

OutboundRules = Mapping[
    str,
    ml.FqdnOutboundRuleArgs | ml.ServiceTagOutboundRuleArgs | ml.PrivateEndpointOutboundRuleArgs,
]
"""Rules of a managed network by their names."""


def fqdn_rule(host: pulumi.Input[str]) -> ml.FqdnOutboundRuleArgs:
    """Return a rule that allows a host name, or with ``*.`` all below it."""
    return ml.FqdnOutboundRuleArgs(type="FQDN", category="UserDefined", destination=host)


def service_tag_rule(
    service_tag: pulumi.Input[str],
    *,
    protocol: pulumi.Input[str] = "TCP",
    ports: pulumi.Input[str] = "443",
) -> ml.ServiceTagOutboundRuleArgs:
    """Return a rule that allows a service of Azure by its tag."""
    to = ml.ServiceTagDestinationArgs(service_tag=service_tag, protocol=protocol, port_ranges=ports)
    return ml.ServiceTagOutboundRuleArgs(type="ServiceTag", category="UserDefined", destination=to)


def private_endpoint_rule(
    resource_id: pulumi.Input[str], subresource: pulumi.Input[str], *, spark: bool = False
) -> ml.PrivateEndpointOutboundRuleArgs:
    """Return a rule that makes a private endpoint to a resource (``blob``, ``vault``, …)."""
    to = ml.PrivateEndpointDestinationArgs(
        service_resource_id=resource_id, subresource_target=subresource, spark_enabled=spark
    )
    return ml.PrivateEndpointOutboundRuleArgs(
        type="PrivateEndpoint", category="UserDefined", destination=to
    )


def outbound_rules(wanted: Iterable[OutboundRuleSpec]) -> OutboundRules:
    """Return the rules of a stack file, by their names."""
    return {each.name: _rule(each) for each in wanted}


def _rule(
    wanted: OutboundRuleSpec,
) -> ml.FqdnOutboundRuleArgs | ml.ServiceTagOutboundRuleArgs | ml.PrivateEndpointOutboundRuleArgs:
    if isinstance(wanted, FqdnRuleSpec):
        return fqdn_rule(wanted.host)
    if isinstance(wanted, ServiceTagRuleSpec):
        return service_tag_rule(wanted.service_tag, protocol=wanted.protocol, ports=wanted.ports)
    return private_endpoint_rule(wanted.resource_id, wanted.subresource, spark=wanted.spark)
