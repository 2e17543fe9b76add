"""The cache of environments: built once, atomic, shared, evicted by last use."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from infra.contract.errors import EnvironmentBuildError
from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec
from runtime.testing.builders import BuilderContract


def locked(name="six"):
    return lock(EnvironmentSpec("pip", requirements=name), default_python="3.11")


SCRIPT = b"#!/bin/sh\nexit 0\n"


class Pretending:
    """A builder of environments that hold one program of at least a given size."""

    def __init__(self, size=0, during=lambda: None):
        self.built = []
        self._size = size
        self._during = during

    def build(self, locked, folder, log, stop):
        log("pretending")
        if stop.is_set() or "six==999.0" in locked.lines:
            raise EnvironmentBuildError("It cannot be built:\npretending", remedy="Fix it.")
        self.built.append(locked.hash)
        (folder / "python").write_bytes(SCRIPT.ljust(self._size, b"#"))
        (folder / "python").chmod(0o755)
        self._during()

    def python(self, folder):
        return folder / "python"


class Failing(Pretending):
    def build(self, locked, folder, log, stop):
        super().build(locked, folder, log, stop)
        raise EnvironmentBuildError("no such package", remedy="Fix it.")


class TestPretending(BuilderContract):
    """The stand-in of these tests keeps the contract, too."""

    @pytest.fixture
    def builder(self):
        return Pretending()


@pytest.fixture
def make(tmp_path):
    clock = count(1_000)
    return lambda builder, **how: EnvironmentCache(
        tmp_path / "environments", builder, now=lambda: next(clock), **how
    )


def left_in(tmp_path):
    return sorted(p.name for p in (tmp_path / "environments").iterdir() if p.name != ".locks")


def leased(cache, name="six", log=lambda _: None):
    with cache.lease(locked(name), log) as environment:
        return environment


def test_the_first_builds_and_the_second_reuses(make):
    builder = Pretending()
    cache = make(builder)
    first, second = leased(cache), leased(cache)
    assert (first.reused, second.reused) == (False, True)
    assert first.python == second.python
    assert builder.built == [locked().hash]


def test_the_record_of_a_build_has_no_credentials(make):
    environment = leased(make(Pretending()), "--index-url https://u:secret@example.org/\nsix")
    text = (environment.folder / "aml-environment.json").read_text()
    assert "secret" not in text
    assert json.loads(text)["requirements"][1] == "six"


def test_a_failed_build_leaves_only_its_log(make, tmp_path):
    log = []
    with pytest.raises(EnvironmentBuildError, match="no such package"):
        leased(make(Failing()), log=log.append)
    assert "pretending" in log
    assert left_in(tmp_path) == []


def test_remains_of_a_killed_build_are_removed(make, tmp_path):
    for name in ("six", "other"):
        left = tmp_path / "environments" / f".building-{locked(name).hash}"
        left.mkdir(parents=True)
        (left / "half").touch()
    assert not (leased(make(Pretending())).folder / "half").exists()
    assert left_in(tmp_path) == [locked().hash]


def test_an_environment_whose_python_is_gone_is_rebuilt(make):
    cache = make(Pretending())
    leased(cache).python.unlink()
    assert not cache.is_built(locked())
    assert not leased(cache).reused


def test_concurrent_processes_build_once(make):
    builder = Pretending(during=lambda: threading.Event().wait(0.1))
    cache = make(builder)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: leased(cache), range(4)))
    assert len(builder.built) == 1
    assert sorted(e.reused for e in found) == [False, True, True, True]


def test_who_waited_for_a_build_does_not_wait_for_the_run_that_built(make):
    building, go_on = threading.Event(), threading.Event()
    cache = make(Pretending(during=lambda: (building.set(), go_on.wait(5))))

    def log_of_the_second(line):
        if line.startswith("Waiting"):
            go_on.set()

    with ThreadPoolExecutor(1) as pool:

        def second():
            building.wait(5)
            return leased(cache, log=log_of_the_second)

        waiting = pool.submit(second)
        with cache.lease(locked(), print):
            assert waiting.result(timeout=5).reused


def test_a_waiting_process_builds_when_the_first_build_fails(make):
    started = threading.Event()

    class FailsOnce(Pretending):
        def build(self, locked, folder, log, stop):
            super().build(locked, folder, log, stop)
            started.set()
            if len(self.built) == 1:
                raise EnvironmentBuildError("the network was down", remedy="Again.")

    cache = make(FailsOnce())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(leased, cache)
        started.wait(5)
        assert not leased(cache).reused
        assert isinstance(first.exception(), EnvironmentBuildError)


def test_a_wait_can_be_canceled(make):
    inside, stop = threading.Event(), threading.Event()
    done = threading.Event()
    cache = make(Pretending(during=lambda: (inside.set(), done.wait(5))))
    builder = threading.Thread(target=leased, args=(cache,))
    builder.start()
    inside.wait(5)
    stop.set()
    with (
        pytest.raises(EnvironmentBuildError, match="canceled while"),
        cache.lease(locked(), print, stop),
    ):
        pass
    done.set()
    builder.join()


def test_the_least_recently_used_go_first(make, tmp_path):
    cache = make(Pretending(size=1000), limit_bytes=2600)
    for name in ("a", "b", "a", "c"):
        leased(cache, name)
    assert left_in(tmp_path) == sorted([locked("a").hash, locked("c").hash])


def test_an_environment_in_use_is_not_evicted(make, tmp_path):
    cache = make(Pretending(size=1000), limit_bytes=500)
    with cache.lease(locked("a"), print):
        leased(cache, "b")
        assert locked("a").hash in left_in(tmp_path)
    leased(cache, "c")
    assert left_in(tmp_path) == [locked("c").hash]


def test_evictions_are_logged(make):
    log = []
    cache = make(Pretending(size=1000), limit_bytes=500)
    leased(cache, "a")
    leased(cache, "b", log.append)
    assert any(locked("a").hash in line and "evicted" in line for line in log)
