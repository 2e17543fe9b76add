"""What the azureml target sends, as documents."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from infra.contract.errors import DefinitionError
from runtime.environments.resolved import resolved_lock
from runtime.model.environments import EnvironmentSpec, ImageSpec, Registry
from runtime.model.launching import Distribution, DockerOptions, RetryPolicy
from runtime.model.runs import PreparedRun, RunEvent, RunSpec, SnapshotFile, SourceSnapshot
from runtime.targets import azureml_bodies as bodies
from runtime.targets.azureml_cursor import Cursor

AGENT = '"${AML_AGENT_PYTHON:-python}" aml_agent.pyz run --'
SNAPSHOT = SourceSnapshot("a" * 64, (SnapshotFile("train.py", "0" * 64, 3),), Path("/store"))
CONDA = "dependencies: [python=3.10, numpy, conda-forge::pandas, {pip: [mlflow]}]"


def a_run(**changes):
    spec = RunSpec("train.py", Path("/src"), "cpu", "exp", ("--name", "two words"), **changes)
    return PreparedRun("exp_1_00000000", spec, SNAPSHOT, ("train.py", *spec.arguments))


def job(**changes):
    ids = {"code_id": "/codes/c", "environment_id": "/environments/e", "compute_id": "/computes/k"}
    return bodies.job_body(a_run(**changes), **ids)["properties"]


def test_a_job_is_the_agent_around_the_script():
    assert job()["command"] == AGENT + " python train.py --name 'two words'"


def test_a_job_in_full():
    body = job(
        variables={"A": "1"}, node_count=2, max_duration_s=90, tags={"t": "v"}, display_name="mine"
    )
    assert body == {
        "jobType": "Command",
        "displayName": "mine",
        "experimentName": "exp",
        "command": f"{AGENT[:-2]}--ranked -- python train.py --name 'two words'",
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


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (
            Distribution("pytorch"),
            {"distributionType": "PyTorch", "processCountPerInstance": 1},
        ),
        (
            Distribution("pytorch", processes=4),
            {"distributionType": "PyTorch", "processCountPerInstance": 2},
        ),
        (
            Distribution("mpi", processes_per_node=3),
            {"distributionType": "Mpi", "processCountPerInstance": 3},
        ),
        (
            Distribution("tensorflow", workers=2, parameter_servers=1),
            {"distributionType": "TensorFlow", "workerCount": 2, "parameterServerCount": 1},
        ),
    ],
)
def test_the_service_starts_the_processes_of_a_run(how, expected):
    body = job(distribution=how, node_count=2)
    assert body["distribution"] == expected
    assert " run --ranked -- " in body["command"]


def test_the_agent_of_a_job_starts_its_script_again():
    body = job(retry=RetryPolicy(2, exit_codes=(75,)), idle_timeout_s=60, queue_timeout_s=9)
    options = "--idle-timeout=60 --max-retries=2 --retry-exit-code=75"
    assert f" run {options} -- python" in body["command"]
    assert body["properties"] == {"aml.queueTimeoutSeconds": "9"}


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
    shown = command.replace(f"{AGENT} python train.py", "printf %s")
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


PINS = "numpy==1.26.4 --hash=sha256:aa\nsix==1.16.0 --hash=sha256:bb\n"
FACTS = {"environment": "e", "python": "3.10.13", "platform": "linux x86_64"}
BUILDS = "channels: [conda-forge]\ndependencies:\n- numpy=1.26.4=py310_0\n- pip:\n  - six==1.16.0\n"


def test_exact_versions_are_sent_with_the_options_and_variables_of_the_document():
    declared = (
        "dependencies: [python=3.10, numpy, {pip: [--pre, '-i https://example.org/', six]}]\n"
        "variables: {A: 1}\n"
    )
    spec = EnvironmentSpec("conda", conda=declared, lock=resolved_lock(PINS, **FACTS).text)
    pip = ["-i https://example.org/", "numpy==1.26.4", "six==1.16.0"]
    assert bodies.conda_document(spec) == {
        "dependencies": ["python=3.10.13", "pip", {"pip": pip}],
        "variables": {"A": "1"},
    }
    plain = bodies.environment_asset(replace(spec, lock=None))[0]
    assert bodies.environment_asset(spec)[0].startswith(f"{plain}-")


def test_exact_builds_of_conda_are_sent_as_they_are():
    lock = resolved_lock(BUILDS, tool="conda", **FACTS)
    document = bodies.conda_document(EnvironmentSpec("conda", conda=CONDA, lock=lock.text))
    assert document == yaml.safe_load(BUILDS)


IMAGES = [
    pytest.param(ImageSpec(name="base:1"), "base:1", id="image"),
    pytest.param(
        ImageSpec(name="base:1", registry=Registry("example.azurecr.io")),
        "example.azurecr.io/base:1",
        id="image of a registry",
    ),
    pytest.param(
        ImageSpec(name="example.azurecr.io/base:1", registry=Registry("example.azurecr.io/")),
        "example.azurecr.io/base:1",
        id="image with its registry",
    ),
]


@pytest.mark.parametrize(("image", "name"), IMAGES)
def test_an_image_to_pull_has_packages_on_top_or_none(image, name):
    spec = EnvironmentSpec("conda", conda=CONDA, image=image)
    properties = bodies.environment_asset(spec)[1]["properties"]
    assert properties["image"] == name
    assert yaml.safe_load(properties["condaFile"]) == yaml.safe_load(CONDA)
    bare = bodies.environment_asset(EnvironmentSpec("user_managed", image=image))[1]
    assert bare == {"properties": {"osType": "Linux", "isAnonymous": True, "image": name}}


def test_a_dockerfile_is_built_with_packages_as_its_last_steps():
    image = ImageSpec(dockerfile="FROM base\nRUN make\n")
    spec = EnvironmentSpec("conda", conda=CONDA, image=image)
    context = bodies.environment_context(spec)
    text = context.files["Dockerfile"].decode()
    assert text.startswith("FROM base\nRUN make\n\nCOPY aml-conda.yml ")
    assert "conda env create" in text
    assert yaml.safe_load(context.files["aml-conda.yml"]) == yaml.safe_load(CONDA)
    properties = bodies.environment_asset(spec, "https://x/")[1]["properties"]
    build = {"contextUri": "https://x/", "dockerfilePath": "Dockerfile"}
    assert properties == {"osType": "Linux", "isAnonymous": True, "build": build}


def test_a_build_context_is_sent_with_all_its_files(tmp_path):
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/Base.dockerfile").write_text("FROM base\nCOPY tool /\n")
    (tmp_path / "tool").write_text("x")
    image = ImageSpec(context=str(tmp_path), dockerfile_path="docker/Base.dockerfile")
    context = bodies.environment_context(EnvironmentSpec("user_managed", image=image))
    assert context.dockerfile == "docker/Base.dockerfile"
    assert sorted(context.files) == ["docker/Base.dockerfile", "tool"]


@pytest.mark.parametrize("folder", ["", "absent"])
def test_a_build_context_that_is_not_there_is_refused(tmp_path, folder):
    image = ImageSpec(context=str(tmp_path / folder))
    with pytest.raises(DefinitionError, match=r"has no Dockerfile|There is no folder"):
        bodies.environment_context(EnvironmentSpec("user_managed", image=image))


def test_a_large_build_context_is_noted(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM base")
    image = ImageSpec(context=str(tmp_path))
    assert bodies.environment_context(EnvironmentSpec("user_managed", image=image)).note == ""
    (tmp_path / "data").write_bytes(bytes(2_000_000))
    noted = bodies.environment_context(EnvironmentSpec("user_managed", image=image)).note
    assert "2 files, 2.0 MB" in noted


def named(tmp_path, kind, **image):
    fields = {"conda": CONDA} if kind == "conda" else {}
    return bodies.environment_name(EnvironmentSpec(kind, image=ImageSpec(**image), **fields))


@pytest.mark.parametrize("kind", ["conda", "user_managed"])
def test_the_image_and_its_steps_are_part_of_the_identity(tmp_path, kind):
    (tmp_path / "Dockerfile").write_text("FROM base\nRUN make\n")
    names = [
        named(tmp_path, kind, name="base:1"),
        named(tmp_path, kind, name="base:2"),
        named(tmp_path, kind, dockerfile="FROM base\nRUN make\n"),
        named(tmp_path, kind, context=str(tmp_path)),
    ]
    (tmp_path / "Dockerfile").write_text("FROM base\nRUN make more\n")
    names.append(named(tmp_path, kind, context=str(tmp_path)))
    assert len(set(names)) == len(names)
    assert named(tmp_path, kind, dockerfile="FROM base  \nRUN make") == names[2]


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


def test_another_attempt_is_read_from_its_beginning():
    again = RunEvent(0, 0.0, "state", {"state": "Running", "attempt": 2}, "service")
    cursor = Cursor(3, 120).past_service([again])
    assert cursor == Cursor(4, 0, attempt=2)
    assert cursor.first_seq > 120
    assert Cursor(4, 60, attempt=2).past_service([]) == Cursor(4, 60, attempt=2)
