"""List prices of VM sizes as of a date, from ``vm_prices.csv``: pay as you go, Linux, USD an hour.

A bound of what a run costs, not a bill: discounts and reservations are not in it. Nor are the
prices of low priority, which change from day to day: those of dedicated nodes are their bound.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from infra.catalogue.locations import location_name
from infra.contract.errors import UsageError

PRICED: Final = "June 2026"
"""The date of the prices in the data file."""
_FILE: Final = Path(__file__).with_name("vm_prices.csv")


@dataclass(frozen=True, slots=True)
class Price:
    """What a VM costs: ``usd`` an hour in ``region``; ``low_priority``: it is the price of that."""

    usd: float
    region: str
    low_priority: bool = False


PriceTable = Mapping[str, Mapping[str, float]]
"""The price of each size, by its lower-case name, by region. Names may end in ``LOW_PRIORITY``."""
LOW_PRIORITY: Final = " low priority"
"""What follows a size in the name of its price for low priority, as in Azure's price lists."""


def price_of(
    size: str, region: str, table: PriceTable | None = None, *, low_priority: bool = False
) -> Price | None:
    """Return the price of a size in a region, else in the dearest one that is listed.

    ``None`` for a size without a listed price. ``table`` is used instead of the packaged one.
    For ``low_priority``, it is that of dedicated nodes where none is listed.
    """
    known = _prices() if table is None else table
    own = known.get(size.lower() + LOW_PRIORITY) if low_priority else None
    prices = own or known.get(size.lower(), {})
    here = location_name(region)
    if here in prices:
        return Price(prices[here], here, own is not None)
    dearest = max(prices, key=prices.__getitem__, default=None)
    return Price(prices[dearest], dearest, own is not None) if dearest else None


def price_table(text: str) -> PriceTable:
    """Return the prices in a CSV like the packaged one: ``name`` and a column for each region.

    A ``name`` is a VM size, or ``SIZE low priority``.
    Lines that begin with ``#`` are left out. Raises ``ValueError`` for anything else.
    """
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    heads, *rows = list(csv.reader(line for _, line in numbered)) or [[]]
    if heads[:1] != ["name"]:
        raise ValueError("the first column must be `name`, the others regions")
    regions = [location_name(head.strip()) for head in heads[1:]]
    table: dict[str, Mapping[str, float]] = {}
    for (number, _), (name, *texts) in zip(numbered[1:], rows, strict=True):
        size = " ".join(name.lower().split())
        if size in table:
            raise ValueError(f"line {number}: there is a price of {name!r} already")
        if len(texts) != len(regions):
            raise ValueError(
                f"line {number}: it has {len(texts)} prices for {len(regions)} regions"
            )
        prices = zip(regions, texts, strict=True)
        table[size] = {region: _usd(text, number) for region, text in prices if text.strip()}
    return table


def _usd(text: str, number: int) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or found < 0:
        raise ValueError(f"line {number}: {text!r} is no price")
    return found


def read_prices(file: Path) -> PriceTable:
    """Return the prices in a file. Raises ``UsageError`` for one that cannot be read."""
    try:
        return price_table(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The prices cannot be read: {error}.",
            remedy="Write a CSV such as `name,westeurope` with a line `Standard_DS3_v2,0.27`.",
            at=str(file),
        ) from error


@cache
def _prices() -> PriceTable:
    return price_table(_FILE.read_text(encoding="utf-8"))
