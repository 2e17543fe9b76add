"""Small answers to what every component asks: inputs that may be outputs, and child options."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from infra.catalogue.updates.table import replaced_by
from infra.contract.json_types import JsonObject


def derived(change: Callable[..., Any], *inputs: pulumi.Input[Any]) -> Any:
    """Return ``change(*inputs)``; an output where any of them is one, else the plain value."""
    if any(isinstance(value, pulumi.Output) for value in inputs):
        return pulumi.Output.all(*inputs).apply(lambda values: change(*values))
    return change(*inputs)


def translated(table: Mapping[str, str], value: pulumi.Input[str]) -> Any:
    """Return the service's word for ours; a word of the service's own passes through."""
    return derived(lambda word: table.get(word, word), value)


def secret_input(value: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """Return ``value`` marked secret, whatever the caller thought of."""
    return None if value is None else pulumi.Output.secret(value)


def given(
    value: pulumi.Input[str] | None, make: Callable[[], pulumi.Output[str]]
) -> pulumi.Input[str]:
    """Return ``value`` if there is one, else what ``make`` declares."""
    return make() if value is None else value


def without_nothing(**parts: Any) -> JsonObject:
    """Return the parts that are given."""
    return {key: value for key, value in parts.items() if value is not None}


def identifier(resource: pulumi.CustomResource) -> pulumi.Output[str]:
    """Return the resource's ARM id."""
    return resource.id


def child_options(
    parent: pulumi.Resource, type_: str, kind: str = "", **more: Any
) -> pulumi.ResourceOptions:
    """Return the options of a child with a name of its own: two cannot be there at once.

    ``type_`` is its token without the package, ``kind`` a compute's ``computeType``. It is replaced
    on a change of what the table of updates says, whichever engine deploys it.
    """
    fixed = list(replaced_by(f"azure-native:{type_}", kind))
    return pulumi.ResourceOptions(
        parent=parent, delete_before_replace=True, replace_on_changes=fixed, **more
    )
