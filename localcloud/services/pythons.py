"""Virtual environments of services: libraries of a cluster or a run, installed once with uv.

They are in the project's cache of environments, beside those of runs, and evicted as those are.
Spark is the ``pyspark`` of PyPI, which brings all of it but Java.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import EnvironmentBuildError
from localcloud.services import spark_classes
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec

SPARK: Final = "pyspark>=4,<5"
_QUICK: Final = "-XX:TieredStopAtLevel=1"
"""Compile quickly rather than well: what runs here is short, and most of it is Spark's start.

A later option of the run wins: `spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=4`.
"""


@contextmanager
def python_with(
    environments: Path,
    requirements: Sequence[str],
    log: Callable[[str], None],
    stop: Event,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Path]:
    """Yield the Python of an environment with these requirements, building it if needed.

    ``environments`` is the project's folder of them, ``environ`` what the installer inherits.

    Raises ``EnvironmentBuildError`` or ``DefinitionError``. It is kept while the block runs.
    """
    if SPARK in requirements:
        require_java()
    cache = EnvironmentCache(environments, ChosenBuilder(environ))
    text = "\n".join(dict.fromkeys(requirements))
    spec = EnvironmentSpec("pip", requirements=text, source="libraries")
    with cache.lease(lock(spec), log, stop) as built:
        if SPARK in requirements:
            spark_classes.note_start(built.python, spark_variables(built.python), log)
        yield built.python


def spark_variables(python: Path) -> dict[str, str]:
    """Return the variables with which an environment's own Spark and Python are used."""
    found = sorted(python.parent.parent.glob("lib/python*/site-packages/pyspark"))
    home = {"SPARK_HOME": str(found[0])} if found else {}
    return {
        **home,
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYSPARK_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LAUNCHER_OPTS": f"{_QUICK} -XX:+UseSerialGC",
        "SPARK_SUBMIT_OPTS": f"{_QUICK} {spark_classes.options(python)}".rstrip(),
    }


def require_java() -> None:
    """Refuse to build an environment for Spark where there is no Java."""
    if shutil.which("java") is None:
        raise EnvironmentBuildError(
            "Spark needs Java, and there is no `java` on PATH.",
            remedy="Install Java 17 or later, for example with "
            "`apt-get install openjdk-17-jre-headless`.",
        )
