"""Building an environment ahead of its first run: ``Environment.build`` and ``build_local``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


_AS_IT_IS: Final = frozenset({"user_managed", "registered"})


def build_here(name: str, spec: EnvironmentSpec | None, home: Path) -> ImageBuildDetails:
    """Build an environment in the cache of this project, which its runs and local cloud use.

    One whose interpreter or image is used as it is has nothing to build, and the log says so.
    Raises ``EnvironmentBuildError`` for packages that cannot be installed.
    """
    if spec is None or spec.kind in _AS_IT_IS:
        return ImageBuildDetails(name, "", [f"{name} has nothing to build: it is used as it is."])
    said: list[str] = []
    if spec.image is not None:
        said.append("Its packages are built here; its image is pulled or built where it runs.")
    with _cache(home).lease(_locked(spec), said.append) as built:
        return ImageBuildDetails(name, built.hash, said)


def is_built_here(spec: EnvironmentSpec, home: Path) -> bool:
    """Return whether an environment is built in the cache of this project."""
    return _cache(home).is_built(_locked(spec))


def _cache(home: Path) -> EnvironmentCache:
    return EnvironmentCache(home / "environments", ChosenBuilder())


def _locked(spec: EnvironmentSpec) -> LockedEnvironment:
    return lock(spec, with_conda=conda_tool() is not None)
