"""An image of a registry that asks for a password: pulled with it, and kept nowhere."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import bcrypt
import pytest

from runtime.model.environments import EnvironmentSpec, ImageSpec, Registry
from runtime.model.states import RunState
from tests.containers.conftest import log_of, until

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


@pytest.fixture
def address(engine, base, tmp_path):
    """The address of a registry with the image team/base:1, which this machine does not have."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with registry(folder) as found:
        name = f"{found}/team/base:1"
        engine.images.get(base).tag(name)
        login = {"username": "me", "password": PASSWORD}
        assert "error" not in engine.images.push(f"{found}/team/base", "1", auth_config=login)
        engine.images.remove(name)
        yield found
        engine.images.remove(name, force=True)


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
