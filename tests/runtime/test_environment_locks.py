"""Resolved locks: what a build installed, kept, compared, and installed again."""

import subprocess
import sys

import pytest

from infra.contract.errors import DefinitionError, EnvironmentBuildError, UnknownNameError
from runtime.environments.cache import EnvironmentCache
from runtime.environments.lock_store import LockStore
from runtime.environments.locking import lock
from runtime.environments.resolved import changes, locked_lines, resolved_lock
from runtime.environments.uv_builder import UvBuilder
from runtime.model.environments import EnvironmentSpec
from tests.runtime.index import add_wheel, requirements

BODY = """\
numpy==1.26.4 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
six @ https://user:planted@example.org/six-1.16-py3-none-any.whl?sig=planted2 \\
    --hash=sha256:cc
tool @ git+https://example.org/tool.git@0123abc
"""
CONDA = """\
channels: [conda-forge]
dependencies:
  - numpy=1.26.4=py311h0_0
  - pip:
      - six==1.16.0
"""


def made(body, **facts):
    base = {"environment": "e", "python": "3.11.7", "platform": "linux x86_64"}
    return resolved_lock(body, **base | facts)


def test_a_lock_says_for_which_environment_and_python_it_is():
    found = made(BODY)
    assert (found.facts["environment"], found.python, found.is_conda) == ("e", "3.11.7", False)


def test_a_lock_has_the_versions_of_all_packages_and_no_credentials():
    found = made(BODY)
    assert found.versions == {
        "numpy": "1.26.4",
        "six": "https://***@example.org/six-1.16-py3-none-any.whl?sig=***",
        "tool": "git+https://example.org/tool.git@0123abc",
    }
    assert "planted" not in found.text


def test_a_lock_of_conda_has_the_builds():
    found = made(CONDA, tool="conda")
    assert found.versions == {"numpy": "1.26.4=py311h0_0", "six": "1.16.0"}
    assert found.is_conda


def test_the_lines_of_a_lock_have_the_options_and_credentials_of_the_document():
    url = "six @ https://user:planted@example.org/six-1.16-py3-none-any.whl?sig=planted2"
    lines = locked_lines(made(BODY), ["--extra-index-url https://example.org", "numpy", url])
    assert lines == (
        "--extra-index-url https://example.org",
        "numpy==1.26.4 --hash=sha256:aa --hash=sha256:bb",
        url,
        "tool @ git+https://example.org/tool.git@0123abc",
    )


def test_a_lock_whose_credentials_are_not_there_is_refused():
    spec = EnvironmentSpec("pip", requirements="six\n", lock=made(BODY).text)
    with pytest.raises(DefinitionError) as refused:
        lock(spec)
    assert "the credentials of six @ https://***@example.org" in refused.value.detail
    assert "`-d FILE`" in refused.value.detail


def test_two_locks_are_compared_package_by_package():
    before = made("a==1\nb==2\nc==3\n")
    after = made("a==1\nb==2.1\nd==4\n", python="3.12.1")
    assert changes(before, after) == (
        "Python 3.11.7 → 3.12.1",
        "b 2 → 2.1",
        "c 3 → (none)",
        "d (none) → 4",
    )
    assert changes(before, before) == ()


def test_exact_versions_are_not_part_of_the_identity():
    spec = EnvironmentSpec("pip", requirements="numpy\n")
    exact = lock(EnvironmentSpec("pip", requirements="numpy\n", lock=made("numpy==1.0\n").text))
    assert exact.hash == lock(spec).hash
    assert exact.key != lock(spec).key == lock(spec).hash


def test_a_lock_that_is_not_kept_says_so(tmp_path):
    with pytest.raises(UnknownNameError) as unknown:
        LockStore(tmp_path).load("0123456789abcdef")
    assert "0123456789ab" in unknown.value.detail
    assert "--fresh" in unknown.value.remedy


@pytest.fixture
def index(tmp_path):
    add_wheel(tmp_path / "index", "planted", "1.0")
    return tmp_path / "index"


@pytest.fixture
def machine(tmp_path):
    """Make the cache of a machine: what is built on one is not on the other."""
    return lambda name: EnvironmentCache(tmp_path / name / "environments", UvBuilder())


def build(cache, index, *, log=lambda _: None, **how):
    """Return the built environment and the version of the package in it."""
    spec = EnvironmentSpec("pip", requirements=requirements(index, "planted"), **how)
    with cache.lease(lock(spec), log) as built:
        command = [built.python, "-c", "import planted; print(planted.__version__)"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return built, output.strip()


def kept(tmp_path, machine, built):
    return LockStore(tmp_path / machine / "locks").load(built.lock)


def test_a_lock_is_installed_after_the_index_moved_on(index, machine, tmp_path):
    first, _ = build(machine("here"), index)
    text = kept(tmp_path, "here", first).text
    add_wheel(index, "planted", "2.0")
    again, version = build(machine("there"), index, lock=text)
    fresh, newest = build(machine("elsewhere"), index)
    assert (version, newest) == ("1.0", "2.0")
    assert again.lock == first.lock != fresh.lock
    assert again.hash == first.hash == fresh.hash


def test_an_environment_with_the_locked_versions_is_reused(index, machine, tmp_path):
    first, _ = build(machine("here"), index)
    again, _ = build(machine("here"), index, lock=kept(tmp_path, "here", first).text)
    assert again.reused
    assert again.folder == first.folder


def test_other_versions_of_the_same_document_are_built_beside(index, machine, tmp_path):
    first, _ = build(machine("here"), index)
    add_wheel(index, "planted", "2.0")
    newer, _ = build(machine("there"), index)
    beside, version = build(machine("here"), index, lock=kept(tmp_path, "there", newer).text)
    assert version == "2.0"
    assert beside.folder != first.folder
    assert build(machine("here"), index)[1] == "1.0"


def test_a_file_that_is_not_the_locked_one_is_refused(index, machine, tmp_path):
    first, _ = build(machine("here"), index)
    text = kept(tmp_path, "here", first).text
    digest = text.partition("sha256:")[2].split()[0]
    with pytest.raises(EnvironmentBuildError, match=r"[Hh]ash mismatch"):
        build(machine("there"), index, lock=text.replace(digest, "0" * 64))


def test_a_build_says_what_differs_from_the_one_before(index, machine):
    first, _ = build(machine("here"), index)
    assert first.changed == ()
    add_wheel(index, "planted", "2.0")
    (first.folder / "aml-environment.json").unlink()
    log = []
    second, _ = build(machine("here"), index, log=log.append)
    assert second.changed == ("planted 1.0 → 2.0",)
    assert "Differs from the last build of this environment: planted 1.0 → 2.0" in log


def test_the_lock_of_an_environment_names_this_python(index, machine, tmp_path):
    built, _ = build(machine("here"), index)
    assert kept(tmp_path, "here", built).python == ".".join(map(str, sys.version_info[:3]))
