"""Azure's VM sizes as of a date: cores, GPUs and quota family, from ``vm_sizes.csv``.

Offline checks and the local cloud use this list; only Azure knows what a region really offers.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

LISTED: Final = "August 2026"
"""The date of the list in the data file."""
# No longer listed; successors are from Azure's migration guides for each series.
RETIRED: Final[Mapping[str, str]] = {
    "Standard_A8": "Standard_HB120rs_v3",
    "Standard_A9": "Standard_HB120rs_v3",
    "Standard_A10": "Standard_HB120rs_v3",
    "Standard_A11": "Standard_HB120rs_v3",
    "Standard_H8": "Standard_HB120rs_v3",
    "Standard_H16": "Standard_HB120rs_v3",
    "Standard_HB60rs": "Standard_HB120rs_v3",
    "Standard_NC6": "Standard_NC4as_T4_v3",
    "Standard_NC12": "Standard_NC8as_T4_v3",
    "Standard_NC24": "Standard_NC16as_T4_v3",
    "Standard_NC24r": "Standard_NC64as_T4_v3",
    "Standard_NC6s_v2": "Standard_NC24ads_A100_v4",
    "Standard_NC12s_v2": "Standard_NC48ads_A100_v4",
    "Standard_NC24s_v2": "Standard_NC96ads_A100_v4",
    "Standard_NC24rs_v2": "Standard_NC96ads_A100_v4",
    "Standard_ND6s": "Standard_NC24ads_A100_v4",
    "Standard_ND12s": "Standard_NC48ads_A100_v4",
    "Standard_ND24s": "Standard_NC96ads_A100_v4",
    "Standard_ND24rs": "Standard_NC96ads_A100_v4",
    "Standard_NV6": "Standard_NV12ads_A10_v5",
    "Standard_NV12": "Standard_NV18ads_A10_v5",
    "Standard_NV24": "Standard_NV36ads_A10_v5",
}
_CATALOGUE: Final = Path(__file__).with_name("vm_sizes.csv")
_NEAR: Final = 0.75


@dataclass(frozen=True, slots=True)
class VmSize:
    """A VM size as Azure lists it."""

    name: str
    family: str
    vcpus: int
    memory_mib: int
    gpus: int


@cache
def vm_sizes() -> Mapping[str, VmSize]:
    """Return the catalogue by lower-case name."""
    lines = _CATALOGUE.read_text(encoding="utf-8").splitlines()
    rows = csv.reader(line for line in lines[1:] if not line.startswith(("#", "name,")))
    sizes = (VmSize(name, family, int(v), int(m), int(g)) for name, family, v, m, g in rows)
    return {size.name.lower(): size for size in sizes}


def successor(name: str) -> str | None:
    """Return the successor of a retired size, or ``None`` for a size not known to be retired."""
    return _successors().get(name.lower())


def nearest_size(name: str, known: Mapping[str, VmSize] | None = None) -> str | None:
    """Return the nearest size to ``name`` among ``known`` (by lower-case name), by default all."""
    sizes = vm_sizes() if known is None else known
    close = get_close_matches(name.lower(), sizes, n=1, cutoff=_NEAR)
    return sizes[close[0]].name if close else None


@cache
def _successors() -> Mapping[str, str]:
    return {name.lower(): next_one for name, next_one in RETIRED.items()}
