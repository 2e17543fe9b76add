"""Which targets there are: a table of our own, and what other packages add to ``aml.targets``.

Nothing is imported before it is asked for.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from infra.contract.load import load, look_up
from runtime.targets.base import Target

GROUP: Final = "aml.targets"
BUILT_IN: Final = {
    "azureml": "runtime.targets.azureml:AzureMLTarget",
    "local": "runtime.targets.local:LocalTarget",
}
"""Kind of target → where its class is. What its constructor takes is its own business."""


def target_kinds() -> dict[str, str]:
    """Return every kind of target of this installation, and where its class is."""
    return BUILT_IN | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def target_class(kind: str) -> Callable[..., Target]:
    """Return the class of one kind; ``UnknownNameError`` names the nearest."""
    found: Callable[..., Target] = load(
        look_up(kind, target_kinds(), noun="kind of target"), extra=kind
    )
    return found
