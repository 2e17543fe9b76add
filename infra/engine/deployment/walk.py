"""Works on the entries of state on threads, dependents before what they depend on."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from infra.engine.planning.graph import Needs


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
