"""Conda documents as people write and export them, for uv and for conda."""

import pytest
import yaml

from infra.contract.errors import DefinitionError
from runtime.environments.locking import lock
from runtime.environments.packages import PYPI_NAMES, pypi_name
from runtime.environments.resolved import resolved_lock
from runtime.model.environments import EnvironmentSpec

EXPORTED = """\
name: base
channels:
  - conda-forge
  - defaults
dependencies:
  - _libgcc_mutex=0.1=conda_forge
  - _openmp_mutex=4.5=2_gnu
  - bzip2=1.0.8=h7f98852_4
  - ca-certificates=2022.12.7=ha878542_0
  - ld_impl_linux-64=2.40=h41732ed_0
  - libffi=3.4.2=h7f98852_5
  - libgcc-ng=12.2.0=h65d4601_19
  - ncurses=6.3=h27087fc_1
  - numpy=1.24.2=py310h8deb116_0
  - openssl=3.1.0=h0b41bf4_0
  - pip=23.0.1=pyhd8ed1ab_0
  - python=3.10.10=he550d4f_0_cpython
  - python_abi=3.10=3_cp310
  - readline=8.2=h8228510_1
  - setuptools=67.6.0=pyhd8ed1ab_0
  - tk=8.6.12=h27826a3_0
  - tzdata=2022g=h191b570_0
  - xz=5.2.6=h166bdaf_0
  - zlib=1.2.13=h166bdaf_4
prefix: /opt/conda
"""


def locked(text, **how):
    spec = EnvironmentSpec("conda", conda=text, source="environment.yml")
    return lock(spec, **{"default_python": "3.11"} | how)


def test_an_exported_environment_is_installed_without_the_libraries_of_python_itself():
    found = locked(EXPORTED)
    assert found.python == "3.10.10"
    assert found.lines == ("numpy==1.24.2", "setuptools==67.6.0", "tzdata==2022g")


LEGACY = """\
# Conda environment specification.\r
name: project_environment\r
dependencies:\r
  # The python interpreter version.\r
  - python=3.6.2\r
  - scikit-learn\r
  - conda-forge::xgboost=0.90=py36he6710b0_0\r
\r
  - pip:\r
    - azureml-defaults==1.0.74\r
    - --extra-index-url https://example.org/simple?a=b\r
    - https://example.org/wheels/thing-1.0-py3-none-any.whl?sv=2019&sr=b\r
    - git+https://example.org/x.git@v1.0#egg=x&subdirectory=python\r
"""


def test_a_document_of_the_early_sdk_is_read_with_its_line_ends():
    found = locked(LEGACY)
    assert found.python == "3.6.2"
    assert found.lines == (
        "scikit-learn",
        "xgboost==0.90",
        "azureml-defaults==1.0.74",
        "--extra-index-url https://example.org/simple?a=b",
        "https://example.org/wheels/thing-1.0-py3-none-any.whl?sv=2019&sr=b",
        "git+https://example.org/x.git@v1.0#egg=x&subdirectory=python",
    )


ONLY_CONDA = """\
channels: [pytorch, conda-forge]
dependencies:
  - python=3.8
  - gcc_linux-64=9.3
  - numpy[version='>=1.19,<2']
  - cudatoolkit=11.3
  - pip:
    - azureml-core
    - six
"""


def test_what_has_no_equivalent_is_listed_with_the_lines():
    with pytest.raises(DefinitionError) as refused:
        locked(ONLY_CONDA)
    detail = refused.value.detail
    assert "gcc_linux-64=9.3 (line 4), cudatoolkit=11.3 (line 6)" in detail
    assert "line 5: \"numpy[version='>=1.19,<2']\" is not a package specification" in detail
    assert "micromamba, mamba or conda is on PATH" in refused.value.remedy


def test_conda_gets_the_document_as_it_is():
    document = yaml.safe_load(locked(ONLY_CONDA, with_conda=True).conda)
    assert document == {
        "channels": ["pytorch", "conda-forge"],
        "dependencies": [
            "python=3.8",
            "gcc_linux-64=9.3",
            "numpy[version='>=1.19,<2']",
            "cudatoolkit=11.3",
            "pip",
            {"pip": ["azureml-core", "six"]},
        ],
    }


def test_conda_gets_another_python_and_no_packages_of_the_sdk_if_asked_for():
    spec = EnvironmentSpec("conda", conda=ONLY_CONDA, python="3.9", keep_azureml=False)
    dependencies = yaml.safe_load(lock(spec, with_conda=True).conda)["dependencies"]
    assert dependencies[0] == "python=3.9"
    assert "python=3.8" not in dependencies
    assert "azureml-core" not in dependencies[-1]["pip"]
    assert "requests" in dependencies[-1]["pip"]


def test_a_document_without_a_python_gets_the_default_one():
    text = "dependencies: [numpy]"
    assert "python=3.11" in yaml.safe_load(locked(text, with_conda=True).conda)["dependencies"]


def test_packages_that_only_conda_has_are_part_of_the_identity():
    other = ONLY_CONDA.replace("cudatoolkit=11.3", "cudatoolkit=11.1")
    assert locked(ONLY_CONDA, with_conda=True).hash != locked(other, with_conda=True).hash


def test_who_installs_is_not_part_of_the_identity_but_of_the_place():
    by_uv, by_conda = locked(EXPORTED), locked(EXPORTED, with_conda=True)
    assert by_uv.hash == by_conda.hash
    assert by_uv.key != by_conda.key


FACTS = {"environment": "e", "python": "3.10.10", "platform": "linux x86_64"}


def test_versions_that_uv_installed_are_installed_by_uv_again():
    text = resolved_lock("numpy==1.24.2\n", **FACTS).text
    spec = EnvironmentSpec("conda", conda=EXPORTED, lock=text)
    assert lock(spec, with_conda=True).conda is None


BUILDS = "dependencies:\n  - python=3.10.10=he550d4f_0\n  - numpy=1.24.2=py310h8deb116_0\n"


def test_versions_that_conda_installed_need_conda_again():
    text = resolved_lock(BUILDS, tool="conda", **FACTS).text
    spec = EnvironmentSpec("conda", conda=EXPORTED, lock=text)
    exact = yaml.safe_load(lock(spec, with_conda=True).conda)
    assert exact["channels"] == ["conda-forge", "defaults"]
    assert exact["dependencies"] == ["python=3.10.10=he550d4f_0", "numpy=1.24.2=py310h8deb116_0"]
    with pytest.raises(DefinitionError, match="those of conda"):
        lock(spec)


@pytest.mark.parametrize("name", ["python_dateutil", "Python-DateUtil", "_openmp_mutex"])
def test_a_name_is_known_however_it_is_written(name):
    assert pypi_name(name)[0]


def test_the_table_is_normalized():
    assert [name for name in PYPI_NAMES if not pypi_name(name)[0]] == []
