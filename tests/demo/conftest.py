"""A project with a copy of the example, deployed to a local cloud of the session."""

import shutil
from itertools import count

import pytest

from tests.deploy.project import REPOSITORY, make_project
from tests.kept_environments import keep_environments

_NUMBERS = count()


@pytest.fixture
def project(tmp_path, monkeypatch, capsys, aml_home, local_cloud):
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    made = make_project(tmp_path / "project", capsys, f"example{next(_NUMBERS)}")
    made.home.mkdir()
    (made.home / "cloud").symlink_to(aml_home / "cloud")
    keep_environments(made.home)
    keep_environments(aml_home)
    shutil.copytree(REPOSITORY / "examples/diabetes", made.root / "diabetes")
    monkeypatch.chdir(made.root)
    return made
