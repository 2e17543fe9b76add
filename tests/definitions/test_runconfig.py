"""Run configurations on disk: found as azureml-core finds them, read as leniently."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.runconfig import find_run_configuration
from runtime.definitions.settings import argument_list
from runtime.environments.locking import lock
from runtime.model.runs import MAX_DURATION_S

FULL = """
script: train.py
arguments: [--alpha, 0.5]
target: cpu
nodeCount: "2"
maxRunDurationSeconds: null
environmentVariables: {B: 2}
environment:
  name: e
  environmentVariables: {A: x}
  python:
    userManagedDependencies: false
    condaDependencies: {dependencies: [numpy]}
"""


@pytest.fixture
def project(tmp_path):
    def write(text, name=".azureml/mine.runconfig"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_settings_of_a_run_configuration_are_read(project):
    found = find_run_configuration("mine", project(FULL))
    assert (found.script, found.arguments, found.target) == ("train.py", ("--alpha", "0.5"), "cpu")
    assert (found.node_count, found.max_duration_s) == (2, MAX_DURATION_S)
    assert found.variables == {"A": "x", "B": "2"}
    assert found.environment.conda == "dependencies:\n- numpy\n"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (".azureml/mine.runconfig", "mine"),
        (".azureml/mine", "mine"),
        ("aml_config/mine.runconfig", "mine"),
        ("mine.runconfig", "mine"),
        ("config/train.runconfig", "config/train"),
        ("config/train.runconfig", "config/train.runconfig"),
        (".azureml/config/train.runconfig", "config/train.runconfig"),
        ("config/train", "config/train"),
        ("train.yml", "train.yml"),
        ("train.json", "train.json"),
    ],
)
def test_run_configurations_are_searched_in_order(project, file, name):
    assert find_run_configuration(name, project("target: gpu\n", file)).target == "gpu"


def test_a_name_without_a_file_is_not_a_run_configuration(tmp_path):
    assert find_run_configuration("cpu", tmp_path) is None


@pytest.mark.parametrize("key", ["node_count", "nodeCount", "NodeCount"])
def test_keys_come_in_all_spellings(project, key):
    assert find_run_configuration("mine", project(f"{key}: 3\n")).node_count == 3


def test_an_interpreter_may_be_used_as_it_is(project):
    text = "environment:\n  python: {userManagedDependencies: true, interpreterPath: /py}\n"
    environment = find_run_configuration("mine", project(text)).environment
    assert (environment.kind, environment.interpreter) == ("user_managed", "/py")


def test_blank_items_of_inline_dependencies_install_nothing(project):
    text = (
        "environment:\n  python:\n    condaDependencies:\n      dependencies:\n"
        "      - numpy\n      -\n      - pip:\n        -\n        - six\n"
    )
    environment = find_run_configuration("mine", project(text)).environment
    assert lock(environment).lines == ("numpy", "six")


def test_the_conda_file_is_relative_to_the_project(project):
    project("dependencies: [scipy]\n", "conda.yml")
    root = project("environment: {python: {condaDependenciesFile: conda.yml}}\n")
    assert "scipy" in find_run_configuration("mine", root).environment.conda


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ArgumentVector: []\n", "is empty"),
        ("nodeCount: many\n", "not a whole number"),
        ("nodeCount: .inf\n", "not a whole number"),
        ("- a\n", "not a mapping"),
        ("a: [\n", ":2: The file is not YAML"),
        ("a: b\nc: " + "[" * 20_000, ":2: .*nested more than 64 levels"),
        ("nodeCount: " + "1" * 5_000, ":1: .*number of 5,000 characters"),
        ("nodeCount: 1e400", ":1: .*out of range"),
        ("target: !secret cpu", ":1: .*tag !secret"),
    ],
)
def test_an_unusable_run_configuration_is_an_error(project, text, said):
    with pytest.raises(DefinitionError, match=said):
        find_run_configuration("mine", project(text))


@pytest.mark.parametrize(
    ("given", "configured", "expected"),
    [((), ("a",), ("a",)), (("b",), ("a",), ("b",)), ((), (), ())],
)
def test_arguments_given_replace_the_configured_ones(given, configured, expected):
    assert argument_list(given, configured) == expected
