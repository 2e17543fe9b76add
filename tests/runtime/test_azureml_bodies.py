"""What the azureml target sends, as documents."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution, DockerOptions
from runtime.model.runs import PreparedRun, RunSpec, SnapshotFile, SourceSnapshot
from runtime.targets import azureml_bodies as bodies
from runtime.targets.azureml import Cursor

SNAPSHOT = SourceSnapshot("a" * 64, (SnapshotFile("train.py", "0" * 64, 3),), Path("/store"))
CONDA = "dependencies: [python=3.10, numpy, conda-forge::pandas, {pip: [mlflow]}]"


def a_run(**changes):
    spec = RunSpec("train.py", Path("/src"), "cpu", "exp", ("--name", "two words"), **changes)
    return PreparedRun("exp_1_00000000", spec, SNAPSHOT, ("train.py", *spec.arguments))


def job(**changes):
    ids = {"code_id": "/codes/c", "environment_id": "/environments/e", "compute_id": "/computes/k"}
    return bodies.job_body(a_run(**changes), **ids)["properties"]


def test_a_job_is_the_agent_around_the_script():
    assert job()["command"] == "python aml_agent.pyz run -- python train.py --name 'two words'"


def test_a_job_in_full():
    body = job(
        variables={"A": "1"}, node_count=2, max_duration_s=90, tags={"t": "v"}, display_name="mine"
    )
    assert body == {
        "jobType": "Command",
        "displayName": "mine",
        "experimentName": "exp",
        "command": "python aml_agent.pyz run -- python train.py --name 'two words'",
        "codeId": "/codes/c",
        "environmentId": "/environments/e",
        "computeId": "/computes/k",
        "environmentVariables": {"A": "1"},
        "resources": {"instanceCount": 2},
        "limits": {"jobLimitsType": "Command", "timeout": "PT90S"},
        "tags": {"t": "v"},
        "properties": {},
        "isArchived": False,
    }


def test_a_container_is_run_as_the_run_says():
    docker = DockerOptions(arguments=("--ipc", "host"), shm_size="8g")
    assert job(docker=docker)["resources"] == {
        "instanceCount": 1,
        "shmSize": "8g",
        "dockerArgs": "--ipc host",
    }


def test_the_nodes_of_pytorch_know_each_other():
    body = job(distribution=Distribution("pytorch"), node_count=2)
    assert body["distribution"] == {"distributionType": "PyTorch", "processCountPerInstance": 1}


def test_a_job_is_shown_by_its_run_id_unless_it_has_a_name():
    assert job()["displayName"] == "exp_1_00000000"


@pytest.mark.parametrize(
    "argument",
    ["${{inputs.x}}", "a ${{ outputs.y }} b", "$[[ --opt ]]", "it's ${{inputs.x}}", "$HOME", "$$"],
)
def test_an_argument_reaches_the_script_as_it_is(argument):
    run = replace(a_run(), command=("train.py", argument))
    command = bodies.job_command(run)
    assert "${{" not in command
    assert "$[[" not in command
    shown = command.replace("python aml_agent.pyz run -- python train.py", "printf %s")
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout == argument


def test_a_code_asset_is_named_after_the_snapshot_and_versioned_by_the_agent():
    name, version = bodies.code_asset(SNAPSHOT, b"agent")
    assert (name, version) == bodies.code_asset(SNAPSHOT, b"agent")
    assert name == f"aml-{'a' * 40}"
    assert bodies.code_asset(SNAPSHOT, b"another")[0] == name
    assert bodies.code_asset(SNAPSHOT, b"another")[1] != version


CONDA_CASES = [
    pytest.param(
        EnvironmentSpec("pip", requirements="numpy>=1\n# why\nmlflow\n"),
        {"dependencies": ["python=3.11", "pip", {"pip": ["numpy>=1", "mlflow"]}]},
        id="pip",
    ),
    pytest.param(
        EnvironmentSpec("pip", requirements="numpy\n", python="3.12"),
        {"dependencies": ["python=3.12", "pip", {"pip": ["numpy"]}]},
        id="pip-with-python",
    ),
    pytest.param(EnvironmentSpec("conda", conda=CONDA), yaml.safe_load(CONDA), id="conda"),
    pytest.param(
        EnvironmentSpec("conda", conda=CONDA, python="3.12"),
        {"dependencies": ["python=3.12", "numpy", "conda-forge::pandas", {"pip": ["mlflow"]}]},
        id="conda-with-python",
    ),
    pytest.param(
        EnvironmentSpec(
            "conda",
            conda="channels: [a, ]\ndependencies:\n-\n- pip:\n  -\n- pip:\n  - six\n  -\n- numpy\n"
            "variables: {A: true, B: 010, C: }\n",
        ),
        {
            "channels": ["a"],
            "dependencies": [{"pip": ["six"]}, "numpy"],
            "variables": {"A": "true", "B": "010", "C": ""},
        },
        id="blanks",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), CONDA_CASES)
def test_an_environment_is_a_conda_document(spec, expected):
    assert bodies.conda_document(spec) == expected
    properties = bodies.environment_asset(spec)[1]["properties"]
    assert yaml.safe_load(properties["condaFile"]) == expected
    assert properties["image"] == bodies.IMAGE


def test_an_environment_is_named_by_its_content():
    one, same, other = (
        bodies.environment_asset(EnvironmentSpec("pip", requirements=text))[0]
        for text in ("numpy\n", "# a comment\nnumpy\n", "pandas\n")
    )
    assert one == same != other


def test_a_user_managed_environment_builds_nothing():
    name, body = bodies.environment_asset(EnvironmentSpec("user_managed"))
    assert name == "aml-user-managed"
    assert "condaFile" not in body["properties"]


@pytest.mark.parametrize(
    ("properties", "url"),
    [
        (
            {"accountName": "acc", "containerName": "c", "protocol": "https", "endpoint": "e.net"},
            "https://acc.blob.e.net/c",
        ),
        ({"accountName": "acc", "containerName": "c"}, "https://acc.blob.core.windows.net/c"),
    ],
)
def test_a_datastores_container_is_where_clients_look_for_it(properties, url):
    assert bodies.blob_url({"properties": properties}) == url


def test_a_datastores_credential_is_a_signature_or_a_key():
    store = {"properties": {"accountName": "127.0.0.1:1/acc"}}
    assert bodies.blob_credential(store, {"secretsType": "Sas", "sasToken": "sig=1"}) == "sig=1"
    assert bodies.blob_credential(store, {"secretsType": "AccountKey", "key": "k"}) == {
        "account_name": "acc",
        "account_key": "k",
    }


@pytest.mark.parametrize("cursor", [Cursor(), Cursor(3, 120)])
def test_a_cursor_survives_formatting_and_parsing(cursor):
    assert Cursor.parse(str(cursor)) == cursor


def test_an_empty_cursor_is_the_beginning():
    assert Cursor.parse("") == Cursor(0, 0)
