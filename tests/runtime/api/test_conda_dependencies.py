"""``CondaDependencies``: azureml-core's methods, and the document they make."""

import pytest

from aml_platform import CondaDependencies
from infra.contract.errors import DefinitionError, UsageError
from runtime.environments.locking import THIS_PYTHON

FILE = """\
name: train
channels: [pytorch]
dependencies:
- python=3.9
- conda-forge::numpy=1.21
- pip:
  - --index-url https://example.org/simple
  - scikit-learn==1.0
variables:
  DEBUG: yes
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "env.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_new_one_has_a_python_and_the_sdk():
    new = CondaDependencies()
    assert new.conda_packages == [f"python={THIS_PYTHON}"]
    assert new.pip_packages == ["azureml-defaults"]
    assert new.conda_channels == ["anaconda", "conda-forge"]


def test_packages_are_created_in_the_parameters_of_azureml_core():
    made = CondaDependencies.create(None, ["mlflow"], ["numpy"], "3.9")
    assert made.conda_packages == ["python=3.9", "numpy"]
    assert made.pip_packages == ["mlflow"]


@pytest.mark.parametrize(("given", "pip"), [(None, ["azureml-defaults"]), ([], [])])
def test_the_sdk_is_listed_unless_pip_packages_are_given(given, pip):
    assert CondaDependencies.create(pip_packages=given).pip_packages == pip


def test_the_sdk_may_be_listed_by_hand():
    made = CondaDependencies.create(pip_packages=["azureml-defaults", "azureml-defaults"])
    assert made.pip_packages == ["azureml-defaults"]


def test_adding_a_package_replaces_one_of_the_same_name():
    packages = CondaDependencies.create(pip_packages=["Foo_Bar==1", "x"])
    packages.add_pip_package("foo-bar[all]>=2")
    packages.add_conda_package("numpy=1.2")
    packages.add_conda_package("conda-forge::numpy")
    assert packages.pip_packages == ["foo-bar[all]>=2", "x"]
    assert packages.conda_packages[1:] == ["conda-forge::numpy"]


def test_repositories_are_packages_of_their_own():
    packages = CondaDependencies.create(pip_packages=[])
    for url in ("git+https://example.org/a.git", "git+https://example.org/b.git"):
        packages.add_pip_package(url)
    assert len(packages.pip_packages) == 2


def test_packages_are_removed_by_name():
    packages = CondaDependencies.create(pip_packages=["a==1"], conda_packages=["numpy=1.2"])
    packages.remove_conda_package("numpy")
    packages.remove_pip_package("a")
    packages.remove_pip_package("was-never-there")
    assert (packages.conda_packages[1:], packages.pip_packages) == ([], [])


def test_the_python_version_is_read_and_set():
    packages = CondaDependencies()
    packages.set_python_version("3.8.1")
    assert packages.get_python_version() == "3.8.1"
    packages.add_conda_package("python>=3.9")
    assert packages.get_python_version() == "3.9"
    assert len(packages.conda_packages) == 1


def test_options_of_pip_are_set_and_removed():
    packages = CondaDependencies.create(pip_packages=["a"])
    packages.set_pip_option("--index-url https://one.example.org")
    packages.set_pip_option("--index-url https://two.example.org")
    packages.set_pip_option("--find-links https://three.example.org")
    packages.set_pip_option("--find-links https://four.example.org")
    assert len(packages.pip_options) == 3
    assert "--index-url https://two.example.org" in packages.pip_options
    packages.remove_pip_option("--find-links")
    assert packages.pip_options == ["--index-url https://two.example.org"]
    assert packages.pip_packages == ["a"]


@pytest.mark.parametrize("given", ["https://example.org", "--index-url https://example.org"])
def test_the_index_is_a_url_or_an_option(given):
    packages = CondaDependencies.create(pip_indexurl=given, pip_packages=[])
    assert packages.pip_options == ["--index-url https://example.org"]


def test_what_is_no_option_is_refused():
    with pytest.raises(UsageError, match="not an option of pip"):
        CondaDependencies().set_pip_option("index-url x")


def test_a_list_of_packages_is_not_one_package():
    with pytest.raises(UsageError) as refused:
        CondaDependencies().add_pip_package(["a", "b"])
    assert "one package at a time" in refused.value.remedy


@pytest.mark.parametrize(
    ("core", "version", "listed"),
    [
        ("cpu", None, ["tensorflow==2.2.0", "tensorflow=2.2.0"]),
        ("gpu", "1.13.1", ["tensorflow-gpu==1.13.1", "tensorflow-gpu=1.13.1"]),
    ],
)
def test_tensorflow_is_added_for_a_kind_of_processor(core, version, listed):
    packages = CondaDependencies()
    packages.add_tensorflow_pip_package(core, version)
    packages.add_tensorflow_conda_package(core, version)
    assert [packages.pip_packages[-1], packages.conda_packages[-1]] == listed
    with pytest.raises(UsageError, match="core_type is 'tpu'"):
        packages.add_tensorflow_pip_package("tpu")


def test_cntk_is_added_in_its_last_version():
    packages = CondaDependencies()
    packages.add_cntk_package("gpu")
    assert packages.pip_packages[-1] == "cntk-gpu==2.7"


def test_a_file_is_kept_whole(file):
    packages = CondaDependencies(conda_dependencies_file_path=file)
    packages.add_pip_package("pandas")
    packages.add_channel("conda-forge")
    packages.remove_channel("pytorch")
    assert packages.as_dict() == {
        "name": "train",
        "channels": ["conda-forge"],
        "dependencies": [
            "python=3.9",
            "conda-forge::numpy=1.21",
            {
                "pip": [
                    "--index-url https://example.org/simple",
                    "scikit-learn==1.0",
                    "pandas",
                ]
            },
        ],
        "variables": {"DEBUG": "yes"},
    }


def test_what_is_written_reads_as_the_same(file, tmp_path):
    packages = CondaDependencies(file)
    assert packages.save_to_file(tmp_path, "config/conda.yml") == "config/conda.yml"
    assert CondaDependencies(tmp_path / "config" / "conda.yml") == packages
    assert packages.save(tmp_path) == str(tmp_path / "conda_dependencies.yml")
    assert CondaDependencies.from_text(packages.serialize_to_string()) == packages


def test_the_requirements_are_replaced_at_once(file):
    packages = CondaDependencies(file)
    packages.set_pip_requirements(["--pre", "a"])
    assert (packages.pip_options, packages.pip_packages) == (["--pre"], ["a"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dependancies: []", "Did you mean 'dependencies'"),
        ("dependencies: [1.10]", "1.10 is a number in YAML; write it in quotes"),
        ("dependencies: 3", "`dependencies` is not a list"),
        ("- a", "not a mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_file_that_is_no_conda_document_is_refused(tmp_path, text, problem):
    file = tmp_path / "env.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as refused:
        CondaDependencies(file)
    assert problem in refused.value.detail
    assert refused.value.at == str(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DefinitionError) as refused:
        CondaDependencies(tmp_path / "no.yml")
    assert refused.value.at == str(tmp_path / "no.yml")


def test_packages_in_the_place_of_the_index_are_refused():
    with pytest.raises(UsageError) as refused:
        CondaDependencies.create(["numpy"], ["mlflow"])
    assert "pip_indexurl comes first" in refused.value.remedy


def test_requirements_are_merged_by_name():
    merged = CondaDependencies.merge_requirements(["a", "b==1", "A>2"])
    assert merged == ["A>2", "b==1"]
