"""Adds a compute to a stack file, keeping comments; refused if the file would have problems.

The file is changed in memory; the caller decides when to write it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.contract.errors import UsageError
from infra.contract.load import nearest
from infra.deploy.drift.adopt import write
from infra.spec.computes import KINDS
from infra.spec.editing import StackFile, parse_path
from infra.spec.load import inspect_text
from infra.spec.problems import Problem
from infra.spec.stack import KEYS


def declared(file: Path, kind: str, name: str, settings: Mapping[str, str]) -> StackFile:
    """Return the stack file with one more compute. ``settings`` maps keys, or paths, to text."""
    edited = StackFile.read(file)
    index = len(edited.entries().get(KEYS["computes"]) or ())
    place = f"{KEYS['computes']}[{index}]"
    write(edited, place, {"kind": kind, "name": name})
    for key, text in settings.items():
        edited.set(f"{place}.{key}", text, path=True)
    problems = inspect_text(edited.text()).problems
    if problems:
        lines = "\n  ".join(f"{_argument(each, place)}: {each.message}" for each in problems)
        raise UsageError(
            f"The compute cannot be added to {file.name}, which was not changed:\n  {lines}",
            remedy="Correct these arguments.",
        )
    return edited


def _argument(problem: Problem, place: str) -> str:
    """Return the argument that gave a value of the new entry at ``place``."""
    if not problem.path.startswith(place):
        return problem.path
    key = problem.path.removeprefix(place).removeprefix(".")
    return {"": "the compute", "name": "NAME", "kind": "--kind"}.get(key, f"--set {key}")


def settings_of(kind: str, pairs: Sequence[str]) -> dict[str, str]:
    """Return ``KEY=VALUE`` texts as a map; ``UsageError`` names the keys that a kind has."""
    settings = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or parse_path(key)[0] not in KINDS[kind].model_fields:
            raise _no_setting(pair, key, kind)
        settings[key] = value
    return settings


def _no_setting(pair: str, key: str, kind: str) -> UsageError:
    known = dict.fromkeys(sorted(KINDS[kind].model_fields.keys() - {"kind", "name"}))
    if key in known:
        return UsageError(f"{pair!r} has no value.", remedy=f"Write {key}=VALUE.")
    return UsageError(
        f"{key!r} is not a setting of kind {kind}.",
        remedy=f"Write KEY=VALUE. {nearest(key, known, noun='setting')}",
    )
