"""Names of Azure regions: ``West Europe`` and ``westeurope`` are one. Pure."""


def location_name(text: str) -> str:
    """Return a region's name as ARM writes it: lower case, without spaces.

    >>> location_name("West Europe")
    'westeurope'
    """
    return text.replace(" ", "").lower()


def same_location(one: str, other: str) -> bool:
    """Compare two regions as ARM does: by name or display name, in any casing."""
    return location_name(one) == location_name(other)
