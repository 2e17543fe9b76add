"""`aml runs cost`: what runs did cost at most, by the list price of the nodes that they held."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from infra.catalogue.vm_prices import PRICED, read_prices
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.times import local_text, utc_text
from runtime.cli.option_values import age
from runtime.cli.render import print_json, print_table, say, say_outdated
from runtime.cli.session import command_session
from runtime.history.held import runs_between
from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.submit.run_costs import GOING, REUSED, Period, RunCost, costs_below, costs_of

_TAG: Final = "tag."
_DIGITS: Final = 4
_LEAST: Final = 0.005
_NONE: Final = "(none)"
_AGE: Final = re.compile(r"[0-9]+[mhdw]")
_KEYS: Final[dict[str, Callable[[RunCost], str]]] = {
    "experiment": lambda cost: cost.record.experiment,
    "target": lambda cost: cost.billed.target,
    "vm_size": lambda cost: ", ".join(cost.billed.sizes) or _NONE,
    "run": lambda cost: cost.root.run_id,
    "stack": lambda cost: cost.root.stack or _NONE,
}


@dataclass(slots=True)
class _Sum:
    """The runs of one group that have a price."""

    runs: int = 0
    node_hours: float = 0.0
    usd: float = 0.0
    remarks: dict[str, int] = field(default_factory=dict)

    def add(self, cost: RunCost) -> None:
        self.runs += 1
        self.node_hours += cost.node_hours
        self.usd += cost.usd or 0.0
        for each in cost.remarks:
            self.remarks[each] = self.remarks.get(each, 0) + 1

    def remark(self) -> str:
        """Return what differs from a bill, with the number of runs where it is not all."""
        return "; ".join(
            f"{count} {each}" if each in {GOING, REUSED} or count < self.runs else each
            for each, count in self.remarks.items()
        )


@click.command()
@click.option(
    "--since",
    metavar="DATE",
    help="From this day or time on, or for so long: 2026-11-01, 2026-11-01T08:00, 30d.",
)
@click.option("--until", metavar="DATE", help="Up to the beginning of this day. Default: now.")
@click.option(
    "--by",
    default="experiment",
    show_default=True,
    metavar="WHAT",
    help="Group by experiment, target, vm_size, run, stack or tag.NAME. The parts of a sweep or"
    " pipeline belong to its run.",
)
@click.option("-e", "--experiment-name", "experiment", metavar="NAME", help="Only its runs.")
@click.option("--target", metavar="TARGET", help="Only runs on this target.")
@click.option(
    "--prices",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Prices of your own: a CSV with `name` and a column for each region, in USD an hour.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cost(
    *,
    since: str | None,
    until: str | None,
    by: str,
    experiment: str | None,
    target: str | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show what the runs of this clone did cost at most, by list price.

    The time that a run held its nodes, in the period, by the price of their VM size and region.
    Waiting costs nothing. Runs without a price are named, never counted as 0. What was submitted
    from other clones is in the history of those: a team adds up their `--json`.
    """
    key = _key(by)
    table = None if file is None else read_prices(file)
    now = time.time()
    period = Period(
        0.0 if since is None else _moment(since, now, "--since"),
        now if until is None else min(_moment(until, now, "--until"), now),
    )
    if period.until <= period.since:
        raise UsageError(
            "The period ends before it begins.", remedy="Give a `--since` before `--until`."
        )
    session = command_session(None)
    for error in session.refresh():
        say_outdated(error)
    records = runs_between(session.history, period.since, period.until, experiment or "")
    found = (
        each
        for each in costs_of(session.history, records, period, table)
        if target in {None, each.billed.target}
    )
    groups, unpriced = _summed(found, key)
    prices = PRICED if file is None else str(file)
    if as_json:
        print_json(_document(groups, unpriced, period, by, prices))
        return
    _show(groups, unpriced, period, by, prices)


def cost_document(history: History, record: RunRecord) -> JsonObject:
    """Return what one run cost at most until now, with the runs below it; empty without a price."""
    total, missing = _below(history, record)
    if not total.runs:
        return {}
    return {
        **_sum_document(total),
        **({"not_priced": missing} if missing else {}),
        "prices_of": PRICED,
    }


def cost_text(history: History, record: RunRecord) -> str:
    """Return the same as a sentence, ``""`` without a price."""
    total, missing = _below(history, record)
    if not total.runs:
        return ""
    remarks = f"; {total.remark()}" if total.remarks else ""
    remarks += f"; {_runs(missing)} not priced" if missing else ""
    return (
        f"at most {_short(total.usd)} USD for {_short(total.node_hours)} node hours, list prices"
        f" of {PRICED}{remarks}"
    )


def _below(history: History, record: RunRecord) -> tuple[_Sum, int]:
    """Return the sum of the runs below a run, or of itself, and how many have no price."""
    found = costs_below(history, record, time.time())
    total = _Sum()
    for each in found:
        if each.usd is not None:
            total.add(each)
    return total, sum(each.usd is None for each in found)


def _key(by: str) -> Callable[[RunCost], str]:
    tag = by.removeprefix(_TAG)
    if tag and tag != by:
        return lambda cost: cost.record.tags.get(tag) or cost.root.tags.get(tag) or _NONE
    if by not in _KEYS:
        raise UsageError(
            f"Runs cannot be grouped by {by!r}.",
            remedy=f"Use {', '.join(_KEYS)} or tag.NAME.",
        )
    return _KEYS[by]


def _moment(text: str, now: float, option: str) -> float:
    """Return a local day or time, or an age, in seconds since the epoch."""
    if _AGE.fullmatch(text.strip()):
        return now - age(text)
    try:
        return datetime.fromisoformat(text.strip()).astimezone().timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is neither a day nor an age.",
            remedy=f"Write `{option} 2026-11-01`, `{option} 2026-11-01T08:00` or `{option} 30d`.",
        ) from error


def _summed(
    found: Iterable[RunCost], key: Callable[[RunCost], str]
) -> tuple[dict[str, _Sum], dict[tuple[str, str], int]]:
    """Return the runs with a price by group, dearest first, and those without by target and why."""
    groups: dict[str, _Sum] = {}
    unpriced: dict[tuple[str, str], int] = {}
    for each in found:
        if each.usd is None:
            why = (each.billed.target, each.why_not)
            unpriced[why] = unpriced.get(why, 0) + 1
        else:
            groups.setdefault(key(each), _Sum()).add(each)
    return dict(sorted(groups.items(), key=lambda one: (-one[1].usd, one[0]))), unpriced


def _show(
    groups: dict[str, _Sum],
    unpriced: dict[tuple[str, str], int],
    period: Period,
    by: str,
    prices: str,
) -> None:
    if groups:
        print_table(
            (by.upper().replace("_", " "), "RUNS", "NODE HOURS", "USD AT MOST", "REMARK"),
            [
                (name, str(each.runs), _short(each.node_hours), _short(each.usd), each.remark())
                for name, each in groups.items()
            ],
        )
    if not groups and not unpriced:
        say("No runs had nodes in this time.")
        return
    total = _total(groups.values())
    between = f"since {local_text(period.since)}" if period.since else "in all"
    of = f"list prices of {prices}" if prices == PRICED else f"prices of {prices}"
    if groups:
        say(f"{_runs(total.runs)} of this clone: at most {_short(total.usd)} USD {between}, {of}.")
    for (target, why), count in unpriced.items():
        say(f"Not priced: {_runs(count)} on {target} ({why}).")


def _short(number: float) -> str:
    """Return a number with two digits; what is hardly anything is not shown as nothing."""
    return "<0.01" if 0 < number < _LEAST else f"{number:.2f}"


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _total(sums: Iterable[_Sum]) -> _Sum:
    known: Sequence[_Sum] = list(sums)
    return _Sum(
        sum(each.runs for each in known),
        sum((each.node_hours for each in known), 0.0),
        sum((each.usd for each in known), 0.0),
    )


def _document(
    groups: dict[str, _Sum],
    unpriced: dict[tuple[str, str], int],
    period: Period,
    by: str,
    prices: str,
) -> JsonObject:
    return {
        "since": utc_text(period.since) if period.since else None,
        "until": utc_text(period.until),
        "prices_of": prices,
        "by": by,
        "groups": [{"name": name, **_sum_document(each)} for name, each in groups.items()],
        "not_priced": [
            {"target": target, "why": why, "runs": count}
            for (target, why), count in unpriced.items()
        ],
        **_sum_document(_total(groups.values())),
    }


def _sum_document(found: _Sum) -> JsonObject:
    return {
        "runs": found.runs,
        "node_hours": round(found.node_hours, _DIGITS),
        "at_most_usd": round(found.usd, _DIGITS),
        **({"remarks": found.remarks} if found.remarks else {}),
    }
