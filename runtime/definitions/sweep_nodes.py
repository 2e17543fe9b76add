"""The nodes of a pipeline job that are sweeps: a component as their trial. Pure.

In a pipeline, a parameter of the search is an input of the component, which reads it like any other
input. A trial reads it as ``${{search_space.NAME}}``, as that of a sweep job does.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.keys import Unused
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.model.data import DataOutput

SweepReader: TypeAlias = Callable[[Located, Problems], tuple[JsonObject, tuple[Unused, ...]] | None]
"""Reads the sweep of a node as JSON, with its keys without effect; ``None`` if it has problems."""
SWEEP: Final = "sweep"
_COMMAND: Final = "command"
_INPUT: Final = re.compile(r"\$\{\{\s*inputs\.([\w.-]+)\s*\}\}")
_TEXTS: Final = ("command", "environment_variables")
_EMPTY: Final = Located({}, 1)


def is_sweep(node: Located) -> bool:
    """Return whether a node is a sweep."""
    kind = node.get("type")
    return kind is not None and kind.text == SWEEP


def space_of(node: Located) -> tuple[str, ...]:
    """Return the parameters that a sweep varies."""
    return tuple((node.get("search_space") or _EMPTY).entries)


def trial_of(component: Located, node: Located, name: str, problems: Problems) -> Located:
    """Return a component as the trial of a node; problems are those of both together."""
    kind = component.get("type")
    if kind is not None and kind.text != _COMMAND:
        what = f"The trial of step {name!r} is of type {kind.text}."
        problems.at_line(node.line, what, "Name a component of type command.")
    space = (node.get("search_space") or _EMPTY).entries
    entries = {
        key: _searched(value, space) if key in _TEXTS else value
        for key, value in component.entries.items()
    }
    texts = [each.text for key in _TEXTS if key in entries for each in entries[key].scalars()]
    declared = (component.get("inputs") or _EMPTY).entries
    for parameter, value in space.items():
        if component.entries and f"search_space.{parameter}" not in " ".join(texts):
            what = f"The trial of step {name!r} does not use {parameter!r}."
            problems.at_line(value.line, what, nearest(parameter, declared, noun="input"))
    inputs = {key: value for key, value in declared.items() if key not in space}
    return Located({**entries, "inputs": Located(inputs, component.line)}, component.line)


def trial_limits(node: Located) -> Mapping[str, Located]:
    """Return the limits of one trial, in the words of a command job."""
    timeout = node.get("limits", "trial_timeout")
    if timeout is None or not isinstance(timeout.value, int) or timeout.value < 1:
        return {}  # the sweep's own keys have been checked
    return {"limits": Located({"timeout": timeout}, timeout.line)}


def check_outputs(
    outputs: Collection[DataOutput], node: Located, name: str, problems: Problems
) -> None:
    """Add a problem for each output that all trials would write to one place."""
    given = (node.get("outputs") or _EMPTY).entries
    for each in outputs:
        place = each.location.path.strip("/") if each.location else ""
        if each.registered_as or (place and "{run-id}" not in place):
            problems.at_line(
                given.get(each.name, node).line,
                f"Output {each.name!r} of step {name!r} would be written by every trial.",
                "Leave out its path and name: it is then that of the best trial. Store or"
                " register it in a step that reads it.",
            )


def _searched(value: Located, space: Collection[str]) -> Located:
    """Return texts in which the parameters are those of the search."""
    if value.is_map:
        entries = {key: _searched(each, space) for key, each in value.entries.items()}
        return Located(entries, value.line)

    def parameter(found: re.Match[str]) -> str:
        return f"${{{{search_space.{found[1]}}}}}" if found[1] in space else found[0]

    text = _INPUT.sub(parameter, value.text)
    return value if text == value.text else Located(text, value.line, text)
