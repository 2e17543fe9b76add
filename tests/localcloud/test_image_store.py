"""Images built for jobs, on a real engine and through a real registry."""

import shutil
import subprocess
import uuid
from contextlib import closing, contextmanager
from threading import Event, Thread

import pytest

from localcloud.nodes.docker_engine import connect
from localcloud.nodes.engines import engine_address
from localcloud.nodes.images import ImageRecipe, ImageStore
from tests.localcloud.harness import waited
from tests.missing_parts import missing

pytest_plugins = ("tests.docker_engine",)
pytestmark = pytest.mark.needs_docker


@pytest.fixture
def engine(docker_engine):
    with closing(connect(engine_address()[0])) as engine:
        yield engine


@pytest.fixture
def made(engine):
    """Return a function that makes recipes; their images are removed in the end."""
    recipes = []

    def recipe() -> ImageRecipe:
        mark = uuid.uuid4().hex
        text = f"FROM scratch\nLABEL mark={mark}\nCOPY big /big\n"
        files = {"Dockerfile": text.encode(), "big": mark.encode() * 50_000}
        recipes.append(ImageRecipe(mark, files))
        return recipes[-1]

    yield recipe
    for each in recipes:
        engine.remove_image(each.tag)


def test_two_jobs_build_an_image_once(engine, made, tmp_path) -> None:
    store, recipe, lines, reused = ImageStore(tmp_path / "images"), made(), [], []
    jobs = [
        Thread(target=lambda: reused.append(store.ensure(engine, recipe, lines.append, Event())))
        for _ in range(2)
    ]
    for each in jobs:
        each.start()
    for each in jobs:
        each.join()
    assert sorted(reused) == [False, True]
    assert sum(": COPY big" in line for line in lines) == 1


def test_images_above_the_limit_are_removed_but_not_those_in_use(
    engine, made, tmp_path, docker_engine
) -> None:
    now = iter(range(1, 100))
    store = ImageStore(tmp_path / "images", limit_bytes=1, now=lambda: next(now))
    used, idle, last = (made() for _ in range(3))
    store.ensure(engine, used, print, Event())
    container = docker_engine.containers.create(used.tag, "true")
    try:
        for each in (idle, last):
            store.ensure(engine, each, print, Event())
        assert [engine.has(each.tag) for each in (used, idle, last)] == [True, False, True]
    finally:
        container.remove()


@contextmanager
def registry(folder):
    """Debian's registry on a free port of loopback, which docker trusts without TLS."""
    binary = shutil.which("docker-registry") or missing("there is no docker-registry")
    settings = folder / "registry.yml"
    settings.write_text(
        "version: 0.1\nlog: {level: info}\nhttp: {addr: '127.0.0.1:0'}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
    )
    log = folder / "registry.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen([binary, "serve", str(settings)], stderr=sink, stdout=sink) as process,
    ):
        try:
            text = waited(log.read_text, lambda text: "listening on" in text)
            yield text.partition("listening on ")[2].split('"')[0].split()[0]
        finally:
            process.terminate()


def test_a_registry_shares_images(engine, made, tmp_path) -> None:
    recipe, lines = made(), []
    with registry(tmp_path) as address:
        first = ImageStore(tmp_path / "first", registry=address)
        assert first.ensure(engine, recipe, lines.append, Event()) is False
        shared = f"{address}/{recipe.tag}"
        assert f"Pushed {shared}" in lines
        for tag in (recipe.tag, shared):
            engine.remove_image(tag)
        second = ImageStore(tmp_path / "second", registry=address)
        assert second.ensure(engine, recipe, lines.append, Event()) is True
        engine.remove_image(shared)
    assert sum(": COPY big" in line for line in lines) == 1


def test_a_registry_that_does_not_answer_costs_no_run(engine, made, tmp_path) -> None:
    lines = []
    store = ImageStore(tmp_path / "images", registry="127.0.0.1:9")
    recipe = made()
    assert store.ensure(engine, recipe, lines.append, Event()) is False
    assert "was built, but not pushed to 127.0.0.1:9" in lines[-1]
    engine.remove_image(f"127.0.0.1:9/{recipe.tag}")


def test_images_are_listed_while_the_engine_counts_for_others(engine) -> None:
    found = []
    clients = [Thread(target=lambda: found.append(engine.images("aml-none"))) for _ in range(8)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert found == [[]] * len(clients)
