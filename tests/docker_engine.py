"""A docker engine to test with, and a small image with Python: fixtures.

A test module that uses them has ``pytest_plugins = ("tests.docker_engine",)``, and the mark
``needs_docker``.
"""

import pytest

from tests.containers import docker_images


@pytest.fixture(scope="session")
def docker_engine():
    """A client of the engine of this machine."""
    client = docker_images.require_engine()
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(docker_engine) -> str:
    """The name of an image with Python, which stays for later sessions."""
    return docker_images.base_image()
