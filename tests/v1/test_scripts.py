"""`aml v1 run SCRIPT`: as `python SCRIPT`, with `azureml` meaning this product."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli.root import run
from tests.api.conftest import manifest
from tests.v1.training_script import BUILDS

ROOT = Path(__file__).parents[2]


def test_a_script_runs_as_main_with_its_arguments(aml_v1):
    ran = aml_v1(
        "s.py",
        "import sys, azureml.core\n"
        "if __name__ == '__main__':\n    print(sys.argv, azureml.core.VERSION)\n",
        "--rate", "0.1", "-h",
    )  # fmt: skip
    assert (ran.code, ran.out) == (0, "['s.py', '--rate', '0.1', '-h'] 1.61.0\n")
    assert "azureml" not in sys.modules


def test_modules_beside_the_script_are_imported(aml_v1, tmp_path):
    (tmp_path / "beside_v1.py").write_text("x = 3")
    assert aml_v1("s.py", "import beside_v1\nprint(beside_v1.x)").out == "3\n"
    sys.modules.pop("beside_v1")


def test_an_exception_of_the_script_has_its_line(aml_v1):
    ran = aml_v1("s.py", "x = 1\nraise ValueError('no good')\n")
    assert ran.code == 1
    assert ran.err.startswith('Traceback (most recent call last):\n  File "s.py", line 2')
    assert "error: The script failed at s.py:2" in ran.err
    assert "ValueError: no good" in ran.err


@pytest.mark.parametrize(
    ("imported", "call", "meant"),
    [
        (
            "from azureml.pipeline.steps import PythonScriptStep",
            "PythonScriptStep('a.py', compute_targt='local')",
            "compute_target",
        ),
        (
            "from azureml.core.compute import AmlCompute",
            "AmlCompute.provisioning_configuration(vm_sise='x')",
            "vm_size",
        ),
        (
            "from azureml.core import Dataset",
            "Dataset.Tabular.from_delimited_files('x', seperator=';')",
            "separator",
        ),
        (
            "import azureml.train.hyperdrive as hyperdrive",
            "hyperdrive.RandomParameterSampling(parameter_spaces={})",
            "parameter_space",
        ),
    ],
)
def test_a_misspelt_parameter_names_the_nearest(aml_v1, imported, call, meant):
    ran = aml_v1("s.py", f"{imported}\n{call}\n")
    assert ran.code == 2
    assert "Unknown name at s.py:2" in ran.err
    assert f"Did you mean '{meant}'?" in ran.err


def test_a_parameter_of_the_scripts_own_function_is_its_own_affair(aml_v1):
    assert "Did you mean" not in aml_v1("s.py", "def f(a): pass\nf(aa=1)\n").err


def test_a_syntax_error_has_its_line(aml_v1):
    assert "The script failed at s.py:2" in aml_v1("s.py", "x = 1\nx ==\n").err


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from azureml.core import Worksapce", "Did you mean 'Workspace'?"),
        ("from azureml.core import Webservice\nWebservice.list()", "is not offered"),
    ],
)
def test_an_error_of_ours_is_reported_without_a_traceback(aml_v1, code, said):
    ran = aml_v1("s.py", code)
    assert ran.code == 2
    assert said in ran.err
    assert f" at s.py:{code.count(chr(10)) + 1}" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("call", "code", "said"), [("", 0, ""), ("3", 3, ""), ("'stop'", 1, "stop\n")]
)
def test_the_exit_code_is_the_scripts(aml_v1, call, code, said):
    ran = aml_v1("s.py", f"import sys\nsys.exit({call})")
    assert (ran.code, ran.err) == (code, said)


def test_what_is_not_run_yet_can_be_built(aml_v1, tmp_path):
    manifests = tmp_path / ".aml" / "manifests"
    manifests.mkdir(parents=True)
    text = json.dumps(manifest("demo", "local"))
    (manifests / "local.json").write_text(text, encoding="utf-8")
    ran = aml_v1("s.py", BUILDS)
    assert ran.out.split()[0] == ran.out.split()[-1] == "[]"
    assert ran.out.count("Exception\n") == 3
    assert "PipelineDraft.list of azureml.pipeline.core is not offered" in ran.err
    assert f"at s.py:{BUILDS.count(chr(10))}" in ran.err


def test_a_file_that_is_not_there_is_an_error(aml_v1, tmp_path, capsys):
    aml_v1("s.py", "")
    (tmp_path / "s.py").unlink()
    assert run(["v1", "run", "s.py"]) == 2
    assert "There is no file s.py" in capsys.readouterr().err


def test_the_module_runs_a_script_too(tmp_path):
    (tmp_path / "s.py").write_text("import sys, azureml.core as c\nprint(c.VERSION, sys.argv[1])")
    said = subprocess.run(
        [sys.executable, "-m", "aml_platform.v1", "s.py", "--x"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert said.stdout == "1.61.0 --x\n"
