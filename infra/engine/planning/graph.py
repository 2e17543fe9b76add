"""Which entries of state depend on which others, and work on all of them in that order.

Pure except ``walk``, which runs work on threads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

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


def walk(needed: Needs, work: Callable[[int], bool], parallel: int) -> set[int]:
    """Do ``work`` on every position, dependents first, independent ones at the same time.

    ``work`` says whether it succeeded. If not, everything that position depends on, directly or
    not, is kept: ``work`` is not called for it. Returns the kept positions.
    """
    waiting_for = dict.fromkeys(needed, 0)
    for hits in needed.values():
        for hit in hits:
            waiting_for[hit] += 1
    kept: set[int] = set()
    ready = [position for position, count in waiting_for.items() if not count]
    running: dict[Future[bool], int] = {}
    parallel = max(1, min(parallel, len(needed)))
    with ThreadPoolExecutor(parallel, "delete") as pool:
        while ready or running:
            while ready and len(running) < parallel:
                # The latest entry first: with one thread, the order of deletion is reproducible.
                ready.sort()
                position = ready.pop()
                running[pool.submit(work, position)] = position
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                position = running.pop(future)
                if not future.result():
                    kept |= _dependencies(position, needed)
                for hit in needed[position]:
                    waiting_for[hit] -= 1
                    # What is kept never becomes ready, and so neither does anything below it.
                    if not waiting_for[hit] and hit not in kept:
                        ready.append(hit)
    return kept


def _dependencies(position: int, needed: Needs) -> set[int]:
    found: set[int] = set()
    stack = list(needed[position])
    while stack:
        hit = stack.pop()
        if hit not in found:
            found.add(hit)
            stack.extend(needed[hit])
    return found
