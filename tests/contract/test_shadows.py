"""A package that shadows one of ours is found before it is imported."""

import pytest

from infra.contract.errors import UsageError
from infra.contract.project import PROGRAM
from infra.contract.shadows import require_own_packages

OURS = str(PROGRAM.parent)
PLACES = ["infra/__init__.py", "runtime/__init__.py", "localcloud.py", "aml_platform.py"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("where", ["program", "working folder"])
def test_a_package_that_shadows_ours_is_named_with_a_new_name_for_it(tmp_path, place, where):
    file = tmp_path / where / place
    file.parent.mkdir(parents=True)
    file.touch()
    name = place.partition("/")[0].removesuffix(".py")
    path = ["/nowhere", str(tmp_path / "working folder"), OURS]
    with pytest.raises(UsageError, match=f"instead of aml-platform's '{name}'") as caught:
        require_own_packages(tmp_path / "program", path=path)
    assert f"platform_{name}" in caught.value.remedy


@pytest.mark.parametrize(
    "place",
    ["infra/helpers.py", "infra.yaml", "mine/infra/__init__.py", "infrastructure/__init__.py"],
)
def test_what_shadows_nothing(tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    require_own_packages(tmp_path, path=[OURS])


def test_a_package_after_ours_on_the_path_shadows_nothing(tmp_path):
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra/__init__.py").touch()
    require_own_packages(PROGRAM, path=[OURS, str(tmp_path)])
