"""Whether a run's environment is built where the run goes, as far as that is known before."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import LockedEnvironment
from runtime.history.store import Filter, History
from runtime.model.runs import RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.submit.abilities import (
    BATCH,
    DATABRICKS,
    DOCKER,
    HDINSIGHT,
    MACHINE,
    MACHINES,
)

THERE: Final = "already"
TO_BE_BUILT: Final = "not yet"
_UNKNOWN: Final = "not known before"
_KEEPS_IT: Final = (MACHINE, MACHINES, HDINSIGHT)
_LATEST_RUNS: Final = 20


def built_already(
    spec: RunSpec, locked: LockedEnvironment | None, place: tuple[str, bool, Path], history: History
) -> str:
    """Return whether the environment is built: ``THERE``, ``TO_BE_BUILT``, or why nobody knows.

    ``""``: nothing is built, as with an interpreter that is used as it is, or docker says it.
    ``place``: the kind of the target, whether its environments are built here, the project's home.
    """
    kind, here, home = place
    declared = spec.environment
    if declared is not None and declared.kind == "registered":
        return f"{_UNKNOWN}: the workspace builds a registered environment for its first job"
    if locked is None or kind == DOCKER:
        return ""
    if here:
        built = EnvironmentCache(home / "environments", ChosenBuilder()).is_built(locked)
        return THERE if built else TO_BE_BUILT
    if kind in _KEEPS_IT:
        return _kept(spec, locked, history)
    return _ELSEWHERE.get(kind, _of_the_service)(spec)


def _of_a_pool(spec: RunSpec) -> str:
    pool = spec.batch or BatchOptions()
    if pool.create_pool or not pool.pool:
        return f"{TO_BE_BUILT}: the nodes are made for the run"
    return f"{_UNKNOWN}: each node of a pool keeps what it built, and any may take the run"


def _of_databricks(spec: RunSpec) -> str:
    options = spec.databricks or DatabricksOptions()
    if options.cluster_id is None:
        return f"{TO_BE_BUILT}: its packages are installed on what is made for the run"
    return f"{_UNKNOWN}: the cluster installs what it does not have"


def _of_the_service(spec: RunSpec) -> str:
    del spec
    return f"{_UNKNOWN}: Azure ML builds its image, or has it from an earlier job"


_ELSEWHERE: Final[Mapping[str, Callable[[RunSpec], str]]] = {
    BATCH: _of_a_pool,
    DATABRICKS: _of_databricks,
}


def _kept(spec: RunSpec, locked: LockedEnvironment, history: History) -> str:
    """Return what the latest runs on a machine, which keeps what it built, tell of it."""
    for record in history.runs(Filter(target=spec.target, limit=_LATEST_RUNS)):
        for _, event in history.events(record.run_id):
            is_step = event.kind == "step" and event.data.get("step") == "environment"
            if is_step and str(event.data.get("text", "")).endswith(locked.hash):
                return f"{THERE}, by run {record.run_id}, unless it was removed there since"
    return f"{_UNKNOWN}: no run of this project had it there lately, and the machine is not asked"
