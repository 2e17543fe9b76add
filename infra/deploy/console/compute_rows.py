"""What a list of computes shows of each, and which VM sizes there are to choose. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.vm_prices import price_of
from infra.catalogue.vm_sizes import RETIRED, VmSize
from infra.contract.json_types import Document
from infra.contract.stack_console import ComputeRow, SizeChoice
from infra.deploy.importing.computes import ListedCompute
from infra.deploy.preflight.facts import Usage
from infra.deploy.preflight.quota import usage_of
from infra.spec.computes import ATTACHMENTS

_INNER: Final = "properties.properties"
_COUNT: Final = "NodeCount"
_MIB: Final = 1024
_STOPPED: Final = frozenset({"Stopped", "Stopping"})


def row_of(listed: ListedCompute, region: str) -> ComputeRow:
    """Return the row of a compute; ``region`` is that of the workspace."""
    document = listed.document
    inner: Document = value_at(document, _INNER) or {}
    scale: Document = inner.get("scaleSettings") or {}
    here = str(value_at(document, "properties.computeLocation") or "") or region
    price = price_of(listed.vm_size, here) if listed.vm_size else None
    usd = None if price is None else price.usd
    present, most = inner.get("currentNodeCount"), scale.get("maxNodeCount")
    if listed.kind == "compute_instance":
        present, most = int(listed.state not in _STOPPED), 1
    return ComputeRow(
        name=listed.name,
        kind=listed.kind,
        state=listed.state,
        id=listed.id,
        vm_size=listed.vm_size,
        priority=_priority(inner),
        nodes=_nodes(inner),
        present=present,
        least=scale.get("minNodeCount"),
        most=most,
        usd_now=None if usd is None or present is None else usd * int(present),
        usd_most=None if usd is None or most is None else usd * int(most),
        steady_since=_seconds(inner.get("allocationStateTransitionTime")),
        attached=listed.kind in ATTACHMENTS or bool(value_at(document, "properties.resourceId")),
        declared=listed.declared,
        errors=tuple(_errors(document, inner)),
    )


def _priority(inner: Document) -> str:
    return {"LowPriority": "low_priority", "Dedicated": "dedicated"}.get(
        str(inner.get("vmPriority")), ""
    )


def _nodes(inner: Document) -> Mapping[str, int]:
    counts: Document = inner.get("nodeStateCounts") or {}
    return {state.removesuffix(_COUNT): int(number) for state, number in counts.items() if number}


def _errors(document: Document, inner: Document) -> Iterable[str]:
    found = (
        *(value_at(document, "properties.provisioningErrors") or ()),
        *(inner.get("errors") or ()),
    )
    for each in found:
        error = each.get("error") or each
        yield str(error.get("message") or error.get("code") or error)


def _seconds(text: object) -> float | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def size_choices(
    sizes: Iterable[VmSize], usages: Sequence[Usage], region: str
) -> Sequence[SizeChoice]:
    """Return the sizes by family and cores, then those that were retired with their successors."""
    here = list(sizes)
    known = {size.name.lower() for size in here}
    left = {family: usage_of(family, usages) for family in {size.family for size in here}}
    found = [
        SizeChoice(
            size.name,
            size.family,
            size.vcpus,
            size.memory_mib / _MIB,
            size.gpus,
            None if (price := price_of(size.name, region)) is None else price.usd,
            None if (usage := left[size.family]) is None else max(0, usage.limit - usage.used),
        )
        for size in sorted(here, key=lambda each: (each.family.lower(), each.vcpus, each.name))
    ]
    gone = [
        SizeChoice(name, instead=successor)
        for name, successor in RETIRED.items()
        if name.lower() not in known
    ]
    return [*found, *gone]
