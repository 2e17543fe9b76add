"""The computes of a stack as its state and its file have them, where no cloud is asked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.catalogue.vm_prices import price_of
from infra.contract.json_types import Document
from infra.contract.stack_console import ComputeRow
from infra.deploy.console.compute_rows import row_of
from infra.deploy.drift.comparison import COMPUTE
from infra.deploy.importing.computes import compute_of
from infra.engine.model.resources import Loaded
from infra.spec.computes import ATTACHMENTS, ComputeSpec

_UNKNOWN: Final = "Unknown"
_NOT_DEPLOYED: Final = "Not deployed"
_SHOWN: Final = {"vm_size", "location", "priority", "min_nodes", "max_nodes"}


def recorded(
    loaded: Loaded, computes: Sequence[ComputeSpec] | None, region: str
) -> Mapping[str, tuple[ComputeRow, Document]]:
    """Return the computes by name, each with what the state has of it.

    ``computes`` are those of the stack file; ``None``: a program of one's own declares what the
    state has. How each is at the moment, only its cloud knows.
    """
    declared = frozenset(each.name for each in computes or ())
    found = {}
    for resource in loaded.resources:
        if resource.type != COMPUTE or resource.delete:
            continue
        name = parse_arm_id(resource.id).names[-1]
        document = {**resource.outputs, "id": resource.id, "name": name}
        row = row_of(compute_of(document, {name} if computes is None else declared), region)
        found[row.name] = (_unasked(row), document)
    for each in computes or ():
        if each.name not in found:
            found[each.name] = (_undeployed(each, region), {})
    return dict(sorted(found.items()))


def _unasked(row: ComputeRow) -> ComputeRow:
    return replace(
        row, state=_UNKNOWN, nodes={}, present=None, usd_now=None, steady_since=None, errors=()
    )


def _undeployed(compute: ComputeSpec, region: str) -> ComputeRow:
    settings = compute.model_dump(include=_SHOWN)
    size, most = str(settings.get("vm_size") or ""), settings.get("max_nodes")
    price = price_of(size, settings.get("location") or region) if size else None
    return ComputeRow(
        name=compute.name,
        kind=compute.kind,
        state=_NOT_DEPLOYED,
        id="",
        vm_size=size,
        priority=str(settings.get("priority") or ""),
        least=settings.get("min_nodes"),
        most=most,
        usd_most=None if price is None or most is None else price.usd * most,
        attached=compute.kind in ATTACHMENTS,
        declared=True,
    )
