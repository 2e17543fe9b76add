"""The pytest plugin that other projects use: light to import, and its local cloud answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.contract.discovery import ask, find_cloud
from runtime.testing.deploying import localised

pytest_plugins = ["pytester"]

SALT = "v1:bEB3t3Tqt9k=:v1:Mi4VpZ1HUG6rFddy:F/ZUNJgBA+qX8o/En2gi/qSCb6PXIQ=="
STACK = """\
config:
  azure-native:location: westeurope
  azure-native:subscriptionId: 0a0a0a0a-0000-0000-0000-000000000000
  aml:cloud: azure
  aml:workspace: {resource_group: shop-rg}
  aml:computes:
    - {kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 2}
"""
DEV = """\
config:
  aml:extends: base
  aml:workspace: {name: shop-dev}
"""
THEIRS = """\
import os
import time
from pathlib import Path


def test_what_the_file_declares_is_there(deployed):
    workspace = deployed("stacks/Pulumi.dev.yaml")
    assert workspace.name == "shop-dev"
    assert workspace.compute_targets["cpu"].max_nodes == 2
    assert workspace.compute_targets["cpu"].get_status().allocation_state == "Steady"


def test_a_second_deployment_is_an_update(deployed):
    deployed("stacks/Pulumi.dev.yaml")
    file = Path("stacks/Pulumi.base.yaml")
    before = file.read_text()
    file.write_text(before.replace("max_nodes: 2", "max_nodes: 5"))
    try:
        workspace = deployed("stacks/Pulumi.dev.yaml")
    finally:
        file.write_text(before)
    assert workspace.compute_targets["cpu"].max_nodes == 5


def test_nothing_of_the_tests_before_is_left(aml_cloud):
    from aml_platform import Workspace
    assert "AML_STACK" not in os.environ
    assert not list((Path(os.environ["AML_HOME"]) / "cloud/blobs").rglob("*.json"))
"""


def test_the_local_cloud_answers(local_cloud):
    status = ask(local_cloud, "/aml/status")
    assert status["id"] == local_cloud.id


def test_a_warm_cloud_is_emptied_by_the_process_that_has_it(request):
    warm = find_cloud(request.getfixturevalue("_warm_home"))
    emptied = request.getfixturevalue("aml_cloud")
    assert (emptied.pid, emptied.url) == (warm.pid, warm.url)
    assert emptied.id != warm.id
    assert ask(emptied, "/aml/status")["id"] == emptied.id


def test_each_test_has_a_cloud_of_its_own(aml_cloud, local_cloud, request):
    assert aml_cloud.id != local_cloud.id
    assert Path(os.environ["AML_HOME"], "cloud", "discovery.json").is_file()


@pytest.mark.slow
def test_a_repository_of_ones_own_is_deployed_by_its_tests(pytester, monkeypatch):
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.delenv(variable, raising=False)
    (pytester.path / "stacks").mkdir()
    (pytester.path / "stacks/Pulumi.base.yaml").write_text(STACK, encoding="utf-8")
    (pytester.path / "stacks/Pulumi.dev.yaml").write_text(DEV, encoding="utf-8")
    pytester.makepyfile(THEIRS)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)
    left = {each.name for each in pytester.path.iterdir() if each.name != "__pycache__"}
    assert not left & {".aml", "state"}
    assert (pytester.path / "stacks/Pulumi.dev.yaml").read_text(encoding="utf-8") == DEV


def test_what_a_deployment_refuses_fails_the_test_with_its_words(pytester):
    (pytester.path / "Pulumi.dev.yaml").write_text("config: {aml:colour: red}\n", encoding="utf-8")
    pytester.makepyfile("def test_it(deployed): deployed('Pulumi.dev.yaml')")
    said = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    said.assert_outcomes(failed=1)
    said.stdout.fnmatch_lines(["*aml:colour*"])


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("Pulumi.prod.yaml", "*Pulumi.prod.yaml does not exist. There is Pulumi.dev.yaml."),
        ("dev.yaml", "*dev.yaml is no stack file: it is not named Pulumi.STACK.yaml."),
    ],
)
def test_a_file_that_is_none_fails_the_test_by_what_is_wrong(pytester, named, problem):
    (pytester.path / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    pytester.makepyfile(f"def test_it(deployed): deployed({named!r})")
    said = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    said.assert_outcomes(failed=1)
    said.stdout.fnmatch_lines([problem])


def test_a_file_with_secrets_asks_for_their_passphrase(pytester, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    secret = "  shop:token: {secure: 'v1:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAA'}\n"
    text = f"encryptionsalt: {SALT}\n{STACK.replace('{re', '{name: shop, re')}{secret}"
    (pytester.path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    pytester.makepyfile("def test_it(deployed): deployed('Pulumi.dev.yaml')")
    said = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    said.assert_outcomes(failed=1)
    said.stdout.fnmatch_lines(["*is needed for the secrets of stack 'dev', and none is set*"])


def test_a_copy_goes_to_the_local_cloud_and_needs_no_key_of_the_team(tmp_path):
    document = {
        "encryptionsalt": "v1:x",
        "config": {
            "aml:cloud": "azure",
            "azure-native:subscriptionId": "id",
            "aml:computes": [{"name": "vm", "password": "file:keys/vm"}],
            "shop:file": "file:/keys/other",
        },
    }
    assert localised(document, tmp_path, stack=True) == {
        "config": {
            "aml:cloud": "local",
            "aml:computes": [{"name": "vm", "password": f"file:{tmp_path}/keys/vm"}],
            "shop:file": "file:/keys/other",
        }
    }
    sealed = {**document, "config": {"shop:token": {"secure": "v1:y"}}}
    assert localised(sealed, tmp_path, stack=False) == sealed


def test_importing_the_plugin_loads_little():
    """Every pytest run of an environment imports it."""
    program = "import sys, runtime.testing.plugin; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(said.stdout.split())
    assert not loaded & {"pydantic", "yaml", "httpx", "pulumi", "starlette", "click", "rich"}
    assert "runtime.targets.local" not in loaded
