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


def price_of(size: str, region: str) -> Price | None:
    """Return the price of a size in a region, else in the dearest one that is listed.

    ``None`` for a size without a listed price.
    """
    prices = _prices().get(size.lower(), {})
    if region.lower() in prices:
        return Price(prices[region.lower()], region.lower())
    dearest = max(prices, key=prices.__getitem__, default=None)
    return Price(prices[dearest], dearest) if dearest else None


@cache
def _prices() -> Mapping[str, Mapping[str, float]]:
    """Return the prices of each size, by lower-case name, by region."""
    _, heads, *rows = csv.reader(_FILE.read_text(encoding="utf-8").splitlines())
    regions = heads[1:]
    return {
        name.lower(): {
            region: float(text) for region, text in zip(regions, texts, strict=True) if text
        }
        for name, *texts in rows
    }
