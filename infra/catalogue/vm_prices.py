"""List prices of VM sizes as of a date, from ``vm_prices.csv``: pay as you go, Linux, USD an hour.

A bound of what a run costs, not a bill: discounts, low priority and reservations are not in it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PRICED: Final = "June 2026"
"""The date of the prices in the data file."""
_FILE: Final = Path(__file__).with_name("vm_prices.csv")


@dataclass(frozen=True, slots=True)
class Price:
    """What a VM costs: ``usd`` an hour in ``region``."""

    usd: float
    region: str


PriceTable = Mapping[str, Mapping[str, float]]
"""The price of each size, by its lower-case name, by region."""


def price_of(size: str, region: str, table: PriceTable | None = None) -> Price | None:
    """Return the price of a size in a region, else in the dearest one that is listed.

    ``None`` for a size without a listed price. ``table`` is used instead of the packaged one.
    """
    prices = (_prices() if table is None else table).get(size.lower(), {})
    if region.lower() in prices:
        return Price(prices[region.lower()], region.lower())
    dearest = max(prices, key=prices.__getitem__, default=None)
    return Price(prices[dearest], dearest) if dearest else None


def price_table(text: str) -> PriceTable:
    """Return the prices in a CSV like the packaged one: ``name`` and a column for each region.

    Lines that begin with ``#`` are left out. Raises ``ValueError`` for anything else.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    heads, *rows = list(csv.reader(lines)) or [[]]
    if heads[:1] != ["name"]:
        raise ValueError("the first column must be `name`, the others regions")
    regions = [head.strip().lower() for head in heads[1:]]
    return {
        name.lower(): {
            region: float(text) for region, text in zip(regions, texts, strict=True) if text
        }
        for name, *texts in rows
    }


@cache
def _prices() -> PriceTable:
    return price_table(_FILE.read_text(encoding="utf-8"))
