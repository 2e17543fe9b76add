"""What runs did cost at most: the time that each held its nodes, by their list price. Pure.

A parent that only starts others has no nodes: those below it are counted, each once. A step that
an earlier run stands for costs nothing. Runs that a script began below its own are on its nodes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.vm_prices import PriceTable, price_of
from runtime.history.child_runs import PARENT
from runtime.history.store import History
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.runs import Billed, RunRecord
from runtime.model.states import seconds_held
from runtime.submit.abilities import DATABRICKS, INSTANCE
from runtime.targets.base import DRIVEN, INTERACTIVE
from runtime.targets.finding import ON_THIS_MACHINE

GOING: Final = "still going"
REUSED: Final = "reused"
LOW_PRIORITY: Final = "low priority, at the price of dedicated nodes"
_MORE: Final = {
    INSTANCE: "the instance is billed without runs, too",
    DATABRICKS: "with all workers it may have had, without Databricks' own units",
}
"""Kinds of targets → how a bill differs."""
_HERE: Final = "this machine"
_NOT_KEPT: Final = "what its nodes were is not known"
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Period:
    """The time between ``since`` and ``until``, in seconds since the epoch."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class RunCost:
    """What one run cost at most in a period. ``root``: the run above all, or the run itself.

    ``usd`` is ``None`` where ``why_not`` says why there is no price. ``remarks``: how a bill
    differs.
    """

    record: RunRecord
    root: RunRecord
    billed: Billed
    node_hours: float
    usd: float | None
    why_not: str = ""
    remarks: tuple[str, ...] = ()


def costs_of(
    history: History,
    records: Iterable[RunRecord],
    period: Period,
    table: PriceTable | None = None,
) -> Iterator[RunCost]:
    """Yield what each run cost in a period, with those that a service started below it."""
    roots: dict[str, RunRecord] = {}
    for record in records:
        root = _root(history, record, roots)
        parts = history.children(record.run_id) if record.billed_parts else [record]
        for each in parts:
            cost = _cost(each, root, period, table)
            if cost is not None:
                yield cost


def costs_below(
    history: History, record: RunRecord, until: float, table: PriceTable | None = None
) -> list[RunCost]:
    """Return what a run cost until now: its own nodes, or those of the runs that it started."""
    found = list(costs_of(history, [record], Period(0.0, until), table))
    if record.handle == DRIVEN:
        for child in history.children(record.run_id):
            found += costs_below(history, child, until, table)
    return found


def _root(history: History, record: RunRecord, known: dict[str, RunRecord]) -> RunRecord:
    above = record.properties.get(PARENT)
    if not above or (above not in known and not history.has(above)):
        return record
    if above not in known:
        known[above] = _root(history, history.record(above), known)
    return known[above]


def _cost(
    record: RunRecord, root: RunRecord, period: Period, table: PriceTable | None
) -> RunCost | None:
    """Return what one run cost; ``None`` for one that has no nodes, or none in the period."""
    held_s = seconds_held(record.held, period.since, period.until)
    began_in = period.since <= record.created < period.until
    if record.handle == DRIVEN or not (held_s or began_in):
        return None
    billed = record.billed or _unknown(record)
    hours = 0.0 if REUSED_PROPERTY in record.properties else held_s / _HOUR_S
    usd, why_not, remarks = _priced(billed, hours, table)
    if REUSED_PROPERTY in record.properties:
        if not billed.sizes:
            return None
        usd, why_not, remarks = 0.0, "", (REUSED,)
    elif _is_going(record):
        remarks = (GOING, *remarks)
    return RunCost(record, root, billed, hours * max(billed.nodes, 1), usd, why_not, remarks)


def _is_going(record: RunRecord) -> bool:
    return bool(record.held) and record.held[-1][1] is None


def _unknown(record: RunRecord) -> Billed:
    here = record.target in ON_THIS_MACHINE or record.handle == INTERACTIVE
    return Billed(record.target, record.target, why_not=_HERE if here else _NOT_KEPT)


def _priced(
    billed: Billed, hours: float, table: PriceTable | None
) -> tuple[float | None, str, tuple[str, ...]]:
    """Return the price of some hours of nodes, or why there is none, and what differs in a bill."""
    if not billed.sizes:
        return None, billed.why_not, ()
    usd, remarks = 0.0, dict[str, None]()
    for size, nodes in billed.sizes.items():
        price = price_of(size, billed.region, table, low_priority=billed.low_priority)
        if price is None:
            return None, f"{size} has no list price", ()
        usd += price.usd * nodes * hours
        if billed.low_priority and not price.low_priority:
            remarks[LOW_PRIORITY] = None
        if price.region != location_name(billed.region):
            remarks[f"no price for {billed.region}; that of {price.region}"] = None
    if billed.kind in _MORE:
        remarks[_MORE[billed.kind]] = None
    return usd, "", tuple(remarks)
