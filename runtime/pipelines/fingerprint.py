"""Whether a step would do what it did before: what it is made of, and how that differs. Pure.

Better than the service, the data itself is part of it: Azure ML compares definitions and source
folders, and does not notice data that changed behind an unchanged path.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.model.pipelines import Step
from runtime.model.runs import RunSpec

Parts = Mapping[str, str]
"""What a step is made of: a part, as a person names it → a hash, or the text itself if short."""

UNKNOWN: Final = "unknown"
"""The content of data that nobody can tell apart from what it was."""
_SHOWN: Final = 60


def parts_of(
    step: Step, *, source: str, environment: str, contents: Mapping[str, str]
) -> dict[str, str]:
    """Return what a step is made of.

    ``source`` is the id of the snapshot of its folder, ``environment`` the hash of what is
    installed, ``contents`` what each input holds, by its name.
    """
    run = step.run
    parts = {
        "command": run.command or run.script,
        "arguments": _digest(list(run.arguments)),
        "source folder": source,
        "environment": environment,
        "variables": _digest(dict(run.variables)),
        "target": run.target,
        "settings": _digest(_settings(run)),
        "outputs": _digest([_output(step, number) for number in range(len(run.outputs))]),
    }
    if step.sweep is not None:
        parts["sweep"] = _digest([dict(step.sweep), dict(step.leaves)])
    for each in run.inputs:
        how = [each.mechanism, each.path_on_compute, each.variable]
        parts[f"input {each.name}"] = _digest([contents.get(each.name, UNKNOWN), how])
    return parts


def fingerprint(parts: Parts) -> str:
    """Return the hash of all parts."""
    return _digest(dict(parts))


def can_be_compared(step: Step, contents: Mapping[str, str]) -> str:
    """Return why a step cannot be reused whatever it did before, ``""`` if it can."""
    if not step.reuse:
        return "it is never reused (allow_reuse is false)"
    for each in step.run.inputs:
        if contents.get(each.name, UNKNOWN) == UNKNOWN:
            return f"nobody can tell whether input {each.name} has changed"
    return ""


def differences(before: Parts, now: Parts) -> str:
    """Return what has changed, as a clause: ``its source folder and input raw changed``."""
    changed = [name for name, value in now.items() if before.get(name, value) != value]
    added = [name for name in now if name not in before]
    removed = [name for name in before if name not in now]
    clauses = [
        f"{_listed(changed)} changed" if changed else "",
        f"{_listed(added)} is new" if added else "",
        f"{_listed(removed)} is gone" if removed else "",
    ]
    return ", ".join(each for each in clauses if each)


def _settings(run: RunSpec) -> JsonObject:
    return {
        "framework": run.framework,
        "node_count": run.node_count,
        "distribution": asdict(run.distribution) if run.distribution else None,
        "spark": dict(run.spark),
    }


def _output(step: Step, number: int) -> JsonObject:
    """Return an output without the place of one run."""
    output = step.run.outputs[number]
    place = output.location
    return {
        "name": output.name,
        "mechanism": output.mechanism,
        "path_on_compute": output.path_on_compute,
        "place": [place.datastore, place.path] if place and place.kind == "datastore" else None,
        "registered_as": output.registered_as,
    }


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
