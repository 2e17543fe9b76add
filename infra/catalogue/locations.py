"""Names of Azure regions: ``West Europe`` and ``westeurope`` are one. Pure.

The list of regions only helps to find a misspelling: Azure opens regions faster than lists follow.
"""

from difflib import get_close_matches
from typing import Final

LISTED: Final = "2025"
"""The year of the list."""
_NAMES: Final = """
    australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral
    brazilsouth brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral
    denmarkeast eastasia eastus eastus2 francecentral francesouth germanynorth germanywestcentral
    indonesiacentral israelcentral italynorth japaneast japanwest jioindiacentral jioindiawest
    koreacentral koreasouth malaysiawest mexicocentral newzealandnorth northcentralus northeurope
    norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
    southcentralus southeastasia southindia spaincentral swedencentral swedensouth
    switzerlandnorth switzerlandwest uaecentral uaenorth uksouth ukwest westcentralus westeurope
    westindia westus westus2 westus3
"""
REGIONS: Final = frozenset(_NAMES.split())
"""Regions of the public cloud, by ARM name."""


def location_name(text: str) -> str:
    """Return a region's name as ARM writes it: lower case, without spaces.

    >>> location_name("West Europe")
    'westeurope'
    """
    return text.replace(" ", "").lower()


def same_location(one: str, other: str) -> bool:
    """Compare two regions as ARM does: by name or display name, in any casing."""
    return location_name(one) == location_name(other)


def unlisted_region(text: str) -> str | None:
    """Return a remark on a region that is not in the list, ``None`` for one that is.

    >>> unlisted_region("westeurop")
    "'westeurop' is not in the list of Azure's regions of 2025. Did you mean 'westeurope'?"
    """
    name = location_name(text)
    if name in REGIONS:
        return None
    near = get_close_matches(name, sorted(REGIONS), n=1, cutoff=0.75)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name!r} is not in the list of Azure's regions of {LISTED}.{meant}"
