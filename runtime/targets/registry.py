"""The kinds of targets: built-in ones, and those of the entry-point group ``aml.targets``.

A target's module is imported only when it is used.
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
"""Kind of target → import path of its class. Constructors differ."""


def target_kinds() -> dict[str, str]:
    """Return every installed kind of target, and the import path of its class."""
    return BUILT_IN | {entry.name: entry.value for entry in entry_points(group=GROUP)}


def target_class(kind: str) -> Callable[..., Target]:
    """Return the class of one kind. Raises ``UnknownNameError``, which suggests the nearest."""
    found: Callable[..., Target] = load(
        look_up(kind, target_kinds(), noun="kind of target"), extra=kind
    )
    return found
