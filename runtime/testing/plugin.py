"""The pytest plugin: fixtures for projects that test against the local cloud.

Every pytest run of an environment imports its plugins, so this one imports nothing heavy before a
fixture is requested.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.contract.load import load

pytest.register_assert_rewrite("runtime.testing.builders", "runtime.testing.targets")

_KEPT = ("cloud", "environments")
"""What the tests of a session share: the cloud's process, and environments, which take long."""


@pytest.fixture(scope="session")
def aml_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the session, which replaces a project's ``.aml``."""
    return tmp_path_factory.mktemp("aml-home")


@pytest.fixture(scope="session")
def local_cloud(aml_home: Path) -> Iterator[object]:
    """Return the session's running local cloud, an ``infra.contract.discovery.LocalCloud``."""
    yield from _running(aml_home)


@pytest.fixture(scope="session")
def _warm_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the home of the cloud that tests get one after the other."""
    home = tmp_path_factory.mktemp("aml-warm")
    for name in _KEPT:
        (home / name).mkdir(mode=0o700)
    for _ in _running(home):
        yield home


def _running(home: Path) -> Iterator[object]:
    cloud = load("infra.contract.discovery:ensure_cloud", extra="localcloud")(home)
    yield cloud
    load("infra.contract.discovery:ask")(cloud, "/aml/shutdown", method="POST")


@pytest.fixture
def aml_cloud(
    _warm_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> object:
    """Return an empty local cloud, an ``infra.contract.discovery.LocalCloud``.

    Commands and the classes of ``aml_platform`` use it during the test: ``AML_HOME`` is a new
    folder. The process is the same for all tests of a session.
    """
    load("localcloud.control:reset", extra="localcloud")(_warm_home)
    home = tmp_path_factory.mktemp("aml")
    for name in _KEPT:
        (home / name).symlink_to(_warm_home / name)
    monkeypatch.setenv("AML_HOME", str(home))
    for name in ("AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)
    return load("infra.contract.discovery:find_cloud")(home)


@pytest.fixture
def deployed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str | Path], object]:
    """Return a function that deploys a stack file to ``aml_cloud`` and returns its workspace.

    The file is deployed as it is, but to the local cloud, whichever cloud it names; state is kept
    for the test. A second call updates what the first one deployed.
    """
    request.getfixturevalue("aml_cloud")
    folder = tmp_path_factory.mktemp("deployed")

    def deploy(stack_file: str | Path) -> object:
        file = request.config.rootpath / stack_file
        failed = load("runtime.testing.deploying:deploy", extra="infra")(file, folder)
        if failed:
            pytest.fail(failed, pytrace=False)
        stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        monkeypatch.setenv("AML_STACK", stack)
        return load("runtime.api.workspace:Workspace").from_config(stack=stack)

    return deploy
