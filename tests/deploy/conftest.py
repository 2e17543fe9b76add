"""A project to deploy from: its own stacks and state, the session's local cloud."""

from itertools import count

import pytest

from localcloud import control
from tests.deploy.project import PASSPHRASE, make_project

_NUMBERS = count()


@pytest.fixture
def project(tmp_path, monkeypatch, capsys, aml_home, local_cloud):
    """Return a project that nothing was deployed from yet; commands run in its folder."""
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    made = make_project(tmp_path / "project", capsys, f"shop{next(_NUMBERS)}")
    made.home.mkdir()
    (made.home / "cloud").symlink_to(aml_home / "cloud")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def deployed(project):
    """Return a project whose stack `local` is deployed."""
    project.good("up", "--yes")
    return project


@pytest.fixture
def alone(project, tmp_path, monkeypatch, capsys):
    """Return a project with a local cloud of its own, which nobody has started yet."""
    made = make_project(tmp_path / "alone", capsys, "alone")
    monkeypatch.chdir(made.root)
    yield made
    control.stop(made.home)
