"""Inputs that may be outputs, and the options of child resources, for every component."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import pulumi

from infra.catalogue.updates.table import replaced_by
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import one_of
from infra.contract.meant import names_meant


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


def further_arguments(
    wanted: Mapping[str, object], sdk: type[object], own: Mapping[str, str]
) -> JsonObject:
    """Return arguments for the SDK's class beside those that a component has itself.

    ``own`` maps the latter to the component's names. Raises ``UsageError`` for one of them, and for
    a name that the SDK's class of arguments does not take.
    """
    known = set(signature(sdk).parameters) - set(own)
    for name in wanted:
        if name in own:
            raise UsageError(
                f"sdk_arguments has {name!r}, which the component has itself.",
                remedy=f"Use its argument {own[name]}.",
            )
        if name not in known:
            near = names_meant(name, known)
            hint = f"Did you mean {one_of(near)}?" if near else f"It takes {one_of(sorted(known))}."
            raise UsageError(f"{sdk.__name__} of the SDK has no argument {name!r}.", remedy=hint)
    return dict(wanted)


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
