"""Registered environments become what the run's target can use, or are refused."""

import pytest

from infra.contract.errors import DefinitionError
from infra.contract.manifest import Manifest, WorkspaceEntry
from runtime.definitions.curated import CURATED
from runtime.environments.conda import parse_conda
from runtime.environments.locking import lock
from runtime.model.environments import DEFAULT_IMAGE, EnvironmentSpec
from runtime.submit.job_files import check_workspaces, job_run
from runtime.submit.registered import resolved
from runtime.targets.azureml_bodies import registered_id
from tests.definitions.job_cases import FOLDER

CONDA = "dependencies: [python=3.11]"
IN_WORKSPACE = {
    ("mine", None): {"name": "7", "properties": {"condaFile": CONDA, "image": "an-image"}},
    ("mine", "2"): {"name": "2", "properties": {"image": "an-image"}},
    ("variables", "1"): {
        "name": "1",
        "properties": {
            "condaFile": CONDA,
            "properties": {
                "aml.environment": '{"environmentVariables": {"WORD": "hello", "N": 1}}'
            },
        },
    },
    ("interpreter", "1"): {
        "name": "1",
        "properties": {
            "image": DEFAULT_IMAGE,
            "properties": {
                "aml.environment": '{"python": {"userManagedDependencies": true,'
                ' "interpreterPath": "/usr/bin/python3"}}'
            },
        },
    },
    ("built", "1"): {"name": "1", "properties": {"build": {"contextUri": "a"}}},
}
WORKSPACE = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/{group}"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)


def _resolved(name, version=None, registry=None, *, is_local=False, has_registries=False):
    spec = EnvironmentSpec(
        "registered", name=name, version=version, registry=registry, source="job.yml:4"
    )

    def find(*key):
        return IN_WORKSPACE.get(key)

    return resolved(spec, find, is_local=is_local, has_registries=has_registries)


def test_a_cluster_refers_to_the_latest_version_of_its_workspace():
    spec = _resolved("mine")
    assert (spec.kind, spec.version) == ("registered", "7")
    assert registered_id(spec, "/ws") == "/ws/environments/mine/versions/7"


def test_local_builds_what_the_workspace_declares():
    spec = _resolved("mine", is_local=True)
    assert (spec.kind, spec.conda, spec.image.name) == ("conda", CONDA, "an-image")


def test_local_has_the_image_of_an_environment_without_conda():
    spec = _resolved("mine", "2", is_local=True)
    assert (spec.kind, spec.image.name) == ("user_managed", "an-image")


@pytest.mark.parametrize("is_local", [True, False])
def test_an_environment_brings_the_variables_it_was_registered_with(is_local):
    spec = _resolved("variables", "1", is_local=is_local)
    assert spec.variables == {"WORD": "hello", "N": "1"}


def test_an_interpreter_that_was_registered_runs_here_in_place_of_the_default_image():
    spec = _resolved("interpreter", "1", is_local=True)
    assert (spec.kind, spec.interpreter, spec.image) == ("user_managed", "/usr/bin/python3", None)


def test_local_builds_no_dockerfile():
    with pytest.raises(DefinitionError, match="built from a Dockerfile"):
        _resolved("built", "1", is_local=True)


@pytest.mark.parametrize(("version", "end"), [("4", "versions/4"), (None, "labels/latest")])
def test_azure_knows_its_registries(version, end):
    spec = _resolved("torch", version, "team", has_registries=True)
    expected = f"azureml://registries/team/environments/torch/{end}"
    assert registered_id(spec, "/ws") == expected


@pytest.mark.parametrize(
    ("name", "registry", "is_local"),
    [
        ("AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", None, True),
        ("AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", None, False),
        ("sklearn-1.5", "azureml", True),
    ],
)
def test_a_curated_environment_is_built_where_the_workspace_has_none(name, registry, is_local):
    spec = _resolved(name, "3", registry, is_local=is_local)
    assert spec.kind == "conda"
    assert "scikit-learn" in spec.conda


@pytest.mark.parametrize(
    ("name", "registry", "said"),
    [
        ("AzureML-sklearn-1.6", None, "AzureML-sklearn-1.5"),
        ("AzureML-PyTorch-1.6-GPU", None, "conda_file"),
        ("nobodys", None, "is not in the workspace"),
        ("sklearn-1.5", "team", "is not in the registry team"),
    ],
)
def test_what_is_not_known_is_refused_with_what_to_write(name, registry, said):
    with pytest.raises(DefinitionError) as raised:
        _resolved(name, None, registry, is_local=True)
    assert said in f"{raised.value.detail} {raised.value.remedy}"
    assert raised.value.at == "job.yml:4"


@pytest.mark.parametrize("name", CURATED)
def test_every_curated_environment_can_be_locked_and_has_a_date(name):
    curated = CURATED[name]
    assert lock(EnvironmentSpec("conda", conda=curated.conda())).python.startswith("3.")
    assert parse_conda(curated.conda())
    assert len(curated.date) == len("2024-01-01")


def _manifest(group="rg"):
    entry = WorkspaceEntry(id=WORKSPACE.format(group=group), name="ws", location="westeurope")
    return Manifest(project="a", stack="dev", cloud="azure", workspace=entry)


@pytest.mark.parametrize("file", ["environment_arm_id.yml", "inputs_long_datastore.yml"])
def test_an_id_of_the_deployed_workspace_is_fine(tmp_path, file):
    job = job_run(FOLDER / file, (), tmp_path)
    check_workspaces(job, _manifest())


@pytest.mark.parametrize("manifest", [_manifest("other"), None])
@pytest.mark.parametrize("file", ["environment_arm_id.yml", "inputs_long_datastore.yml"])
def test_an_id_of_another_workspace_is_refused(tmp_path, file, manifest):
    job = job_run(FOLDER / file, (), tmp_path)
    with pytest.raises(DefinitionError, match="names the workspace"):
        check_workspaces(job, manifest)


def test_a_job_without_code_sends_an_empty_folder(tmp_path):
    job = job_run(FOLDER / "minimal.yml", (), tmp_path)
    assert list(job.spec.source_directory.iterdir()) == []
    assert job.spec.source_directory.is_relative_to(tmp_path)
