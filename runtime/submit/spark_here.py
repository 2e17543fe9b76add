"""Whether this machine can run a PySpark script, asked before a run is started."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.agent.spark import has_java, spark_home
from runtime.environments.locking import LockedEnvironment
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunSpec

_PACKAGE: Final = "spark"
_NAMED: Final = re.compile(r"[A-Za-z0-9][\w.-]*\s*(?:\[|[=<>!~;]|$)")
_CHOOSE: Final = (
    "or let Python run it (`framework: Python`, `type: command`), or choose a cluster of HDInsight"
    " or Databricks with `--target NAME`."
)


def check_spark(
    spec: RunSpec, locked: LockedEnvironment | None, environ: Mapping[str, str] = os.environ
) -> None:
    """Raise ``DefinitionError`` if there is no Spark for a script, or no Java for it.

    The packages of an environment bring Spark if one of them has its name: those that it needs in
    turn are not known before they are resolved.
    """
    variables = {**environ, **spec.variables}
    origin = spec.origins.get("framework")
    if not has_java(variables):
        raise DefinitionError(
            "A PySpark script needs Java, and there is no `java` on PATH and no JAVA_HOME.",
            remedy="Install Java 17 or later (`apt-get install openjdk-17-jre-headless`),"
            f" {_CHOOSE}",
            at=origin,
        )
    if locked is not None and _may_bring_spark(locked):
        return
    python = "" if locked else _interpreter(spec.environment)
    if spark_home(python, variables) is None:
        where = python or "the run's environment"
        raise DefinitionError(
            f"A PySpark script needs Spark: {where} has no pyspark, SPARK_HOME names no Spark, and"
            " there is no `spark-submit` on PATH.",
            remedy=f"Add `pyspark` to the packages of the run's environment, {_CHOOSE}",
            at=origin,
        )


def _interpreter(declared: EnvironmentSpec | None) -> str:
    return (declared.interpreter if declared else None) or sys.executable


def _may_bring_spark(locked: LockedEnvironment) -> bool:
    """Return whether a package has Spark in its name, or its name is not known."""
    if locked.resolved is not None:
        return _PACKAGE in locked.resolved.text.lower()
    listed = (*locked.lines, locked.conda or "")
    return any(_PACKAGE in line.lower() for line in listed) or any(
        not line.startswith("-") and _NAMED.match(line) is None for line in locked.lines
    )
