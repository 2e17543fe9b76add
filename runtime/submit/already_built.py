"""Refuses a run that may not build its environment, if that is not built. Reads files only."""

from pathlib import Path

from infra.contract.errors import DefinitionError
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import LockedEnvironment


def require_built(locked: LockedEnvironment, environments: Path, origin: str | None) -> None:
    """Raise ``DefinitionError`` unless the environment is built; ``origin`` asks for that."""
    if EnvironmentCache(environments, ChosenBuilder()).is_built(locked):
        return
    raise DefinitionError(
        f"The environment {locked.hash[:12]} has not been prepared, and the run configuration says"
        " not to prepare it.",
        remedy="Run `aml prepare -c NAME` first, or set `autoPrepareEnvironment: true`"
        " (`PrepareEnvironment: true`).",
        at=origin,
    )
