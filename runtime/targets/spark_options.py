"""How a PySpark script is submitted, for the agent that does it. Pure."""

from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.agent.spark_asked import Asked
from runtime.model.runs import RunSpec

DEPLOY_MODE: Final = "spark.submit.deployMode"
_MASTER: Final = "spark.master"
_NAME: Final = "spark.app.name"
_LOCAL: Final = "local[*]"
_THIS_MACHINE: Final = "local"
_CLUSTER: Final = "cluster"
ATTEMPTS: Final = "spark.yarn.maxAppAttempts"
_DECIDED: Final = frozenset({_MASTER, DEPLOY_MODE, "spark.yarn.submit.waitAppCompletion", ATTEMPTS})
"""Settings that the target decides."""
_ON_YARN: Final = {ATTEMPTS: "1"}
"""A script is started again by the run's own retries only."""


def here(spec: RunSpec) -> Asked:
    """Return how a script is submitted on one machine: the cluster's settings mean nothing there.

    A master ``local[N]`` of the configuration says how many cores it uses; all by default.
    """
    master = spec.spark.get(_MASTER, "")
    chosen = master if master.startswith("local") else _LOCAL
    options = ("--master", chosen, *_options(spec))
    return replace(_asked(spec), options=options, required=spec.target == _THIS_MACHINE)


def on_yarn(spec: RunSpec) -> Asked:
    """Return how a script is submitted to a cluster: the driver is in cluster mode by default."""
    mode = spec.spark.get(DEPLOY_MODE, "").lower() or _CLUSTER
    options = ("--master", "yarn", "--deploy-mode", mode, *_options(spec))
    named = {*spec.variables, *(spec.environment.variables if spec.environment else ())}
    asked = _asked(spec)
    return replace(
        asked,
        options=options,
        configuration={**asked.configuration, **_ON_YARN},
        yarn=True,
        cluster=mode == _CLUSTER,
        variables=tuple(sorted(named)),
    )


def batch_of(spec: RunSpec) -> JsonObject:
    """Return what a batch of Livy has of a run's Spark settings. Its driver is in cluster mode."""
    configuration = {**_asked(spec).configuration, **_ON_YARN}
    packages = spec.environment.spark if spec.environment else None
    if packages and packages.packages:
        listed = (f"{each.group}:{each.artifact}:{each.version}" for each in packages.packages)
        configuration["spark.jars.packages"] = ",".join(listed)
    if packages and packages.repositories:
        configuration["spark.jars.repositories"] = ",".join(packages.repositories)
    if spec.environment is not None and spec.environment.interpreter not in {None, "python"}:
        configuration["spark.pyspark.python"] = str(spec.environment.interpreter)
    return {"conf": configuration}


def _asked(spec: RunSpec) -> Asked:
    kept = {key: value for key, value in spec.spark.items() if key not in _DECIDED}
    return Asked(configuration=kept)


def _options(spec: RunSpec) -> tuple[str, ...]:
    found = [] if _NAME in spec.spark else ["--name", spec.script]
    packages = spec.environment.spark if spec.environment else None
    if packages and packages.packages:
        listed = (f"{each.group}:{each.artifact}:{each.version}" for each in packages.packages)
        found += ["--packages", ",".join(listed)]
    if packages and packages.repositories:
        found += ["--repositories", ",".join(packages.repositories)]
    return tuple(found)
