"""The Python interpreter of a job: an environment of the workspace, built on this machine.

Images are not pulled; only the conda file of an environment is used. An environment without one
is the interpreter that runs the cloud.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import EnvironmentBuildError
from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_tools import conda_tool
from runtime.environments.locking import LockedEnvironment, lock
from runtime.model.environments import EnvironmentSpec

BUILD_LOG: Final = "azureml-logs/20_image_build_log.txt"


@dataclass(frozen=True, slots=True)
class JobInterpreter:
    """The Python of an environment. ``says`` is a line of the log, ``facts`` are the event's."""

    says: str
    locked: LockedEnvironment | None
    environments: EnvironmentCache
    variables: Mapping[str, str] = field(default_factory=dict)
    facts: Document = field(default_factory=dict)

    @contextmanager
    def lease(
        self, log: Callable[[str], None], stop: Event
    ) -> Iterator[tuple[Path, Mapping[str, str]]]:
        """Build it if needed and yield its path and variables; it is kept while the block runs."""
        if self.locked is None:
            log(self.says)
            yield Path(sys.executable), self.variables
            return
        with self.environments.lease(self.locked, log, stop) as built:
            yield built.python, {**built.variables, **self.variables}


def interpreter_of(
    cloud: Cloud, environments: EnvironmentCache, environment: str
) -> JobInterpreter:
    """Return the Python of an environment version.

    Raises ``DefinitionError`` for a conda file that cannot be used, ``EnvironmentBuildError`` for
    an environment built from a Dockerfile.
    """
    found = cloud.store.resources.get(environment, now=cloud.clock())
    properties = found.properties if found else {}
    if properties.get("build"):
        raise EnvironmentBuildError(
            "The environment is built from a Dockerfile, and the nodes of the local cloud run "
            "processes, not containers.",
            remedy="Give the environment a conda file instead.",
        )
    conda = properties.get("condaFile")
    variables = {
        str(key): str(value)
        for key, value in (properties.get("environmentVariables") or {}).items()
    }
    if not conda:
        says = f"The environment has no conda file; using the node's own Python: {sys.executable}"
        return JobInterpreter(says, None, environments, variables, {"reused": True})
    name = environment.rpartition("/environments/")[2].partition("/")[0]
    spec = EnvironmentSpec("conda", conda=str(conda), source=f"environment {name}")
    locked = lock(spec, with_conda=conda_tool() is not None)
    reused = environments.is_built(locked)
    says = f"Environment {locked.hash[:12]} is " + ("reused" if reused else "being built")
    facts = {"hash": locked.hash, "reused": reused}
    return JobInterpreter(says, locked, environments, variables, facts)
