"""Building an environment ahead of its first run: ``Environment.build`` and ``build_local``."""

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.contract.errors import UsageError
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_tools import conda_tool
from runtime.environments.locking import LockedEnvironment, lock
from runtime.model.environments import EnvironmentSpec

__all__ = ["ImageBuildDetails"]


@dataclass
class ImageBuildDetails:
    """A build that has ended: its log, and the hash that identifies what was built."""

    environment_name: str
    environment_hash: str
    log: list[str]
    status: str = "Succeeded"

    def wait_for_completion(self, show_output: bool = True) -> "ImageBuildDetails":
        """Return at once; ``show_output`` prints the log."""
        if show_output:
            sys.stdout.writelines(f"{line}\n" for line in self.log)
        return self


def build_here(name: str, spec: EnvironmentSpec | None, home: Path) -> ImageBuildDetails:
    """Build an environment in the cache of this project, which its runs and local cloud use.

    Raises ``UsageError`` for one that has nothing to build, ``EnvironmentBuildError`` for packages
    that cannot be installed.
    """
    if spec is None or spec.kind == "user_managed":
        raise UsageError(
            f"Environment {name!r} has nothing to build: its interpreter is used as it is.",
            remedy="Declare packages: `environment.python.conda_dependencies = …`.",
        )
    said: list[str] = []
    with _cache(home).lease(_locked(spec), said.append) as built:
        return ImageBuildDetails(name, built.hash, said)


def is_built_here(spec: EnvironmentSpec, home: Path) -> bool:
    """Return whether an environment is built in the cache of this project."""
    return _cache(home).is_built(_locked(spec))


def _cache(home: Path) -> EnvironmentCache:
    return EnvironmentCache(home / "environments", ChosenBuilder())


def _locked(spec: EnvironmentSpec) -> LockedEnvironment:
    return lock(spec, with_conda=conda_tool() is not None)
