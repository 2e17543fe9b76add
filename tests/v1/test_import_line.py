"""`azureml` means this product's classes where that is asked for, and nowhere else."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import aml_platform
from infra.contract.load import load
from runtime.api.exceptions import UserErrorException
from runtime.v1 import finder
from runtime.v1.finder import UnknownSdkNameError, activated
from runtime.v1.names import names

ROOT = Path(__file__).parents[2]
OFFERED = sorted(
    (module, name)
    for module, known in names().modules.items()
    for name, meaning in known.items()
    if meaning.offered
)
IMPORTS = Path(__file__).with_name("imports.txt").read_text(encoding="utf-8").splitlines()
REFUSED = sorted(
    (module, name)
    for module, known in names().modules.items()
    for name, meaning in known.items()
    if not meaning.offered
)


@pytest.fixture
def v1():
    with activated():
        yield


def imported(line):
    """Run an import line and return what it bound."""
    scope = {}
    exec(line, scope)  # noqa: S102 - what a script would write
    return {name: value for name, value in scope.items() if name != "__builtins__"}


def test_every_name_that_is_offered_is_a_class_of_ours(v1):
    for module, name in OFFERED:
        bound = imported(f"from {module} import {name}")[name]
        assert bound is load(names().modules[module][name].path), (module, name)


def test_what_people_import_is_there(v1):
    for line in IMPORTS:
        module, _, known = line.partition(":")
        bound = imported(f"from {module} import {', '.join(known.split())}")
        assert sorted(bound) == sorted(known.split()), line


def test_every_other_name_imports(v1):
    for module, name in REFUSED:
        assert isinstance(imported(f"from {module} import {name}")[name], type)


def test_every_refusal_says_what_to_use():
    known = [*names().modules.values(), names().below]
    refusals = [each for group in known for each in group.values() if not each.offered]
    assert [each for each in refusals if not each.instead.endswith(".")] == []


def test_classes_are_the_same_from_every_module(v1):
    program = (
        "from azureml.core.compute_target import ComputeTargetException as one\n"
        "from azureml.exceptions import ComputeTargetException as two\n"
        "import azureml.core\n"
        "three = azureml.core.run.Run"
    )
    bound = imported(program)
    assert bound["one"] is bound["two"] is aml_platform.ComputeTargetException
    assert bound["three"] is aml_platform.Run


def test_a_star_imports_every_name(v1):
    bound = imported("from azureml.train.hyperdrive import *")
    assert {"RandomParameterSampling", "choice", "HyperDriveConfig"} <= set(bound)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from azureml.core import Worksapce", "Did you mean 'Workspace'?"),
        ("from azureml.core import AmlCompute", "from azureml.core.compute import AmlCompute"),
        ("from azureml.core.runn import Run", "Did you mean 'run'?"),
        ("import azureml.cor", "Did you mean 'core'?"),
        ("from azureml._restclient import models", "leave it out"),
    ],
)
def test_an_unknown_name_is_an_import_error_that_leads_on(v1, line, said):
    with pytest.raises(ImportError) as unknown:
        imported(line)
    assert isinstance(unknown.value, UnknownSdkNameError)
    assert said in unknown.value.remedy


@pytest.mark.parametrize(
    "use",
    [
        "from azureml.core.webservice import AciWebservice\nAciWebservice.deploy_configuration()",
        "from azureml.core import Webservice\nWebservice(None, 'x')",
        "from azureml.dataprep import read_csv\nread_csv('x')",
        "from azureml.automl.core.shared import constants\nconstants.Metric.Accuracy",
        "from azureml.automl.core.shared import something\nsomething()",
        "from azureml.opendatasets import MNIST\nMNIST.get_file_dataset()",
        "from azureml.interpret import ExplanationClient\nExplanationClient.from_run(None)",
        "from azureml.datadrift import DataDriftDetector\nDataDriftDetector.create(None)",
    ],
)
def test_what_is_not_offered_is_refused_when_it_is_used(v1, use):
    line, _, rest = use.partition("\n")
    scope = {}
    exec(line, scope)  # noqa: S102 - what a script would write
    with pytest.raises(UserErrorException, match="is not offered"):
        exec(rest, scope)  # noqa: S102 - what a script would write


def test_a_refused_exception_can_be_caught_and_a_refused_class_inherited(v1):
    imported(
        "from azureml.train.automl.exceptions import DataException\n"
        "from azureml.core.webservice import Webservice\n"
        "try:\n    raise ValueError\nexcept (DataException, ValueError): pass\n"
        "class Mine(Webservice): pass\n"
        "assert not isinstance(3, Webservice)"
    )


def test_asking_whether_there_is_a_name_is_no_error(v1):
    core = import_module("azureml.core")
    assert not hasattr(core, "Worksapce")
    assert "Workspace" in dir(core)


def test_telemetry_is_switched_off_without_a_word(v1):
    imported(
        "from azureml.telemetry import set_diagnostics_collection as s\ns(send_diagnostics=True)"
    )


def test_nothing_is_replaced_without_being_asked():
    assert not finder.active()
    with pytest.raises(ModuleNotFoundError):
        import_module("azureml.core")


def python(code, cwd):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_notebook_asks_in_its_first_cell(tmp_path):
    code = "import aml_platform.v1\nfrom azureml.core import Run\nprint(Run.__module__)"
    assert python(code, tmp_path).stdout == "runtime.api.run\n"


def test_microsofts_package_imported_before_is_reported(tmp_path):
    (tmp_path / "azureml").mkdir()
    (tmp_path / "azureml/__init__.py").touch()
    said = python("import azureml\nimport aml_platform.v1", tmp_path)
    assert "Microsoft's azureml is already imported" in said.stderr
    assert "Restart Python and import `aml_platform.v1` first" in said.stderr


def test_activation_loads_no_class(tmp_path):
    code = "import sys, aml_platform.v1, azureml.core; print(*sys.modules)"
    assert "runtime.api.workspace" not in python(code, tmp_path).stdout.split()
