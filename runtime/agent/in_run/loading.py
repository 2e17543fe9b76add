"""The one place of this package that imports late: importing ``Run`` has to be quick.

Most runs need neither the workspace nor what it holds.
"""

import importlib
import typing


def load(place: str) -> typing.Any:
    """Import ``module:attribute``, whose module is relative to this package."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)
