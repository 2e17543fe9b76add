"""Which entries of state depend on which others. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from infra.engine.model.resources import Resource

Needs = Mapping[int, set[int]]


def referred(resource: Resource) -> Iterator[str]:
    """Yield the URNs that a resource depends on."""
    yield from filter(None, [resource.parent, resource.deleted_with])
    yield from resource.dependencies
    yield from resource.replace_with
    for urns in resource.property_dependencies.values():
        yield from urns
    # `<urn>::<id>`: any entry with that URN will do, whatever its id.
    if resource.provider:
        yield resource.provider.rpartition("::")[0]


def needs(resources: Sequence[Resource], renames: Mapping[str, str]) -> dict[int, set[int]]:
    """Return, by position, the positions of the entries each resource depends on.

    ``renames`` maps a former URN to the present one.
    """
    # A list: the two halves of a replacement have one URN, and a reference to it means both.
    positions: dict[str, list[int]] = {}
    for position, resource in enumerate(resources):
        for urn in {resource.urn, renames.get(resource.urn, resource.urn)}:
            positions.setdefault(urn, []).append(position)
    found: dict[int, set[int]] = {}
    for position, resource in enumerate(resources):
        hits = {
            hit
            for urn in referred(resource)
            # An interrupted run may have left references to a former URN.
            for hit in positions.get(urn, positions.get(renames.get(urn, urn), []))
        }
        # An entry never waits for the other half of its own replacement.
        found[position] = {hit for hit in hits - {position} if resources[hit].urn != resource.urn}
    return found
