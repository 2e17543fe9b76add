"""The run that prepares the environment of a sweep's children, before the first of them. Pure.

HyperDrive has one such run, ``<parent>_preparation``: a child of the sweep in the history, and none
of the runs that are compared.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from runtime.history.child_runs import PARENT
from runtime.model.launching import RetryPolicy
from runtime.model.runs import PYSPARK, PreparedRun, RunRecord, RunSpec
from runtime.submit.abilities import DOCKER, MACHINE
from runtime.submit.prepare import ENVIRONMENT_PROPERTY, command_of

_SUFFIX: Final = "_preparation"
_NOTHING: Final = "true"
_BUILT_ONCE: Final = frozenset({DOCKER, MACHINE})
"""Kinds of targets away from this machine's own environments that keep one for all runs."""


def preparation_id(parent: str) -> str:
    """Return the id of the run that prepares the environment of a sweep's children."""
    return f"{parent}{_SUFFIX}"


def trials_among(children: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the children of a sweep that are compared, in the order given."""
    return [each for each in children if not each.run_id.endswith(_SUFFIX)]


def needs_preparation(base: PreparedRun, kind: str, *, built_here: bool) -> bool:
    """Return whether children share an environment that this project builds.

    ``kind`` is the target's. In Azure, the service builds the image of an environment once.
    """
    return (
        ENVIRONMENT_PROPERTY in base.properties
        and base.spec.prepares
        and base.spec.framework != PYSPARK
        and (built_here or kind in _BUILT_ONCE)
    )


def preparation_run(base: PreparedRun, parent: str) -> PreparedRun:
    """Return the run that has the children's environment, and no script, data or retries."""
    spec: RunSpec = replace(
        base.spec,
        script="",
        arguments=(),
        command=_NOTHING,
        inputs=(),
        outputs=(),
        retry=RetryPolicy(),
    )
    return replace(
        base,
        run_id=preparation_id(parent),
        spec=spec,
        command=command_of(spec),
        properties={**base.properties, PARENT: parent},
    )
