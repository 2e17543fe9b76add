"""An image of a registry that asks for a password: pulled with it, and kept nowhere."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import bcrypt
import pytest

from infra.arm.client import local_client
from infra.contract.errors import CredentialError, DefinitionError
from runtime.model.environments import EnvironmentSpec, ImageSpec, Registry
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.testing.targets import poll
from tests.containers.conftest import log_of, until
from tests.localcloud.harness import SUB, connect, make_workspace, running_daemon

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]

PASSWORD = "s3cret-of-the-registry"


@contextmanager
def registry(folder):
    """Debian's registry on a free port of loopback, with one user."""
    binary = shutil.which("docker-registry")
    if binary is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no docker-registry")
    users = folder / "htpasswd"
    users.write_text(f"me:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n")
    settings = folder / "registry.yml"
    settings.write_text(
        "version: 0.1\nlog: {level: info}\nhttp: {addr: '127.0.0.1:0'}\n"
        f"auth: {{htpasswd: {{realm: here, path: {users}}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
    )
    log = folder / "registry.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen([binary, "serve", str(settings)], stderr=sink, stdout=sink) as process,
    ):
        try:
            until(lambda: "listening on" in log.read_text())
            yield log.read_text().partition("listening on ")[2].split('"')[0].split()[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def filled(engine, base, tmp_path_factory):
    """The address of a registry with the image team/base:1."""
    with registry(tmp_path_factory.mktemp("registry")) as found:
        name = f"{found}/team/base:1"
        engine.images.get(base).tag(name)
        login = {"username": "me", "password": PASSWORD}
        assert "error" not in engine.images.push(f"{found}/team/base", "1", auth_config=login)
        engine.images.remove(name)
        yield found


@pytest.fixture
def address(engine, filled):
    """The registry's address, when this machine does not have its image."""
    yield filled
    engine.images.remove(f"{filled}/team/base:1", force=True)


def test_a_password_pulls_an_image_and_is_in_no_file(target, make_run, ended, address, monkeypatch):
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)

    def launched(password):
        image = ImageSpec("team/base:1", registry=Registry(address, "me", password))
        environment = EnvironmentSpec("user_managed", image=image)
        return target.launch(make_run("print('pulled')", environment=environment))

    refused = ended(launched("wrong-one"))
    assert f"The image {address}/team/base:1 cannot be pulled" in refused.error
    handle = launched("env:REGISTRY_PASSWORD")
    assert ended(handle).state is RunState.COMPLETED, ended(handle).error
    assert log_of(target, handle) == "pulled\n"
    for file in target.folder(handle.reference).path.parent.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert PASSWORD.encode() not in content
        assert b"wrong-one" not in content


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of a local cloud, and what sends requests to the cloud."""
    home = tmp_path_factory.mktemp("cloud")
    scale = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT60S"}
    inner = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}
    with running_daemon(home), connect(home) as cloud:
        workspace = make_workspace(cloud.arm, f"{SUB}/resourceGroups/registries")
        compute = f"{workspace}/computes/cpu"
        body = {
            "location": "westeurope",
            "properties": {"computeType": "AmlCompute", "properties": inner},
        }
        assert cloud.arm("PUT", compute, body).is_success
        client = local_client(home)
        made = AzureMLTarget("cpu", client, workspace_id=workspace, compute_id=compute)
        yield made, cloud.arm
        made.close()
        client.close()


def in_an_image_of(address, password, user="me"):
    image = ImageSpec("team/base:1", registry=Registry(address, user, password))
    return EnvironmentSpec("user_managed", image=image, source="run.runconfig")


def ended_on(target, handle):
    until(lambda: poll(target, handle).state.final)
    return poll(target, handle)


def test_a_cluster_pulls_with_a_connection_of_the_workspace(
    cluster, make_run, address, monkeypatch
):
    target, arm = cluster
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    with pytest.raises(CredentialError, match="NO_SUCH_PASSWORD"):
        target.launch(make_run("", environment=in_an_image_of(address, "env:NO_SUCH_PASSWORD")))
    wrong = target.launch(make_run("", environment=in_an_image_of(address, "wrong-one")))
    assert f"{address}/team/base:1 cannot be pulled" in ended_on(target, wrong).error
    environment = in_an_image_of(address, "env:REGISTRY_PASSWORD")
    handle = target.launch(make_run("print('pulled')", environment=environment))
    assert ended_on(target, handle).state is RunState.COMPLETED, ended_on(target, handle).error
    path = f"{target.workspace}/connections/registry-127-0-0-1-{address.rpartition(':')[2]}"
    shown = arm("GET", path)
    assert shown.json()["properties"]["target"] == address
    for response in (shown, arm("GET", handle.reference)):
        assert PASSWORD not in response.text


def test_a_connection_that_people_made_is_used_as_it_is(cluster, make_run, address):
    target, arm = cluster
    properties = {
        "category": "ContainerRegistry",
        "target": f"https://{address}",
        "authType": "UsernamePassword",
        "credentials": {"username": "me", "password": PASSWORD},
        "metadata": {"username": "me"},
    }
    path = f"{target.workspace}/connections/ours"
    assert arm("PUT", path, {"properties": properties}).is_success
    with pytest.raises(DefinitionError, match="as me and not as you") as refused:
        target.launch(make_run("", environment=in_an_image_of(address, "wrong-one", user="you")))
    assert refused.value.at == "run.runconfig"
    environment = in_an_image_of(address, "wrong-one")
    handle = target.launch(make_run("print('pulled')", environment=environment))
    assert ended_on(target, handle).state is RunState.COMPLETED, ended_on(target, handle).error
