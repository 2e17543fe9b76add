"""What a plan says of an environment of this machine."""

from runtime.environments.cache import EnvironmentCache
from runtime.environments.locking import lock
from runtime.environments.uv_builder import UvBuilder
from runtime.model.environments import EnvironmentSpec
from runtime.submit.interpreters import with_plan
from tests.runtime.index import add_wheel, requirements


def locked(text):
    return lock(EnvironmentSpec("pip", requirements=text, source="requirements.txt"))


def test_packages_are_to_be_resolved_and_no_index_is_asked(tmp_path):
    wanted = locked("--index-url http://127.0.0.1:9/simple\nplanted==3.0\n")
    (note,) = with_plan(wanted, tmp_path).notes
    assert "Its packages are to be resolved" in note


def test_nothing_is_to_be_resolved_where_the_environment_is_built(tmp_path):
    add_wheel(tmp_path / "index", "planted", "1.0")
    wanted = locked(requirements(tmp_path / "index", "planted==1.0"))
    cache = EnvironmentCache(tmp_path / "environments", UvBuilder())
    with cache.lease(wanted, lambda _: None):
        assert with_plan(wanted, tmp_path / "environments") == wanted
