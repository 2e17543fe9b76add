"""Environments of a workspace: registered, found and listed in a real local cloud."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aml_platform import (
    CondaDependencies,
    DockerBuildContext,
    Environment,
    UserErrorException,
)
from infra.contract.errors import UsageError
from infra.contract.manifest import Manifest, manifest_from
from runtime.api.registered_environments import curated
from runtime.targets.workspace_environments import open_environments
from tests.localcloud.harness import SUB, connect, make_workspace


@dataclass
class Session:
    home: Path


@dataclass
class Workspace:
    """What of a workspace its environments need."""

    manifest: Manifest
    session: Session


@pytest.fixture(scope="module")
def workspace(aml_home, local_cloud):
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/environments")
    named = {"id": made, "name": made.rpartition("/")[2], "location": "westeurope"}
    manifest = manifest_from(
        {
            "version": 1,
            "project": "demo",
            "stack": "local",
            "cloud": "local",
            "workspace": named,
            "targets": {},
        }
    )
    return Workspace(manifest, Session(aml_home))


def made(name, *packages):
    environment = Environment(name)
    environment.python.conda_dependencies = CondaDependencies.create(
        pip_packages=list(packages), python_version="3.11"
    )
    return environment


def test_a_name_that_no_workspace_takes_is_refused(workspace):
    with pytest.raises(UserErrorException, match="not an environment name"):
        made("a b/..", "six").register(workspace)


def test_a_new_version_is_made_only_on_change(workspace):
    environment = made("versions", "a")
    assert environment.register(workspace).version == "1"
    assert environment.register(workspace=workspace).version == "1"
    environment.python.conda_dependencies.add_pip_package("b")
    assert environment.register(workspace).version == "2"
    environment.environment_variables["A"] = "1"
    assert environment.register(workspace).version == "3"
    assert environment.version == "3"


def test_what_is_registered_comes_back_whole(workspace):
    environment = made("whole", "a")
    environment.environment_variables["A"] = "b"
    environment.docker.enabled, environment.docker.base_image = True, "python:3.11"
    environment.docker.arguments = ["--ipc=host"]
    environment.docker.base_image_registry.address = "x.azurecr.io"
    environment.docker.base_image_registry.password = "planted-secret"
    environment.register(workspace)
    found = Environment.get(workspace, name="whole")
    assert found.environment_variables == {"A": "b"}
    assert (found.docker.base_image, found.docker.arguments) == ("python:3.11", ["--ipc=host"])
    assert found.python.conda_dependencies == environment.python.conda_dependencies
    assert found.docker.base_image_registry.password is None


def test_a_version_is_found_by_its_number_or_label(workspace):
    made("numbers", "a").register(workspace)
    made("numbers", "b").register(workspace)
    assert Environment.get(workspace, "numbers", version=1).version == "1"
    assert Environment.get(workspace, "numbers", label="latest").version == "2"
    with pytest.raises(UsageError, match="label is 'prod'"):
        Environment.get(workspace, "numbers", label="prod")


def test_a_copy_of_what_is_registered_can_be_changed_and_registered(workspace):
    made("changed", "a").register(workspace)
    copy = Environment.get(workspace, "changed").clone("changed-copy")
    copy.python.conda_dependencies.add_pip_package("b")
    assert copy.register(workspace).version == "1"


def test_environments_are_listed_by_name(workspace):
    made("listed", "a").register(workspace)
    found = Environment.list(workspace)
    assert found["listed"].python.conda_dependencies.pip_packages == ["a"]


def test_the_curated_environments_are_listed_with_their_packages(workspace):
    made("AzureML-sklearn-1.5", "a").register(workspace)
    packages = {
        name: each.python.conda_dependencies.pip_packages
        for name, each in Environment.list(workspace).items()
        if name.startswith("AzureML")
    }
    assert packages["AzureML-sklearn-1.5"] == ["a"], "the workspace's own comes first"
    assert "azureml-defaults" in packages["AzureML-Minimal"]


def test_a_name_that_is_not_there_suggests_the_nearest(workspace):
    made("nearest", "a").register(workspace)
    with pytest.raises(UserErrorException) as unknown:
        Environment.get(workspace, "nearst")
    assert "'nearest'" in unknown.value.remedy
    with pytest.raises(UserErrorException) as unknown:
        Environment.get(workspace, "nearest", version="7")
    assert "version '7'" in unknown.value.detail


def test_an_environment_of_another_client_is_read(workspace):
    """As azure-ai-ml and the studio make them: an image and a conda file, no definition."""
    environments = open_environments(workspace.session.home, workspace.manifest)
    conda = "dependencies:\n- python=3.11\n- pip:\n  - numpy\n"
    environments.register("foreign", {"image": "python:3.11", "condaFile": conda})
    environments.close()
    found = Environment.get(workspace, "foreign")
    assert found.docker.base_image == "python:3.11"
    assert found.spec().conda == found.python.conda_dependencies.serialize_to_string()


def test_a_dockerfile_is_uploaded_and_registered(workspace):
    environment = made("docker", "a")
    environment.docker.base_dockerfile = "FROM python:3.11\n"
    environment.docker.arguments = ["--ipc=host"]
    assert environment.register(workspace).version == "1"
    assert environment.register(workspace).version == "1"
    found = Environment.get(workspace, "docker")
    assert found.spec().image.dockerfile == "FROM python:3.11\n"
    assert found.python.conda_dependencies.pip_packages == ["a"]
    environments = open_environments(workspace.session.home, workspace.manifest)
    _, properties = environments.get("docker")
    environments.close()
    assert properties["build"]["dockerfilePath"] == "Dockerfile"
    assert "LocalUpload/" in properties["build"]["contextUri"]


def test_a_build_context_is_uploaded_whole(workspace, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM x\nCOPY a /a\n", encoding="utf-8")
    (tmp_path / "a").write_text("a", encoding="utf-8")
    context = DockerBuildContext.from_local_directory(workspace, str(tmp_path))
    environment = Environment.from_docker_build_context("folder", context)
    assert environment.register(workspace).version == "1"
    found = Environment.get(workspace, "folder")
    assert found.docker.build_context.location == str(tmp_path)


def test_an_interpreter_is_registered_without_packages(workspace):
    environment = Environment.from_docker_image("image", "python:3.9")
    environment.register(workspace)
    assert Environment.get(workspace, "image").python.user_managed_dependencies is True


CURATED = "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"


def test_a_curated_environment_is_what_it_installed(workspace):
    with pytest.warns(UserWarning, match="stands in for it"):
        found = Environment.get(workspace, CURATED)
    assert found.python.conda_dependencies.get_python_version() == "3.8"
    found.python.conda_dependencies.add_pip_package("mlflow")
    assert "- mlflow" in found.spec().conda


def test_a_curated_environment_of_azure_is_a_reference(workspace):
    azure = Workspace(replace(workspace.manifest, cloud="azure"), workspace.session)
    spec = curated(azure, CURATED, None)
    assert (spec.kind, spec.name, spec.registry) == ("registered", CURATED, "azureml")


def test_an_unknown_curated_environment_names_the_nearest(workspace):
    with pytest.raises(UserErrorException) as unknown:
        Environment.get(workspace, "AzureML-sklearn-1.0-ubuntu20.04-py38-gpu")
    assert CURATED in unknown.value.remedy


@pytest.mark.parametrize(
    "ask",
    [
        lambda workspace: Environment("e").get_image_details(workspace),
        lambda workspace: Environment.label(workspace, "e", "1", ["prod"]),
        lambda workspace: Environment.add_private_pip_wheel(workspace, "a.whl"),
    ],
)
def test_what_only_azure_has_is_refused_by_name(workspace, ask):
    with pytest.raises(UserErrorException) as refused:
        ask(workspace)
    assert refused.value.remedy
