"""Which dependents must go before a resource that is deleted before its replacement is made.

Pure but for asking providers to compare, which changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.contract.provider import UNKNOWN
from infra.engine.deployment.providers import Providers, has_provider_type
from infra.engine.model.resources import Resource
from infra.engine.planning.decision import Forced, Verdict, bare, decide
from infra.engine.planning.graph import referred
from infra.engine.planning.ledger import StateEntry


def dependents_to_replace(
    root: Resource, entries: Sequence[StateEntry], providers: Providers
) -> list[str]:
    """Return the URNs, of old state, of those that would be replaced along with ``root``.

    Not everything that depends on it: only what its own provider would replace if the inputs taken
    from a condemned resource became unknown, and what is deleted or replaced with a condemned one.
    ``entries`` are in state's order, so one pass is enough.
    """
    condemned = {root.urn}
    found = []
    for entry in entries:
        resource = entry.resource
        if resource.urn not in condemned and _is_replaced_too(resource, condemned, providers):
            condemned.add(resource.urn)
            found.append(resource.urn)
    return found


def _is_replaced_too(resource: Resource, condemned: set[str], providers: Providers) -> bool:
    if not resource.custom or resource.external or resource.pending_replacement:
        return False
    if has_provider_type(resource.type) or not condemned & set(referred(resource)):
        return False
    if {resource.deleted_with, *resource.replace_with} & condemned:
        return True
    return _would_be_replaced(resource, condemned, providers)


def _would_be_replaced(resource: Resource, condemned: set[str], providers: Providers) -> bool:
    masked: Mapping[str, Any] = {
        key: UNKNOWN if condemned & set(resource.property_dependencies.get(key, ())) else value
        for key, value in resource.inputs.items()
    }
    if UNKNOWN not in masked.values():
        return False
    new = replace(resource, inputs=masked)
    difference = providers.instance(resource.provider).diff(
        resource.type, resource.id, bare(resource.inputs), bare(resource.outputs), bare(masked)
    )
    decision = decide(resource, new, difference, Forced(), delete_before_replace=None)
    return decision.verdict is Verdict.REPLACE
