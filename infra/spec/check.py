"""Tables of rules across fields, which read plain values and report contradictions.

Rules run on the values as written, beside the models, so that contradictions are reported even for
a file with a misspelt key. They skip missing values and wrong types, which the models report.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from infra.spec.rules import (
    attachments,
    clusters,
    datastores,
    endpoints,
    identities,
    instances,
    networks,
    platforms,
    references,
    roles,
    services,
    sizes,
    tags,
)
from infra.spec.rules.findings import Finding, StackRule, below, entries

_OVER_SSH: Final = (attachments.named_once, attachments.one_credential)
_COMPUTES: Final[Mapping[str, tuple[StackRule, ...]]] = {
    "aml_compute": (
        clusters.nodes_are_ordered,
        clusters.one_subnet,
        identities.identity,
        clusters.admin_can_log_in,
    ),
    "compute_instance": (
        clusters.one_subnet,
        identities.identity,
        instances.schedules,
        instances.scripts,
    ),
    "virtual_machine": _OVER_SSH,
    "hdinsight": (*_OVER_SSH, attachments.ssh_host),
    "kubernetes": (identities.identity, services.attached_cluster),
    "synapse_spark": (identities.identity,),
}
# Rules for list entries of any kind.
_ENTRIES: Final[Mapping[str, tuple[StackRule, ...]]] = {
    "networks": (networks.ranges, networks.security_rules),
    "datastores": (datastores.one_account, datastores.free_name),
    "role_assignments": (roles.who_and_where,),
    "connections": (services.credentials_fit,),
    "kubernetes_clusters": (services.pool_is_ordered,),
    "registries": (services.regions_differ,),
}
_STACK: Final[tuple[Callable[[Document], Iterator[Finding]], ...]] = (
    references.names_differ,
    clusters.private_nodes_need_a_network,
    clusters.nodes_are_where_their_network_is,
    attachments.known_instance_types,
    identities.primary_identity,
    references.subnets_are_declared,
    references.identities_are_declared,
    roles.fit_the_workspace,
    roles.computes_have_an_identity,
    sizes.sizes,
    tags.fit_a_storage_account,
    datastores.container_of_the_own_account,
    datastores.containers_are_made_once,
    datastores.keys_that_the_own_account_takes,
    platforms.belong_to_what_is_created,
    platforms.registry_needs_premium,
    platforms.datastores_without_keys,
    endpoints.endpoints,
    platforms.firewalls_know_their_subnets,
    platforms.ranges_of_accounts_are_large,
    platforms.diagnostics_have_a_store,
    platforms.projects_have_a_hub,
    platforms.outbound_rules_fit,
    platforms.images_are_built_by_a_cluster,
    platforms.keys_are_in_their_vault,
    platforms.policies_fit_the_vault,
    platforms.secrets_are_named_once,
    services.clusters_are_declared,
)


def contradictions(stack: Document, *, subscription: str | None = None) -> Iterator[Finding]:
    """Yield every contradiction; ``stack`` maps ``StackSpec``'s field names to plain values.

    ``subscription`` is the target subscription, if known.
    """
    workspace = stack.get("workspace")
    if isinstance(workspace, Mapping):
        yield from below(("workspace",), identities.identity(workspace))
    for rule in _STACK:
        yield from rule(stack)
    yield from attachments.across(stack, subscription)
    for index, compute in entries(stack, "computes"):
        for rule in _COMPUTES.get(str(compute.get("kind")), ()):
            yield from below(("computes", index), rule(compute))
    for key, rules in _ENTRIES.items():
        for index, entry in entries(stack, key):
            for rule in rules:
                yield from below((key, index), rule(entry))
