"""What is checked of an environment before a run on this machine starts."""

import os

import pytest

from infra.contract.errors import DefinitionError
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec
from runtime.submit.interpreters import require_packages
from tests.runtime.index import add_wheel, requirements


def locked(text):
    return lock(EnvironmentSpec("pip", requirements=text, source="requirements.txt"))


def test_packages_that_can_be_had_are_not_mentioned(tmp_path):
    add_wheel(tmp_path / "index", "planted", "1.0")
    wanted = locked(requirements(tmp_path / "index", "planted"))
    assert require_packages(wanted, tmp_path / "environments") == wanted


def test_packages_that_cannot_be_had_are_an_error_of_the_file(tmp_path):
    add_wheel(tmp_path / "index", "planted", "1.0")
    wanted = locked(requirements(tmp_path / "index", "planted==3.0"))
    with pytest.raises(DefinitionError) as refused:
        require_packages(wanted, tmp_path / "environments")
    assert refused.value.at == "requirements.txt"
    assert "there is no planted 3.0; the nearest is 1.0" in refused.value.detail


def test_an_index_that_cannot_be_reached_is_noted(tmp_path):
    wanted = locked("--index-url http://127.0.0.1:9/simple\nplanted\n")
    environ = {**os.environ, "UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "0"}
    checked = require_packages(wanted, tmp_path / "environments", environ)
    assert checked.notes == ("The packages were not checked: no package index can be reached.",)
