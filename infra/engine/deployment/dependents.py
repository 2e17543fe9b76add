"""Which dependents must be deleted before a resource that is deleted before it is replaced.

Pure except that it has providers compare inputs, which changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from infra.contract.provider import UNKNOWN
from infra.engine.deployment.providers import Providers, has_provider_type
from infra.engine.model.resources import Resource
from infra.engine.planning.decision import Forced, Verdict, bare, decide
from infra.engine.planning.graph import referred
from infra.engine.planning.ledger import StateEntry


def dependents_to_replace(
    root: Resource, entries: Sequence[StateEntry], providers: Providers
) -> list[str]:
    """Return the URNs, in old state, of the dependents that would be replaced with ``root``.

    Not every dependent is: only one that its own provider would replace if the inputs taken from a
    replaced resource became unknown, and one that is deleted or replaced with such a resource
    (``deleted_with``, ``replace_with``). This is the rule of Pulumi's step generator.
    """
    replaced = {root.urn}
    found = []
    # Entries are in state's order, dependencies first, so one pass is enough.
    for entry in entries:
        resource = entry.resource
        if resource.urn not in replaced and _is_replaced_too(resource, replaced, providers):
            replaced.add(resource.urn)
            found.append(resource.urn)
    return found


def _is_replaced_too(resource: Resource, replaced: set[str], providers: Providers) -> bool:
    if not resource.custom or resource.external or resource.pending_replacement:
        return False
    if has_provider_type(resource.type) or not replaced & set(referred(resource)):
        return False
    if {resource.deleted_with, *resource.replace_with} & replaced:
        return True
    return _would_be_replaced(resource, replaced, providers)


def _would_be_replaced(resource: Resource, replaced: set[str], providers: Providers) -> bool:
    inputs = {
        key: UNKNOWN if replaced & set(resource.property_dependencies.get(key, ())) else value
        for key, value in resource.inputs.items()
    }
    # Depends on it, but takes no input from it (`depends_on`): it stays.
    if UNKNOWN not in inputs.values():
        return False
    new = replace(resource, inputs=inputs)
    difference = providers.instance(resource.provider, resource).diff(
        resource.type, resource.id, bare(resource.inputs), bare(resource.outputs), bare(inputs)
    )
    decision = decide(resource, new, difference, Forced(), delete_before_replace=None)
    return decision.verdict is Verdict.REPLACE
