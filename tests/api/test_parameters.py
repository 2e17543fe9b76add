"""A misspelt keyword of whatever class names the nearest parameter."""

import inspect

import pytest

import aml_platform
from aml_platform import (
    AmlCompute,
    BanditPolicy,
    ComputeTarget,
    Dataset,
    Experiment,
    Model,
    Pipeline,
    PythonScriptStep,
    RandomParameterSampling,
    Run,
)

CALLS = {
    "a constructor": (lambda: Experiment(None, nme="x"), "Experiment", "name"),
    "a constructor of a dataclass": (lambda: BanditPolicy(slack_facter=1), "BanditPolicy", "slack"),
    "a creator": (lambda: ComputeTarget(workspce=None, name="x"), "ComputeTarget", "workspace"),
    "a static method": (
        lambda: AmlCompute.provisioning_configuration(vm_sise="x"),
        "AmlCompute.provisioning_configuration",
        "vm_size",
    ),
    "a method": (
        lambda: Run.download_file(None, "x", output_file="y"),
        "Run",
        "output_file_path",
    ),
    "a class method": (lambda: Model.list(None, tag="x"), "Model.list", "tags"),
    "a factory": (
        lambda: Dataset.Tabular.from_delimited_files("x", seperator=";"),
        "TabularDatasetFactory.from_delimited_files",
        "separator",
    ),
    "a step": (
        lambda: PythonScriptStep("a.py", compute_targt="local"),
        "PythonScriptStep",
        "compute_target",
    ),
    "one that ignores others": (lambda: Pipeline(None, stepz=[]), "Pipeline", "steps"),
    "a sampling": (
        lambda: RandomParameterSampling(parameter_spaces={}),
        "RandomParameterSampling",
        "parameter_space",
    ),
}


@pytest.mark.parametrize(("call", "owner", "meant"), CALLS.values(), ids=CALLS)
def test_it_is_a_type_error_that_names_the_nearest(call, owner, meant):
    with pytest.raises(
        TypeError, match=rf"{owner}.* has no parameter [\s\S]*Did you mean '{meant}"
    ):
        call()


def test_what_is_missing_is_pythons_own_error():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Experiment(None)


def test_signatures_stay_what_they_were():
    for name in aml_platform.__all__:
        found = getattr(aml_platform, name)
        if isinstance(found, type):
            assert "named" not in str(inspect.signature(found.__init__))
    assert list(inspect.signature(Model.delete).parameters) == ["self"]


def test_what_only_azureml_core_has_is_ignored_where_it_is_ignored_there():
    assert Experiment(None, "exp", _id="1", create_in_cloud=True).name == "exp"
