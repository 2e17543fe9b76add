"""Inputs that may be outputs, and the options of child resources, for every component."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from infra.catalogue.updates.table import replaced_by
from infra.contract.json_types import JsonObject


def derived(change: Callable[..., Any], *inputs: pulumi.Input[Any]) -> Any:
    """Return ``change(*inputs)``: an output if any input is one, otherwise a plain value."""
    if any(isinstance(value, pulumi.Output) for value in inputs):
        return pulumi.Output.all(*inputs).apply(lambda values: change(*values))
    return change(*inputs)


def translated(table: Mapping[str, str], value: pulumi.Input[str]) -> Any:
    """Return the service's word for ours; the service's own words pass through."""
    return derived(lambda word: table.get(word, word), value)


def secret_input(value: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """Return ``value`` marked secret, even if the caller did not mark it."""
    return None if value is None else pulumi.Output.secret(value)


def given(
    value: pulumi.Input[str] | None, make: Callable[[], pulumi.Output[str]]
) -> pulumi.Input[str]:
    """Return ``value`` if given, otherwise the id of what ``make`` declares."""
    return make() if value is None else value


def without_nothing(**parts: Any) -> JsonObject:
    """Return the parts that are not ``None``."""
    return {key: value for key, value in parts.items() if value is not None}


def identifier(resource: pulumi.CustomResource) -> pulumi.Output[str]:
    """Return the resource's ARM id."""
    return resource.id


def child_options(
    parent: pulumi.Resource, type_: str, kind: str = "", **more: Any
) -> pulumi.ResourceOptions:
    """Return the options of a child with a fixed name, of which two cannot coexist.

    ``type_`` is its token without the package, ``kind`` a compute's ``computeType``. The table of
    updates decides which changes replace it, under any engine.
    """
    fixed = list(replaced_by(f"azure-native:{type_}", kind))
    return pulumi.ResourceOptions(
        parent=parent, delete_before_replace=True, replace_on_changes=fixed, **more
    )
