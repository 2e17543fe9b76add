"""The Python interpreter of a job that runs as a process: its packages, built on this machine.

An environment without packages is the interpreter that runs the cloud.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from infra.contract.json_types import Document
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_tools import conda_tool
from runtime.environments.locking import LockedEnvironment, lock
from runtime.model.environments import EnvironmentSpec


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
    environments: EnvironmentCache, conda: EnvironmentSpec | None, variables: Mapping[str, str]
) -> JobInterpreter:
    """Return the Python of an environment with these packages, or the node's own without any.

    ``variables`` are those of the environment. Raises ``DefinitionError`` for a conda file that
    cannot be used.
    """
    if conda is None:
        says = f"The environment has no conda file; using the node's own Python: {sys.executable}"
        return JobInterpreter(says, None, environments, variables, {"reused": True})
    locked = lock(conda, with_conda=conda_tool() is not None)
    reused = environments.is_built(locked)
    says = f"Environment {locked.hash[:12]} is " + ("reused" if reused else "being built")
    facts = {"hash": locked.hash, "reused": reused}
    return JobInterpreter(says, locked, environments, variables, facts)
