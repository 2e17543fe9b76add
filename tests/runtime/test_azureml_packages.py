"""Microsoft's SDK packages in an environment: recognized however they are written, left out."""

import pytest

from runtime.environments.azureml_packages import requirement_name, with_setuptools, without_azureml
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec


@pytest.mark.parametrize(
    "line",
    [
        "azureml-core",
        "azureml-core==1.0.74",
        "azureml_core >= 1.48",
        "AzureML-Core ; python_version < '3.9'",
        "azureml-sdk[notebooks,explain]==1.0.69",
        "azureml-defaults~=1.34.0",
        "azureml-mlflow",
        "azureml-dataset-runtime[fuse,pandas]",
        "azureml-dataprep==2.0.5",
        "azureml-dataprep-native",
        "azureml-telemetry",
        "azureml-widgets",
        "azureml-train-core",
        "azureml-train-automl-client",
        "azureml-automl-core",
        "azureml-pipeline",
        "azureml-pipeline-steps",
        "azureml-contrib-services",
        "azureml-interpret",
        "azure-ml-api-sdk==0.1.0a10",
        "azureml-core @ https://example.org/azureml_core-1.0-py3-none-any.whl",
        "https://example.org/x/azureml_core-1.0-py3-none-any.whl?sig=a",
        "git+https://example.org/sdk.git@main#egg=azureml-core",
        "--extra-index-url https://azuremlsdktestpypi.azureedge.net/sdk-release/x",
    ],
)
def test_a_package_of_the_sdk_is_left_out(line):
    found = without_azureml([line, "six"])
    assert found.left_out == (line,)
    assert "six" in found.lines
    assert line not in found.lines
    assert line in found.note


@pytest.mark.parametrize(
    "line",
    [
        "azureml-inference-server-http",
        "azureml-fsspec",
        "azure-ai-ml",
        "azure-identity",
        "azure-storage-blob==12.8.1",
        "mlflow",
        "my-azureml-core",
        "--index-url https://example.org/azureml-core",
        "git+https://example.org/azureml-core",
    ],
)
def test_any_other_package_stays(line):
    found = without_azureml([line])
    assert (found.lines, found.left_out, found.note) == ((line,), (), "")


@pytest.mark.parametrize(
    ("lines", "instead"),
    [
        (["azureml-core"], ("python-dateutil", "pytz", "requests")),
        (["azureml-core", "requests==2.20", "pytz"], ("python-dateutil",)),
        (["azureml-mlflow"], ("mlflow-skinny",)),
        (["azureml-mlflow", "mlflow==1.20"], ()),
        (["azureml-dataset-runtime"], ("numpy", "pyarrow", "pyyaml")),
        (["azureml-dataset-runtime[pandas]", "numpy"], ("pandas", "pyarrow", "pyyaml")),
        (["azureml-telemetry"], ()),
    ],
)
def test_the_libraries_it_brings_are_installed_in_its_place(lines, instead):
    found = without_azureml(lines)
    assert found.instead == instead
    assert found.lines[len(found.lines) - len(instead) :] == instead


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Scikit_Learn[x]>=1", "scikit-learn"),
        ("x.y @ file:///a/b.whl", "x-y"),
        ("https://example.org/a_b-1.0.tar.gz#sha256=1", "a-b"),
        ("git+ssh://git@example.org/x.git", ""),
        ("--find-links https://example.org", ""),
    ],
)
def test_the_name_in_a_requirement(line, name):
    assert requirement_name(line)[0] == name


def test_leaving_them_out_gives_another_identity():
    def locked(**how):
        return lock(EnvironmentSpec("pip", requirements="azureml-telemetry\nsix\n", **how))

    assert locked(keep_azureml=False).hash != locked().hash
    assert locked(keep_azureml=False).lines == ("six",)
    assert locked().notes == ()


def test_nothing_to_leave_out_changes_nothing():
    spec = EnvironmentSpec("pip", requirements="six\n", keep_azureml=False)
    assert lock(spec) == lock(EnvironmentSpec("pip", requirements="six\n"))


@pytest.mark.parametrize(
    ("pins", "lines"),
    [
        ("azureml-core==1.60.0.post1 \\\n    --hash=sha256:1\nsix==1.16.0\n",
         ("azureml-core==1.60.0.post1", "six==1.16.0", "setuptools<81")),
        ("azureml-core==1.60.0\nsetuptools==75.3.4\n", ()),
        ("azureml-core==1.61.0.post4\n", ()),
        ("six==1.16.0\n", ()),
    ],
)  # fmt: skip
def test_what_azureml_core_imports_and_does_not_ask_for_is_installed(pins, lines):
    assert with_setuptools(pins) == lines
