"""Images that were built for environments are listed, and removed unless a container uses them."""

import io
import secrets
import tarfile

import pytest

from runtime.cli.root import run
from runtime.targets.docker_engine import SOCKET, engine_settings, open_engine
from runtime.targets.docker_pruning import built_images, discarder

pytestmark = pytest.mark.needs_docker


@pytest.fixture
def image(engine):
    """The name of an image of this test's own, with a label of ours and nothing else in it."""
    name = f"aml-environment:test-{secrets.token_hex(4)}"
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    changes = ["LABEL aml.environment=test", 'CMD ["true"]']
    engine.api.import_image_from_data(empty.getvalue(), *name.split(":"), changes=changes)
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def found(client, name):
    return [each for each in built_images(client, SOCKET) if name in each.names]


def test_an_image_is_removed_once_no_container_uses_it(engine, image):
    client = open_engine(engine_settings())
    discard = discarder(client, SOCKET)
    (ours,) = found(client, image)
    container = engine.api.create_container(image)["Id"]
    try:
        assert not discard(ours)
    finally:
        engine.api.remove_container(container)
    assert discard(ours)
    assert found(client, image) == []
    client.close()


def test_pruning_shows_what_would_be_removed(image, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run(["env", "prune", "--images", "--keep", "0"]) == 0
    said = capfd.readouterr()
    assert image in said.out
    assert "would be removed" in said.err
    assert run(["env", "prune", "--images"]) == 2
