"""MLflow Projects: entry points, parameters and environments."""

import subprocess

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.mlproject import read_project

PROJECT = """\
name: My Project
conda_env: conda.yml
entry_points:
  main:
    parameters:
      alpha: float
      words: {type: string, default: a b}
      data: {type: path, default: data}
      place: {type: uri, default: https://a.example/x}
    command: "echo {alpha} {words} {data} {place}"
  validate:
    command: echo validate
"""


@pytest.fixture
def project(tmp_path):
    """Return what reads a project's text."""
    (tmp_path / "data").mkdir()
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.11, numpy]\n")
    (tmp_path / "python_env.yaml").write_text(
        'python: "3.11.2"\nbuild_dependencies: [pip==23]\n'
        "dependencies: [-r requirements.txt, six]\n"
    )
    (tmp_path / "requirements.txt").write_text("numpy<3\n")
    (tmp_path / "other.py").write_text("")

    def read(text, entry_point="main", environ=None, **given):
        file = tmp_path / "MLproject"
        file.write_text(text)
        return read_project(file, entry_point, given, environ or {})

    return read


def _said(command):
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def test_parameters_are_quoted_for_the_shell(project, tmp_path):
    spec = project(PROJECT, alpha="0.5", words="it's; $HOME")
    assert _said(spec.command) == f"0.5 it's; $HOME {tmp_path / 'data'} https://a.example/x"


def test_defaults_stand_where_nothing_is_given(project):
    assert "'a b'" in project(PROJECT, alpha="1").command


def test_whole_numbers_are_numbers(project):
    text = "entry_points: {main: {parameters: {n: {type: int, default: 5}}, command: 'run {n}'}}\n"
    assert project(text).command == "run 5"


def test_a_parameter_that_is_not_declared_is_appended(project):
    command = project(PROJECT, "validate", extra="a b").command
    assert command == "echo validate --extra 'a b'"


def test_a_script_is_an_entry_point_by_its_name(project):
    assert project(PROJECT, "other.py", rate="1").command == "python other.py --rate 1"


def test_the_projects_name_is_the_experiment(project):
    assert project(PROJECT, "validate").experiment == "My-Project"


def test_a_conda_environment_is_read(project):
    spec = project(PROJECT, "validate").environment
    assert spec.kind == "conda"
    assert "numpy" in spec.conda


def test_a_python_environment_is_read_with_its_includes(project):
    text = "python_env: python_env.yaml\nentry_points: {main: {command: ls}}\n"
    spec = project(text).environment
    assert (spec.kind, spec.python) == ("pip", "3.11.2")
    assert spec.requirements == "pip==23\nnumpy<3\nsix\n"


def test_a_docker_environment_passes_variables_on(project):
    text = (
        "docker_env:\n  image: an-image\n  volumes: ['/a:/b']\n"
        "  environment: [[ONE, '1'], TWO]\nentry_points: {main: {command: ls}}\n"
    )
    spec = project(text, environ={"TWO": "2"})
    assert spec.environment.image.name == "an-image"
    assert spec.variables == {"ONE": "1", "TWO": "2"}
    assert (spec.docker.use, spec.docker.arguments) == (True, ("-v", "/a:/b"))


REFUSED = {
    "no value": (PROJECT, "main", {}, "Parameter 'alpha' has no value"),
    "not a number": (PROJECT, "main", {"alpha": "x"}, "is 'x', which is not a number"),
    "no path": (PROJECT, "main", {"alpha": "1", "data": "nowhere"}, "there is nothing at"),
    "no entry point": (PROJECT, "mian", {}, "Did you mean 'main'?"),
    "no script": (PROJECT, "missing.py", {}, "There is no entry point 'missing.py'"),
    "a type": (PROJECT.replace("alpha: float", "alpha: flaot"), "main", {}, "Did you mean 'float'"),
    "a key": (PROJECT.replace("conda_env", "conda_enf"), "validate", {}, "`conda_env`"),
    "a name": (PROJECT.replace("{alpha}", "{alhpa}"), "main", {"alpha": "1"}, "{alhpa}, which"),
    "a file": (PROJECT.replace("conda.yml", "nowhere.yml"), "validate", {}, "'nowhere.yml'"),
    "two": (PROJECT + "python_env: python_env.yaml\n", "validate", {}, "and `python_env`"),
    "databricks": (PROJECT + "databricks_spark_job: {}\n", "validate", {}, "Databricks cannot run"),
    "no image": ("docker_env: {volumes: []}\n", "other.py", {}, "`docker_env` has no `image`"),
    "a variable": (
        "docker_env: {image: a, environment: [THREE]}\n", "other.py", {}, "THREE is not set here",
    ),
    "a list": ("- a\n", "main", {}, "not a map"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_project_cannot_say_is_refused(project, case):
    text, entry_point, given, said = REFUSED[case]
    with pytest.raises(DefinitionError) as raised:
        project(text, entry_point, **given)
    assert said in f"{raised.value.detail} {raised.value.remedy}"
    assert "MLproject" in raised.value.at
