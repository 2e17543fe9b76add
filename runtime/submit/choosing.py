"""Which targets take what, and the nearest one that takes a run which another cannot. Pure."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from infra.contract.errors import UsageError
from runtime.model.runs import RunSpec
from runtime.submit.abilities import (
    DATABRICKS,
    DOCKER,
    HDINSIGHT,
    INABILITIES,
    LOCAL,
    check_abilities,
)
from runtime.submit.features import FEATURES

_HERE: Final = (LOCAL, DOCKER)
_PYSPARK: Final = "PySpark"
_HAVE_SPARK: Final = (HDINSIGHT, DATABRICKS)


def taken(kind: str) -> tuple[str, ...]:
    """Return the features of runs that targets of a kind honour."""
    beyond = {**refused(kind), **ignored(kind)}
    return tuple(each.name for each in FEATURES if each.name not in beyond)


def refused(kind: str) -> dict[str, str]:
    """Return the features of runs that targets of a kind refuse, and why."""
    return _rows(kind, harmless=False)


def ignored(kind: str) -> dict[str, str]:
    """Return the features of runs that have no effect on targets of a kind, and why."""
    return _rows(kind, harmless=True)


def takers(spec: RunSpec, kinds: Mapping[str, str]) -> list[str]:
    """Return the targets that take a run, the nearest first; ``kinds`` by the target's name.

    Nearest is what the stack deployed, then this machine; of these what has the Spark that a
    PySpark script needs; then what ignores the least of the run.
    """
    found: list[tuple[bool, bool, int, int, str]] = []
    for place, (name, kind) in enumerate(kinds.items()):
        with suppress(UsageError):
            notes = check_abilities(spec, kind)
            bare = spec.framework == _PYSPARK and kind not in _HAVE_SPARK
            found.append((name in _HERE, bare, len(notes), place, name))
    return [name for *_, name in sorted(found)]


def with_taker(error: UsageError, spec: RunSpec, kinds: Mapping[str, str]) -> UsageError:
    """Return the error of a target that cannot take a run, with the nearest one that can."""
    found = takers(spec, {name: kind for name, kind in kinds.items() if name != spec.target})
    if not found:
        return error
    remedy = f"{error.remedy} Target {found[0]!r} takes it as it is: `--target {found[0]}`."
    return UsageError(error.detail, remedy=remedy, at=error.at)


def _rows(kind: str, *, harmless: bool) -> dict[str, str]:
    return {
        row.feature: row.reason
        for row in INABILITIES
        if kind in row.kinds and row.harmless is harmless
    }
