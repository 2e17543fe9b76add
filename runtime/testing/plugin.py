"""The pytest plugin: fixtures for projects that test against the local cloud.

Every pytest run of an environment imports its plugins, so this one imports nothing heavy before a
fixture is requested.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.contract.load import load

pytest.register_assert_rewrite("runtime.testing.builders", "runtime.testing.targets")


@pytest.fixture(scope="session")
def aml_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the session, which replaces a project's ``.aml``."""
    return tmp_path_factory.mktemp("aml-home")


@pytest.fixture(scope="session")
def local_cloud(aml_home: Path) -> Iterator[object]:
    """Return the session's running local cloud, an ``infra.contract.discovery.LocalCloud``."""
    cloud = load("infra.contract.discovery:ensure_cloud", extra="localcloud")(aml_home)
    yield cloud
    load("infra.contract.discovery:ask")(cloud, "/aml/shutdown", method="POST")
