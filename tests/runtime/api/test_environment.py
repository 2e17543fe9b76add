"""``Environment``: how one is made, and what a run installs."""

import json
import os
import sys
from pathlib import Path

import pytest

from aml_platform import (
    DEFAULT_CPU_IMAGE,
    CondaDependencies,
    ContainerRegistry,
    DockerBuildContext,
    Environment,
    EnvironmentDefinition,
    PythonSection,
    SparkPackage,
)
from infra.contract.errors import (
    DefinitionError,
    FileAccessError,
    UnknownNameError,
    UsageError,
)
from runtime.model.environments import ImageSpec, MavenPackage, Registry


@pytest.fixture
def conda_file(tmp_path):
    file = tmp_path / "env.yml"
    file.write_text("dependencies: [python=3.9, numpy]\n", encoding="utf-8")
    return file


@pytest.fixture
def requirements(tmp_path):
    (tmp_path / "more.txt").write_text("pandas\n", encoding="utf-8")
    file = tmp_path / "requirements.txt"
    file.write_text("--pre\nnumpy==1.26  # comment\n-r more.txt\n", encoding="utf-8")
    return file


def test_a_new_environment_declares_nothing():
    assert Environment("e").spec() is None
    assert EnvironmentDefinition().spec() is None


def test_its_packages_are_readable_all_the_same():
    assert Environment("e").python.conda_dependencies.pip_packages == ["azureml-defaults"]


def test_packages_that_are_changed_in_place_are_declared():
    environment = Environment("e")
    environment.python.conda_dependencies.add_pip_package("scikit-learn")
    assert "scikit-learn" in environment.spec().conda


def test_packages_that_are_set_are_declared():
    packages = CondaDependencies.create(pip_packages=["mlflow"], python_version="3.9")
    environment = Environment("e", python=PythonSection(conda_dependencies=packages))
    assert environment.spec().conda == packages.serialize_to_string()
    assert environment.spec().name == "e"


def test_a_conda_file_keeps_its_text_and_name(conda_file):
    spec = Environment.from_conda_specification("e", conda_file).spec()
    assert (spec.conda, spec.source) == (conda_file.read_text(), str(conda_file))


def test_a_conda_file_can_be_added_to(conda_file):
    environment = Environment.from_conda_specification(name="e", file_path=conda_file)
    environment.python.conda_dependencies.add_conda_package("scipy")
    spec = environment.spec()
    assert (spec.source, "- scipy" in spec.conda) == (None, True)


def test_a_requirements_file_includes_others(requirements):
    environment = Environment.from_pip_requirements("e", requirements)
    packages = environment.python.conda_dependencies
    assert packages.pip_options + packages.pip_packages == ["--pre", "numpy==1.26", "pandas"]
    assert environment.spec().requirements == "--pre\nnumpy==1.26\npandas\n"


def test_the_version_of_pip_is_a_conda_package(requirements):
    environment = Environment.from_pip_requirements("e", requirements, pip_version="21.0")
    assert "pip=21.0" in environment.python.conda_dependencies.conda_packages
    assert environment.spec().kind == "conda"


def test_an_interpreter_is_used_as_it_is():
    environment = Environment("user-managed-env")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    spec = environment.spec()
    assert (spec.kind, spec.interpreter, spec.conda) == ("user_managed", sys.executable, None)


def test_an_image_without_packages_brings_its_own_python():
    spec = Environment.from_docker_image("e", "python:3.9").spec()
    assert (spec.kind, spec.image) == ("user_managed", ImageSpec(name="python:3.9"))


def test_an_image_may_have_packages_and_a_registry(conda_file):
    registry = ContainerRegistry("x.azurecr.io", "user", "secret")
    spec = Environment.from_docker_image("e", "x.azurecr.io/i", registry, conda_file).spec()
    assert spec.conda == conda_file.read_text()
    assert spec.image == ImageSpec(
        name="x.azurecr.io/i", registry=Registry("x.azurecr.io", "user", "secret")
    )


def test_a_registry_with_a_username_needs_a_password():
    environment = Environment.from_docker_image("e", "i", ContainerRegistry("a", "user"))
    with pytest.raises(DefinitionError, match="username and no password"):
        environment.spec()


def test_a_dockerfile_is_text_or_a_path(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.9\n", encoding="utf-8")
    for given in (tmp_path / "Dockerfile", "FROM python:3.9\n"):
        spec = Environment.from_dockerfile("e", given).spec()
        assert spec.image == ImageSpec(dockerfile="FROM python:3.9\n")
    with pytest.raises(DefinitionError, match="Dockerfile cannot be read"):
        Environment.from_dockerfile("e", "Dockerfil")


def test_a_dockerfile_may_be_assigned_as_a_path(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\n", encoding="utf-8")
    environment = Environment("e")
    environment.docker.base_dockerfile = str(tmp_path / "Dockerfile")
    assert environment.spec().image.dockerfile == "FROM a\n"


def test_a_build_context_is_a_folder(tmp_path):
    context = DockerBuildContext.from_local_directory(None, str(tmp_path))
    environment = Environment.from_docker_build_context("e", context)
    with pytest.raises(DefinitionError, match="no Dockerfile in the build context"):
        environment.spec()
    (tmp_path / "Dockerfile").touch()
    assert environment.spec().image.context == str(tmp_path)


def test_image_dockerfile_and_context_exclude_each_other():
    docker = Environment("e").docker
    assert docker.base_image == DEFAULT_CPU_IMAGE
    docker.base_dockerfile = "FROM x"
    assert docker.base_image is None
    docker.base_image = "y"
    assert (docker.base_image, docker.base_dockerfile) == ("y", None)


def test_packages_of_conda_and_pip_files_are_not_given_together(conda_file, requirements):
    with pytest.raises(UsageError, match="both given"):
        Environment.from_docker_image(
            "e", "i", conda_specification=conda_file, pip_requirements=requirements
        )


def test_spark_packages_are_complete():
    environment = Environment("e")
    environment.spark.packages = [SparkPackage("g", "a", "1")]
    environment.spark.repositories = ["https://example.org/maven"]
    assert environment.spec().spark.packages == (MavenPackage("g", "a", "1"),)
    environment.spark.packages.append(SparkPackage("g"))
    with pytest.raises(DefinitionError, match="not complete"):
        environment.spec()


def test_a_clone_is_a_copy_without_a_version(conda_file):
    environment = Environment.from_conda_specification("e", conda_file)
    environment.version = "3"
    clone = environment.clone("f")
    clone.python.conda_dependencies.add_pip_package("x")
    assert (clone.name, clone.version) == ("f", None)
    assert environment.python.conda_dependencies.pip_packages == []


def test_a_folder_holds_a_whole_environment(conda_file, tmp_path):
    environment = Environment.from_dockerfile("e", "FROM x\n", conda_specification=conda_file)
    environment.environment_variables["A"] = "b"
    environment.docker.arguments = ["--ipc=host"]
    environment.docker.base_image_registry = ContainerRegistry("a", "u", "planted-secret")
    folder = tmp_path / "saved"
    environment.save_to_directory(folder)
    loaded = Environment.load_from_directory(folder)
    assert loaded.docker.base_dockerfile == "FROM x\n"
    assert loaded.docker.arguments == ["--ipc=host"]
    assert loaded.environment_variables == {"A": "b"}
    assert loaded.python.conda_dependencies == environment.python.conda_dependencies
    assert not [f for f in folder.iterdir() if "planted-secret" in f.read_text()]


def test_a_folder_that_exists_is_not_overwritten(tmp_path):
    with pytest.raises(FileAccessError, match="exists"):
        Environment("e").save_to_directory(tmp_path)
    Environment("e").save_to_directory(tmp_path, overwrite=True)
    assert Environment.load_from_directory(tmp_path).name == "e"


def test_a_folder_that_azureml_core_wrote_is_read(tmp_path):
    """The keys of its file; a password never is in one of ours."""
    docker = {"enabled": True, "baseImage": "i", "baseImageRegistry": {"address": None}}
    document = {"name": "e", "version": 2, "docker": docker, "environmentVariables": {"N": 1}}
    (tmp_path / "azureml_environment.json").write_text(json.dumps(document), encoding="utf-8")
    loaded = Environment.load_from_directory(tmp_path)
    assert (loaded.version, loaded.docker.enabled, loaded.docker.base_image) == ("2", True, "i")
    assert loaded.environment_variables == {"N": "1"}


def test_an_unknown_key_of_a_saved_environment_is_named(tmp_path):
    file = tmp_path / "azureml_environment.json"
    file.write_text('{"name": "e", "dokcer": {}}', encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"json:1: There is no key 'dokcer'\.\n.*'docker'"):
        Environment.load_from_directory(tmp_path)


def test_a_folder_without_an_environment_says_what_belongs_there(tmp_path):
    with pytest.raises(DefinitionError, match=r"is not there(.|\n)*`save_to_directory` wrote"):
        Environment.load_from_directory(tmp_path)


def test_all_problems_of_a_saved_environment_have_their_line(tmp_path):
    file = tmp_path / "azureml_environment.json"
    file.write_text('{"python": {"dokcer": 1},\n"docker": {"enabled": "maybe"}}', encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        Environment.load_from_directory(tmp_path)
    assert "json:1: There is no key 'dokcer' in `python`." in str(caught.value)
    assert "json:2: `docker.enabled` is 'maybe'" in str(caught.value)


def test_a_saved_environment_with_what_is_refused_can_be_looked_at(tmp_path):
    """It is refused when a run is to use it; what no attribute holds, at once."""
    file = tmp_path / "azureml_environment.json"
    file.write_text('{"name": "e", "r": {"rVersion": "4.0"}, "autoRebuild": true}')
    loaded = Environment.load_from_directory(tmp_path)
    assert loaded.r is not None
    assert loaded.r.r_version == "4.0"
    file.write_text('{"docker": {"preparation": {"commandLine": "apt update"}}}')
    with pytest.raises(DefinitionError, match=r"docker.preparation.commandLine.* not supported"):
        Environment.load_from_directory(tmp_path)


def test_a_conda_environment_needs_conda(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DefinitionError, match="no conda on this machine"):
        Environment.from_existing_conda_environment("e", "mine")


def test_a_conda_environment_is_exported(monkeypatch, tmp_path):
    """A program that answers as conda does stands in for it."""
    conda = tmp_path / "conda"
    conda.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if sys.argv[1:] != ['env', 'export', '--name', 'mine']:\n    sys.exit('no such')\n"
        "print('name: mine\\ndependencies:\\n- python=3.9.18\\n- numpy=1.26')\n",
        encoding="utf-8",
    )
    conda.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    made = Environment.from_existing_conda_environment("e", "mine")
    assert made.python.conda_dependencies.conda_packages == ["python=3.9.18", "numpy=1.26"]
    with pytest.raises(DefinitionError, match="no such"):
        Environment.from_existing_conda_environment("e", "other")


def test_a_base_conda_environment_is_refused_with_the_ways_to_use_one():
    environment = Environment("e")
    environment.python.base_conda_environment = "mine"
    with pytest.raises(DefinitionError) as refused:
        environment.spec()
    assert "from_existing_conda_environment" in refused.value.remedy


@pytest.mark.parametrize(
    ("section", "wrong", "right"),
    [
        ("", "enviroment_variables", "environment_variables"),
        ("python", "conda_dependancies", "conda_dependencies"),
        ("docker", "base_img", "base_image"),
        ("spark", "package", "packages"),
    ],
)
def test_a_misspelt_attribute_names_the_nearest(section, wrong, right):
    environment = Environment("e")
    place = getattr(environment, section) if section else environment
    with pytest.raises(UnknownNameError) as unknown:
        setattr(place, wrong, 1)
    assert f"Did you mean '{right}'" in unknown.value.remedy
    assert not hasattr(place, wrong)


def test_a_conda_file_may_be_named_instead_of_packages(conda_file):
    environment = Environment("e")
    environment.python.conda_dependencies_file = str(conda_file)
    assert environment.spec().source == str(conda_file)
    assert Path(environment.spec().source).is_file()
