"""Pinned versions that cannot be installed, found before a build, with the nearest that can."""

import sys
from threading import Event

import pytest

from infra.contract.errors import EnvironmentBuildError
from runtime.environments.locking import lock
from runtime.environments.uv_builder import UvBuilder
from runtime.environments.wheels import pins
from runtime.model.environments import EnvironmentSpec
from tests.runtime.index import add_wheel, requirements

HERE = f"{sys.version_info[0]}{sys.version_info[1]}"
COMPILED = f"cp{HERE}-cp{HERE}-linux_x86_64"
ELSEWHERE = "cp36-cp36m-linux_x86_64"


@pytest.fixture
def index(tmp_path):
    """Return an index: of `built` a wheel a platform, of `pure` one for all."""
    folder = tmp_path / "index"
    for name, version, tag in [
        ("built", "1.0", ELSEWHERE),
        ("built", "1.2", COMPILED),
        ("built", "2.0", COMPILED),
        ("latest", "2.0", ELSEWHERE),
        ("latest", "1.0", COMPILED),
        ("pure", "1.0", "py3-none-any"),
    ]:
        add_wheel(folder, name, version, tag=tag)
    return folder


def resolve(index, *lines):
    spec = EnvironmentSpec("pip", requirements=requirements(index, *lines))
    return UvBuilder().resolve(lock(spec), lambda _: None, Event())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("built==1.0", "the nearest version that has one is 1.2 (1.0 has wheels for Python 3.6)"),
        ("built==1.0.*", "built 1.0.* has no wheel for Python"),
        ("latest==2.0", "the nearest version that has one is 1.0"),
        ("pure==3.0", "there is no pure 3.0; the nearest is 1.0"),
    ],
)
def test_the_nearest_version_is_named(index, line, problem):
    with pytest.raises(EnvironmentBuildError) as refused:
        resolve(index, line)
    assert problem in refused.value.detail


def test_all_of_them_are_named_at_once(index):
    with pytest.raises(EnvironmentBuildError) as refused:
        resolve(index, "built==1.0", "pure==3.0", "latest==2.0")
    assert len(refused.value.detail.splitlines()) == 4


def test_what_can_be_installed_is_resolved_with_hashes(index):
    found = resolve(index, "built==1.2", "pure")
    assert found.versions == {"built": "1.2", "pure": "1.0"}
    assert found.body.count("--hash=sha256:") == 2


def test_only_lines_for_one_version_are_pins():
    lines = [
        "a==1.0",
        "b[x]==1.*",
        "c>=1",
        "d",
        "-f x",
        "e @ https://x/e.whl",
        "f==1; os_name=='x'",
    ]
    assert [(pin.name, pin.version) for pin in pins(lines)] == [("a", "1.0"), ("b", "1.*")]
