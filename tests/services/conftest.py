"""One daemon with accounts and workspaces, driven by the clients of their services."""

import os
import shutil
from itertools import count
from threading import Event

import pytest

from localcloud.services import spark_classes
from localcloud.services.pythons import SPARK, python_with, spark_variables
from tests.kept_environments import KEPT, keep_environments
from tests.localcloud.harness import SUB, running_daemon, waited

GROUP = f"{SUB}/resourceGroups/services"
HERE = {"location": "westeurope"}
_NAMES = count()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    keep_environments(home)  # PyPI's Spark takes long to build
    with running_daemon(home) as running:
        assert running.arm("PUT", GROUP, HERE).status_code == 201
        yield running


@pytest.fixture(scope="session")
def deployed(cloud):
    """Return a function that deploys a resource and returns it as ARM reads it."""

    def deploy(type: str, name: str, **body):
        path = f"{GROUP}/providers/{type}/{name}"
        answered = cloud.arm("PUT", path, {**HERE, **body})
        assert answered.status_code in (200, 201, 202), answered.content
        return waited(
            lambda: cloud.arm("GET", path).json(),
            lambda found: found["properties"].get("provisioningState") in (None, "Succeeded"),
        )

    return deploy


@pytest.fixture
def name():
    """A name that nothing else of the session has."""
    return f"n{next(_NAMES)}"


@pytest.fixture(scope="session")
def java():
    """Skip without Java; where CI is set, fail."""
    if shutil.which("java") is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("Java is not installed: `apt-get install openjdk-17-jre-headless`")


@pytest.fixture(scope="session")
def spark_python(java):
    """The Python of an environment with PyPI's Spark, as the services build it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with python_with(KEPT, [SPARK], lambda _: None, Event()) as python:
        yield python


@pytest.fixture(scope="session")
def spark_ready(spark_python):
    """Have Spark start in a third of the time, as in a project that starts it often."""
    spark_classes.make(spark_python, spark_variables(spark_python), lambda _: None)
