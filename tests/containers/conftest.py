"""What every test of containers needs: an engine, and an image with a Python."""

import time
from contextlib import suppress

import pytest
from docker.errors import APIError

from runtime.model.environments import EnvironmentSpec, ImageSpec
from runtime.targets.docker_place import container_name
from runtime.targets.docker_target import DockerTarget
from runtime.testing.targets import a_run, poll
from tests.containers.docker_images import base_image, require_engine


@pytest.fixture(scope="session")
def engine():
    client = require_engine()
    yield client
    client.close()


@pytest.fixture(scope="session")
def base(engine):
    return base_image()


@pytest.fixture
def make_target(tmp_path, engine):
    home, made = tmp_path / "home", []

    def make():
        made.append(DockerTarget(home, manifest=tmp_path / "manifest.json", stack="dev"))
        return made[-1]

    yield make
    for target in made:
        target.close()
    for folder in home.glob("runs/*"):
        with suppress(APIError):
            engine.api.remove_container(container_name(folder.name), force=True)


@pytest.fixture
def target(make_target):
    return make_target()


@pytest.fixture
def make_run(tmp_path, base):
    """Return a function that makes a run in the test's image, or in an environment given."""
    as_it_is = EnvironmentSpec("user_managed", image=ImageSpec(name=base))

    def make(script, *arguments, environment=as_it_is, **changes):
        return a_run(tmp_path, script, *arguments, environment=environment, **changes)

    return make


@pytest.fixture
def ended(target):
    """Wait for the end of a run; return its status."""

    def wait(handle, patience_s=120.0):
        until(lambda: poll(target, handle).state.final, patience_s)
        return poll(target, handle)

    return wait


def until(holds, patience_s=120.0):
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
    return found


def log_of(target, handle, name="user_logs/std_log.txt"):
    return "".join(chunk.text for chunk in target.logs(handle, {}) if chunk.name == name)
