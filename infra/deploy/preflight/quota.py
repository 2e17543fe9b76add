"""Whether all computes of a stack fit into the quotas of their regions. Pure.

Quotas of dedicated nodes are per family, and one across families; low-priority nodes share one.
A cluster uses cores for the nodes it has, not for those it may have.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.vm_sizes import VmSize
from infra.contract.json_types import Document
from infra.deploy.preflight.facts import Facts, Usage, region_of
from infra.spec.clusters import AmlComputeSpec
from infra.spec.instances import ComputeInstanceSpec
from infra.spec.problems import Location
from infra.spec.rules.findings import Finding
from infra.spec.stack import StackSpec

DEDICATED: Final = "dedicated cores of all families"
LOW_PRIORITY: Final = "low-priority cores"
# As Azure ML lists them, without case, spaces and punctuation.
_FOLDED: Final = {
    DEDICATED: ("totalclusterdedicatedregionalvcpus", "totalclusterdedicatedvcpus"),
    LOW_PRIORITY: ("totalclusterlowpriorityregionalvcpus", "totalclusterlowpriorityvcpus"),
}
_FAMILY: Final = "clusterdedicatedvcpus"
ADVICE: Final = "Reduce the number of nodes, choose another size, or request more quota from Azure."


@dataclass(slots=True)
class QuotaDemand:
    """What a stack needs of one quota, in cores: at its most nodes, and right away."""

    region: str
    most: int = 0
    least: int = 0
    members: list[tuple[int, str, str]] = field(default_factory=list)
    """Index and name of each compute, and what it adds, as text."""

    @property
    def location(self) -> Location:
        if len(self.members) > 1:
            return ("aml:computes",)
        return ("aml:computes", self.members[0][0])

    @property
    def need(self) -> str:
        return f"{self.description} need{'' if len(self.members) > 1 else 's'}"

    @property
    def description(self) -> str:
        return " and ".join(f"{name} ({adds})" for _, name, adds in self.members)


def quota(
    spec: StackSpec, facts: Facts, changing: Collection[str] | None
) -> tuple[list[Finding], list[str]]:
    """Return problems, and remarks on what fits only once others release theirs.

    ``changing`` names the computes that a plan creates or changes (``None``: all). Quotas that none
    of them needs are skipped: the plan cannot make them any worse.
    """
    problems: list[Finding] = []
    remarks: list[str] = []
    used = _used_by(facts, spec)
    for (place, name), demand in demands(spec, facts).items():
        usage = usage_of(name, facts.region(place).usages)
        if usage is None or not (changing is None or {m[1] for m in demand.members} & {*changing}):
            continue
        free = usage.limit - max(0, usage.used - used.get((place, name), 0))
        if demand.most > usage.limit:
            says = (
                f"{demand.need} {demand.most} {cores(name)} with all nodes running; the limit "
                f"in {demand.region} is {usage.limit}. {ADVICE}"
            )
            problems.append((demand.location, says))
        elif demand.least > free:
            says = (
                f"{demand.need} {demand.least} {cores(name)} right away; others use "
                f"{usage.limit - free} of the {usage.limit} in {demand.region}. {ADVICE}"
            )
            problems.append((demand.location, says))
        elif demand.most > free:
            remarks.append(
                f"{demand.description} may need {demand.most} {cores(name)}; others use "
                f"{usage.limit - free} of the {usage.limit} in {demand.region} now, so nodes may "
                "have to wait."
            )
    return problems, remarks


def demands(spec: StackSpec, facts: Facts) -> Mapping[tuple[str, str], QuotaDemand]:
    """Return the demand on each quota of a region: by family, and the two across families."""
    found: dict[tuple[str, str], QuotaDemand] = {}
    for index, compute in enumerate(spec.computes):
        match compute:
            case AmlComputeSpec(max_nodes=most, min_nodes=least, priority=priority):
                low = priority == "low_priority"
            case ComputeInstanceSpec():
                most, least, low = 1, 1, False
            case _:
                continue
        place = region_of(spec, compute)
        size = facts.region(place).sizes.get(compute.vm_size.lower())
        for name in quotas_of(size, low=low) if size and most else ():
            region = compute.location or spec.location
            demand = found.setdefault((place, name), QuotaDemand(region))
            demand.most += most * size.vcpus if size else 0
            demand.least += least * size.vcpus if size else 0
            demand.members.append((index, compute.name, f"{most} x {size.vcpus if size else 0}"))
    return found


def quotas_of(size: VmSize, *, low: bool) -> Sequence[str]:
    """Return the quotas that nodes of a size count against."""
    return (LOW_PRIORITY,) if low else (size.family, DEDICATED)


def _used_by(facts: Facts, spec: StackSpec) -> Mapping[tuple[str, str], int]:
    """Return the cores that the stack's own computes have now, by region and quota."""
    names = {compute.name.lower() for compute in spec.computes}
    used: dict[tuple[str, str], int] = {}
    for compute in facts.computes:
        inner = _inner(compute)
        place = location_name(str(_location(compute) or spec.location))
        size = facts.region(place).sizes.get(str(inner.get("vmSize")).lower())
        if size is None or str(compute.get("name")).lower() not in names:
            continue
        # The service counts these nodes as used; counted as demand too, they would count twice.
        nodes = int(inner.get("currentNodeCount", 1) or 0)
        for name in quotas_of(size, low=inner.get("vmPriority") == "LowPriority"):
            used[place, name] = used.get((place, name), 0) + nodes * size.vcpus
    return used


def _location(compute: Document) -> object:
    return (compute.get("properties") or {}).get("computeLocation") or compute.get("location")


def _inner(compute: Document) -> Document:
    return (compute.get("properties") or {}).get("properties") or {}


def usage_of(name: str, usages: Iterable[Usage]) -> Usage | None:
    """Return the quota of a family, or of a name that this module has; ``None`` if not listed."""
    wanted = _FOLDED.get(name) or tuple(_family_names(name))
    return next((usage for usage in usages if _fold(usage.name) in wanted), None)


def _family_names(family: str) -> Iterator[str]:
    yield _fold(family)
    yield _fold(family) + _FAMILY


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def cores(name: str) -> str:
    """Return what a quota counts, in words."""
    return name if name in _FOLDED else f"dedicated cores of {name}"
