"""Whether the regions of a plan's new clusters and instances have the nodes for them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.locations import location_name
from infra.contract.json_types import Document
from infra.deploy.preflight.facts import Region
from infra.deploy.preflight.planned import Planned
from infra.deploy.preflight.quota import ADVICE, cores, quotas_of, usage_of

_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"
_KINDS: Final = frozenset({"AmlCompute", "ComputeInstance"})
_INNER: Final = "properties.properties"


def new_computes(plan: Iterable[Planned]) -> list[Planned]:
    """Return the clusters and instances that a plan makes, or makes again."""
    return [
        each
        for each in plan
        if each.row.name == _COMPUTES
        and (each.created or each.replaced)
        and value_at(each.inputs, "properties.computeType") in _KINDS
        and _region(each)
    ]


def regions_of(plan: Iterable[Planned]) -> list[str]:
    """Return the names of the regions that a plan makes clusters and instances in."""
    return list(dict.fromkeys(_region(each) for each in new_computes(plan)))


def without_room(plan: Iterable[Planned], offers: Mapping[str, Region]) -> Iterator[str]:
    """Yield a sentence for each size that a region lacks, and for each quota that is too small."""
    demands: dict[tuple[str, str], list[tuple[Planned, int]]] = {}
    for each in new_computes(plan):
        place, inner = _region(each), value_at(each.inputs, _INNER) or {}
        offered = offers.get(place, Region({}, ())).sizes
        name = inner.get("vmSize")
        size = offered.get(str(name).lower())
        if size is None:
            if offered and isinstance(name, str) and "_" in name:
                yield f"{each} cannot be created: {name!r} is not offered in {place}."
            continue
        low = str(inner.get("vmPriority")).lower() == "lowpriority"
        for quota in quotas_of(size, low=low):
            needed = _nodes(inner) * size.vcpus
            demands.setdefault((place, quota), []).append((each, needed))
    for (place, quota), members in demands.items():
        usage = usage_of(quota, offers[place].usages)
        total = sum(needed for _, needed in members)
        if usage is not None and total > usage.limit:
            names = " and ".join(str(each) for each, _ in members)
            verb = "need" if len(members) > 1 else "needs"
            yield (
                f"{names} {verb} {total} {cores(quota)} with all nodes running; the limit in "
                f"{place} is {usage.limit}. {ADVICE}"
            )


def _region(each: Planned) -> str:
    found = value_at(each.inputs, "properties.computeLocation") or each.inputs.get("location")
    name = location_name(found) if isinstance(found, str) else ""
    return name if name.isalnum() else ""  # not known before the deployment


def _nodes(inner: Document) -> int:
    most = value_at(inner, "scaleSettings.maxNodeCount")
    if most is None:
        return 1  # an instance
    return int(most) if isinstance(most, int | float) else 0
