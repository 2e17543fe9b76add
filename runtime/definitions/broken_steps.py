"""Steps that have problems, as far as they were read: what else is wrong with them can be found."""

from dataclasses import replace
from typing import Final

from runtime.model.environments import EnvironmentSpec
from runtime.model.pipelines import Source
from runtime.model.runs import RunSpec

_ANY: Final = EnvironmentSpec("pip")
_NOTHING: Final = "true"
UNREAD: Final = Source("", "")
"""Stands for the output of a step that an input names wrongly."""


def can_be_checked(run: RunSpec) -> RunSpec:
    """Return the run of a step with problems so that what is missing is not named again."""
    command = run.command if run.command.strip() or run.script else _NOTHING
    return replace(run, command=command, environment=run.environment or _ANY)
