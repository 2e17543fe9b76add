"""A project that the Pulumi CLI and `aml` deploy, whose local cloud is the session's."""

import shutil
from itertools import count

import pytest

from tests.deploy.project import PASSPHRASE, REPOSITORY, make_project

_NUMBERS = count()
PLUGIN = f"""\
plugins:
  providers:
    - {{name: azure-native, path: {REPOSITORY / "infra/plugin"}}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch, capsys, aml_home, local_cloud):
    """Return a project that nothing was deployed from yet; commands run in its folder."""
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    made = make_project(tmp_path / "project", capsys, f"inter{next(_NUMBERS)}")
    # The CLI starts a plugin in the program's folder, so that has to be the project's own.
    text = (made.root / "Pulumi.yaml").read_text(encoding="utf-8")
    text = text.replace(f"main: {REPOSITORY / 'infra'}", "main: infra")
    (made.root / "Pulumi.yaml").write_text(text + PLUGIN, encoding="utf-8")
    without = shutil.ignore_patterns("__pycache__", "plugin", "engine", "arm", "deploy")
    shutil.copytree(REPOSITORY / "infra", made.root / "infra", ignore=without)
    made.home.mkdir()
    (made.home / "cloud").symlink_to(aml_home / "cloud")
    monkeypatch.chdir(made.root)
    return made
