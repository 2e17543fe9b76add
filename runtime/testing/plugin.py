"""The pytest plugin: fixtures for projects that test against the local cloud.

Installed plugins are imported by every pytest run of an environment: nothing of ours is imported
before a fixture is asked for.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.contract.load import load

pytest.register_assert_rewrite("runtime.testing.builders", "runtime.testing.targets")


@pytest.fixture(scope="session")
def aml_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home of the session's own, in the place of a project's ``.aml`` folder."""
    return tmp_path_factory.mktemp("aml-home")


@pytest.fixture(scope="session")
def local_cloud(aml_home: Path) -> Iterator[object]:
    """Return a running local cloud (``infra.contract.discovery.LocalCloud``) of the session."""
    cloud = load("infra.contract.discovery:ensure_cloud", extra="localcloud")(aml_home)
    yield cloud
    load("infra.contract.discovery:ask")(cloud, "/aml/shutdown", method="POST")
