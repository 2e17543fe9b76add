"""`aml check` and `aml config` as a person types them."""

import json

import pytest
from click.testing import CliRunner

from infra.commands.check import check
from infra.commands.config import config
from infra.contract.errors import UsageError
from infra.spec.problems import StackFileError

TEXT = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {name: demo, resource_group: demo-rg}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AML_HOME", raising=False)
    monkeypatch.delenv("AML_STACK", raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "Pulumi.local.yaml").write_text(TEXT)
    (tmp_path / "Pulumi.bad.yaml").write_text(TEXT.replace("cloud: local", "cloud: lokal"))
    return tmp_path


def invoke(command, *arguments, given=None):
    return CliRunner().invoke(command, arguments, input=given)


def test_a_good_file_is_summed_up_on_stderr(project):
    done = invoke(check)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "local: no problems. Workspace demo with 0 computes, cloud local." in done.stderr


@pytest.mark.parametrize("arguments", [["-s", "bad"], ["--stack", "bad"]])
def test_a_bad_file_raises_its_problems(project, arguments):
    error = invoke(check, *arguments).exception
    assert isinstance(error, StackFileError)
    assert error.exit_code == 2
    assert error.problems[0].line == 3


def test_findings_as_data(project):
    document = json.loads(invoke(check, "-s", "bad", "--json").stdout)
    assert document["stack"] == "bad"
    assert [(p["line"], p["path"]) for p in document["problems"]] == [(3, "aml:cloud")]


def test_the_stack_comes_from_the_environment(project, monkeypatch):
    monkeypatch.setenv("AML_STACK", "bad")
    assert isinstance(invoke(check).exception, StackFileError)


def test_set_get_remove(project):
    assert invoke(config, "set", "--path", "aml:tags.team", "ml").exit_code == 0
    assert invoke(config, "get", "--path", "aml:tags.team").stdout == "ml\n"
    assert invoke(config, "get", "aml:tags").stdout == '{"team": "ml"}\n'
    assert invoke(config, "rm", "aml:tags").exit_code == 0
    assert (project / "Pulumi.local.yaml").read_text() == TEXT


def test_a_secret_comes_from_standard_input(project):
    done = invoke(config, "set", "--secret", "--path", "aml:tags.token", given="Pa55-canary\n")
    assert done.exit_code == 0
    assert "canary" not in (project / "Pulumi.local.yaml").read_text() + done.output
    assert invoke(config, "get", "--path", "aml:tags.token").stdout == "Pa55-canary\n"


def test_what_check_would_refuse_is_refused(project):
    error = invoke(config, "set", "aml:cloud", "lokal").exception
    assert isinstance(error, StackFileError)
    assert error.problems[0].line == 3
    assert error.at == "Pulumi.local.yaml, which was not changed"
    assert (project / "Pulumi.local.yaml").read_text() == TEXT


def test_what_is_still_missing_is_noted(project):
    done = invoke(config, "set", "--path", "aml:computes[0].kind", "aml_compute")
    assert done.exit_code == 0
    assert "note: line 6: aml:computes[0].name: is required." in done.stderr


def test_true_can_be_written_as_text(project):
    critical = ("--path", "aml:tags.critical", "true")
    error = invoke(config, "set", *critical).exception
    assert "`--text`" in error.remedy
    assert invoke(config, "set", "--text", *critical).exit_code == 0
    assert "no problems" in invoke(check).stderr


def test_values_as_data(project):
    document = json.loads(invoke(config, "list", "--json").stdout)
    assert document["aml:cloud"] == {"value": "local", "secret": False}


def test_the_list_lines_up(project):
    lines = invoke(config, "list").stdout.splitlines()
    assert lines[1] == "aml:cloud              local"


def test_secret_and_plaintext_exclude_each_other(project):
    error = invoke(config, "set", "--secret", "--plaintext", "aml:tags", "x").exception
    assert isinstance(error, UsageError)


def test_a_misspelt_region_is_a_note(project):
    (project / "Pulumi.local.yaml").write_text(TEXT.replace("westeurope", "westeurop"))
    done = invoke(check)
    assert done.exit_code == 0
    assert "note: azure-native:location: 'westeurop' is not in the list" in done.stderr
    assert "Did you mean 'westeurope'?" in done.stderr


def test_a_misspelt_compute_that_builds_images_is_a_note(project):
    cluster = "{kind: aml_compute, name: builds, vm_size: STANDARD_DS3_V2, max_nodes: 1}"
    text = TEXT.replace("aml:workspace: {", "aml:workspace: {image_build_compute: bilds, ")
    (project / "Pulumi.local.yaml").write_text(f"{text}  aml:computes: [{cluster}]\n")
    done = invoke(check)
    assert done.exit_code == 0
    said = "note: aml:workspace.image_build_compute: the file declares no compute 'bilds'."
    assert f"{said} Did you mean 'builds'?" in done.stderr


def test_a_stack_on_azure_needs_a_subscription(project):
    text = TEXT.replace("cloud: local", "cloud: azure")
    file = project / "Pulumi.local.yaml"
    file.write_text(text)
    error = invoke(check).exception
    assert [each.path for each in error.problems] == ["azure-native:subscriptionId"]
    file.write_text(f"{text}  azure-native:subscriptionId: s1\n")
    assert invoke(check).exit_code == 0
