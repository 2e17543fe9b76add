"""Virtual environments of services: libraries of a cluster or a run, installed once with uv.

They are in the project's cache of environments, beside those of runs, and evicted as those are.
Spark is the ``pyspark`` of PyPI, which brings all of it but Java.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import EnvironmentBuildError
from localcloud.calls.cloud import Cloud
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec

SPARK: Final = "pyspark>=4,<5"


@contextmanager
def python_with(
    cloud: Cloud, requirements: Sequence[str], log: Callable[[str], None], stop: Event
) -> Iterator[Path]:
    """Yield the Python of an environment with these requirements, building it if needed.

    Raises ``EnvironmentBuildError`` or ``DefinitionError``. It is kept while the block runs.
    """
    if SPARK in requirements:
        require_java()
    cache = EnvironmentCache(cloud.folder.parent / "environments", ChosenBuilder())
    text = "\n".join(dict.fromkeys(requirements))
    spec = EnvironmentSpec("pip", requirements=text, source="libraries")
    with cache.lease(lock(spec), log, stop) as built:
        yield built.python


def require_java() -> None:
    """Refuse to build an environment for Spark where there is no Java."""
    if shutil.which("java") is None:
        raise EnvironmentBuildError(
            "Spark needs Java, and there is no `java` on PATH.",
            remedy="Install Java 17 or later, for example with "
            "`apt-get install openjdk-17-jre-headless`.",
        )
