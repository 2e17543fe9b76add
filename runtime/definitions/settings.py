"""The settings of a run that a definition file gives, whatever its dialect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import MAX_DURATION_S


@dataclass(frozen=True, slots=True)
class RunConfigurationFile:
    """The settings of one file; ``None`` or empty where it sets nothing."""

    file: Path
    target: str = "local"
    script: str | None = None
    arguments: tuple[str, ...] = ()
    environment: EnvironmentSpec | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    node_count: int = 1
    max_duration_s: int = MAX_DURATION_S


def argument_list(given: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """Return the script's arguments: those given replace all configured ones."""
    return tuple(given) or tuple(configured)
