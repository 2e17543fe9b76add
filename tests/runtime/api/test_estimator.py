"""Estimators: the rules of their parameters, one test each, and the runs they make."""

import pytest

from aml_platform import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    Chainer,
    ContainerRegistry,
    Environment,
    Estimator,
    Gloo,
    Mpi,
    MpiConfiguration,
    Nccl,
    ParameterServer,
    PyTorch,
    SKLearn,
    TensorFlow,
)
from infra.contract.errors import DefinitionError, UsageError
from runtime.model.launching import Distribution


class Compute:
    def __init__(self, kind="aml_compute"):
        self.name, self.type = "cpu", kind


@pytest.fixture
def estimator(source):
    def make(kind=Estimator, **parameters):
        given = {"compute_target": "cpu", "entry_script": "train.py"} | parameters
        return kind(source, **given)

    return make


@pytest.fixture
def spec(estimator):
    def make(*kind, **parameters):
        return estimator(*kind, **parameters).spec("exp", {"a": "b"})

    return make


def refused(make, **parameters):
    with pytest.raises(UsageError) as error:
        make(**parameters)
    return error.value.detail


def test_an_estimator_is_a_run_of_its_script(spec, source):
    found = spec(max_run_duration_seconds=60, environment_variables={"A": "1"})
    assert (found.script, found.source_directory, found.target) == ("train.py", source, "cpu")
    assert (found.experiment, found.tags) == ("exp", {"a": "b"})
    assert (found.max_duration_s, found.variables) == (60, {"A": "1"})
    assert "azureml-defaults" in found.environment.conda


# --- arguments


def test_script_params_become_names_and_values(spec):
    params = {"--a": 0.8, "--flag": "", "--none": None, "--zero": 0, "--no": False, "--l": [1, "x"]}
    assert spec(script_params=params).arguments == (
        *("--a", "0.8", "--flag", "--none", "--zero", "0", "--no", "False", "--l", "1", "x"),
    )


def test_data_among_script_params_is_an_input(spec, read):
    found = spec(script_params={"--data-folder": read("folder"), "--regularization": 0.8})
    assert found.arguments == (
        *("--data-folder", "$AZUREML_DATAREFERENCE_folder", "--regularization", "0.8"),
    )
    assert [each.name for each in found.inputs] == ["folder"]


def test_inputs_are_read_beside_the_script_params(spec, read):
    shared = read("both")
    found = spec(script_params={"--data": shared}, inputs=[shared, read("other")])
    assert [each.name for each in found.inputs] == ["both", "other"]
    with pytest.raises(UsageError, match="is not an input"):
        spec(inputs=["text"])


# --- compute


def test_a_compute_or_a_vm_size_is_needed(estimator):
    said = refused(estimator, compute_target=None)
    assert said == "Neither compute_target nor vm_size is given."


def test_a_vm_size_asks_for_a_cluster_for_this_run(estimator):
    config = estimator(compute_target=None, vm_size="STANDARD_D2_V2").run_config
    assert (config.target, config.amlcompute.vm_size) == ("amlcompute", "STANDARD_D2_V2")


def test_hdinsight_is_refused(estimator):
    assert "HDInsight takes no estimator" in refused(estimator, compute_target=Compute("hdinsight"))


def test_only_amlcompute_runs_on_several_nodes(estimator):
    several = {"node_count": 2, "distributed_training": Mpi()}
    vm = Compute("virtual_machine")
    assert "only AmlCompute" in refused(estimator, compute_target=vm, **several)
    assert estimator(compute_target=Compute(), **several).run_config.node_count == 2


def test_amlcompute_turns_docker_on(spec):
    assert spec(compute_target=Compute(), use_docker=False).docker.use is True
    assert spec(compute_target=Compute("virtual_machine"), use_docker=False).docker.use is None


def test_docker_is_used_by_default_but_on_this_machine(spec):
    assert spec().docker.use is True
    assert spec(compute_target="local").docker.use is None
    assert spec(compute_target="local", custom_docker_image="i").docker.use is True


# --- source and script


def test_a_source_directory_is_required():
    with pytest.raises(TypeError, match="source_directory"):
        Estimator(compute_target="cpu", entry_script="train.py")
    with pytest.raises(UsageError, match="source_directory is empty"):
        Estimator("", compute_target="cpu", entry_script="train.py")


def test_an_entry_script_is_required(estimator):
    assert "entry_script is missing" in refused(estimator, entry_script=None)


def test_everything_after_the_source_directory_is_keyword_only(source):
    with pytest.raises(TypeError):
        Estimator(source, "cpu")


def test_a_misspelt_parameter_names_the_nearest(estimator):
    with pytest.raises(TypeError) as unknown:
        estimator(entry_scirpt="train.py")
    assert "Did you mean 'entry_script'" in unknown.value.remedy


# --- processes


@pytest.mark.parametrize("count", ["node_count", "process_count_per_node"])
def test_counts_are_one_or_more(estimator, count):
    assert f"{count} is 0" in refused(estimator, **{count: 0})


@pytest.mark.parametrize("count", ["node_count", "process_count_per_node"])
def test_several_processes_need_a_backend(estimator, count):
    said = refused(estimator, **{count: 2})
    assert "'distributed_backend' or 'distributed_training' must be specified" in said


@pytest.mark.parametrize(
    ("given", "distribution"),
    [
        (
            {"distributed_backend": "MPI", "process_count_per_node": 2},
            Distribution("mpi", processes_per_node=2),
        ),
        ({"distributed_training": Mpi(2)}, Distribution("mpi", processes_per_node=2)),
        ({"distributed_training": MpiConfiguration(2)}, Distribution("mpi", processes_per_node=2)),
        ({"distributed_backend": "gloo"}, Distribution("pytorch", backend="gloo")),
        ({"distributed_training": Gloo()}, Distribution("pytorch", backend="gloo")),
        ({"distributed_training": Nccl()}, Distribution("pytorch", backend="nccl")),
        (
            {"distributed_training": ParameterServer(2, 1)},
            Distribution("tensorflow", workers=2, parameter_servers=1),
        ),
    ],
)
def test_a_backend_starts_the_processes(spec, given, distribution):
    found = spec(node_count=2, **given)
    assert (found.distribution, found.node_count) == (distribution, 2)


def test_backend_and_training_exclude_each_other(estimator):
    assert "both given" in refused(estimator, distributed_backend="mpi", distributed_training=Mpi())


def test_an_unknown_backend_is_refused(estimator):
    assert "'smoke' is not supported by Estimator" in refused(
        estimator, distributed_backend="smoke"
    )


# --- packages and images


def test_listed_packages_are_added_to_the_default_ones(estimator):
    made = estimator(conda_packages=["scikit-learn"], pip_packages=["cntk==2.5.1"])
    assert made.conda_dependencies.conda_packages[1:] == ["scikit-learn"]
    assert made.conda_dependencies.pip_packages == ["azureml-defaults", "cntk==2.5.1"]


@pytest.mark.parametrize("name", ["conda_dependencies_file", "conda_dependencies_file_path"])
def test_a_conda_file_of_the_source_directory_replaces_them(estimator, source, name):
    (source / "env.yml").write_text("dependencies: [python=3.9, numpy]\n", encoding="utf-8")
    made = estimator(**{name: "env.yml"})
    assert made.conda_dependencies.conda_packages == ["python=3.9", "numpy"]
    assert made.conda_dependencies.pip_packages == []


@pytest.mark.parametrize("name", ["pip_requirements_file", "pip_requirements_file_path"])
def test_a_requirements_file_of_the_source_directory_is_merged(estimator, source, name):
    (source / "req.txt").write_text("--pre\na==1\nb\n", encoding="utf-8")
    made = estimator(**{name: "req.txt"}, pip_packages=["a==2"])
    assert made.conda_dependencies.pip_packages == ["azureml-defaults", "a==2", "b"]
    assert made.conda_dependencies.pip_options == ["--pre"]


def test_a_file_that_is_not_there_is_named(estimator):
    with pytest.raises(DefinitionError) as missing:
        estimator(conda_dependencies_file="no.yml")
    assert missing.value.at.endswith("source/no.yml")


@pytest.mark.parametrize("other", ["conda_packages", "pip_packages", "pip_requirements_file"])
def test_a_conda_file_excludes_other_packages(estimator, other):
    said = refused(estimator, conda_dependencies_file="env.yml", **{other: ["x"]})
    assert said == f"conda_dependencies_file excludes {other}."


@pytest.mark.parametrize("packages", ["conda_packages", "pip_packages", "conda_dependencies_file"])
def test_a_managed_interpreter_excludes_packages(estimator, packages):
    said = refused(estimator, user_managed=True, **{packages: ["x"]})
    assert said == f"user_managed excludes {packages}."


def test_a_managed_interpreter_is_used_as_it_is(spec):
    assert spec(user_managed=True).environment.kind == "user_managed"


@pytest.mark.parametrize("name", ["custom_docker_image", "custom_docker_base_image"])
def test_an_image_of_ones_own_has_two_names(spec, name):
    assert spec(**{name: "microsoft/mmlspark:0.12"}).environment.image.name == (
        "microsoft/mmlspark:0.12"
    )


def test_an_image_without_docker_is_refused(estimator):
    said = refused(estimator, use_docker=False, custom_docker_image="i")
    assert said == "use_docker is False, and custom_docker_image is given."


def test_a_private_registry_goes_with_the_image(spec):
    registry = ContainerRegistry("x.azurecr.io", "u", "p")
    found = spec(custom_docker_image="i", image_registry_details=registry)
    assert found.environment.image.registry.address == "x.azurecr.io"


def test_a_gpu_picks_its_image(estimator):
    docker = estimator(use_gpu=True, shm_size="4g").run_config.environment.docker
    assert (docker.base_image, docker.gpu_support) == (DEFAULT_GPU_IMAGE, True)
    assert docker.shm_size == "4g"
    assert estimator().run_config.environment.docker.base_image == DEFAULT_CPU_IMAGE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conda_packages", ["x"]),
        ("pip_packages", ["x"]),
        ("conda_dependencies_file", "x"),
        ("pip_requirements_file", "x"),
        ("custom_docker_image", "x"),
        ("image_registry_details", ContainerRegistry("x")),
        ("use_gpu", True),
        ("user_managed", True),
        ("environment_variables", {"A": "1"}),
        ("shm_size", "4g"),
    ],
)
def test_an_environment_excludes_what_would_make_one(estimator, name, value):
    said = refused(estimator, environment_definition=Environment("e"), **{name: value})
    assert f"environment_definition excludes {name}." in said


def test_an_environment_is_used_as_it_is(estimator):
    environment = Environment("e")
    config = estimator(environment_definition=environment).run_config
    assert config.environment is environment


def test_all_problems_are_told_at_once(estimator):
    said = refused(estimator, node_count=0, entry_script=None, pip_packages="numpy")
    assert len(said.splitlines()) == 3


# --- submitting


def test_the_run_configuration_may_be_changed(estimator):
    made = estimator()
    made.run_config.node_count = 3
    assert made.spec("e", {}).node_count == 3


def test_three_parameters_may_be_overridden(estimator, read):
    made = estimator(script_params={"--a": 1, "--b": 2})
    other = made.overridden(
        script_params={"--b": 3}, inputs=[read("x")], source_directory_data_store=None
    )
    assert other.spec("e", {}).arguments == ("--a", "1", "--b", "3")
    assert [each.name for each in other.spec("e", {}).inputs] == ["x"]
    assert made.spec("e", {}).arguments == ("--a", "1", "--b", "2")


def test_no_other_parameter_may_be_overridden(estimator):
    with pytest.raises(UsageError) as wrong:
        estimator().overridden(node_count=2)
    assert "script_params" in wrong.value.remedy


def test_a_run_resumes_from_an_earlier_output(spec, read):
    found = spec(script_params={"--a": 1}, resume_from=read())
    assert found.arguments[2:] == ("--resume-from", "$AZUREML_DATAREFERENCE_MODEL_LOCATION")


# --- frameworks


@pytest.mark.parametrize(
    ("kind", "version", "packages"),
    [
        (PyTorch, "1.3", ["torch==1.3.1", "torchvision==0.4.2"]),
        (PyTorch, "1.6", ["torch==1.6.0"]),
        (TensorFlow, "2.2", ["tensorflow==2.2.0"]),
        (Chainer, "7.0.0", ["chainer==7.0.0", "mpi4py==3.0.0"]),
        (SKLearn, "0.20.3", ["scikit-learn==0.20.3"]),
    ],
)
def test_a_version_of_a_framework_is_its_packages(estimator, kind, version, packages):
    made = estimator(kind, framework_version=version)
    assert set(packages) <= set(made.conda_dependencies.pip_packages)
    assert made.conda_dependencies.get_python_version() == "3.6.2"


def test_the_default_version_is_said(estimator):
    for kind, version in ((PyTorch, "1.3"), (TensorFlow, "1.13"), (Chainer, "5.1.0")):
        with pytest.warns(UserWarning, match=version):
            assert estimator(kind).framework_version == version
    assert estimator(SKLearn).framework_version == "0.20.3"


def test_an_unknown_version_names_those_there_are(estimator):
    with pytest.raises(UsageError) as unknown:
        estimator(PyTorch, framework_version="1.66")
    assert unknown.value.remedy.startswith("The nearest is '1.6' (all: 1.0, 1.1, ")
    assert "1.5, 1.6). Of other versions, list the packages: " in unknown.value.remedy
    assert PyTorch.get_supported_versions()[-1] == "1.6"


def test_a_package_of_the_users_wins_over_the_frameworks(estimator):
    made = estimator(PyTorch, framework_version="1.3", pip_packages=["torch==1.2"])
    listed = made.conda_dependencies.pip_packages
    assert [each for each in listed if each.startswith("torch==")] == ["torch==1.2"]


def test_a_conda_file_replaces_the_frameworks_packages(estimator, source):
    (source / "env.yml").write_text("dependencies: [python=3.9]\n", encoding="utf-8")
    made = estimator(SKLearn, conda_dependencies_file="env.yml")
    assert made.conda_dependencies.pip_packages == []


def test_a_gpu_picks_its_packages(estimator):
    made = estimator(TensorFlow, framework_version="2.0", use_gpu=True)
    assert "tensorflow-gpu==2.0.0" in made.conda_dependencies.pip_packages
    made = estimator(Chainer, framework_version="7.0.0", use_gpu=True)
    assert "cupy-cuda90==7.0.0" in made.conda_dependencies.pip_packages


@pytest.mark.parametrize(
    ("given", "listed"), [({"distributed_training": Mpi()}, True), ({}, False)]
)
def test_horovod_comes_with_mpi(estimator, given, listed):
    made = estimator(PyTorch, framework_version="1.3", **given)
    assert ("horovod==0.18.1" in made.conda_dependencies.pip_packages) is listed


@pytest.mark.parametrize(
    ("kind", "backends"),
    [
        (PyTorch, {"mpi", "gloo", "nccl"}),
        (TensorFlow, {"mpi", "ps"}),
        (Chainer, {"mpi"}),
        (SKLearn, set()),
    ],
)
def test_a_framework_takes_its_own_backends(estimator, kind, backends):
    version = kind.get_supported_versions()[0]
    for backend in ("mpi", "ps", "gloo", "nccl"):
        given = {"framework_version": version, "distributed_backend": backend}
        if backend in backends:
            estimator(kind, **given)
        else:
            assert f"not supported by {kind.__name__}" in refused(
                lambda **p: estimator(kind, **p), **given
            )


def test_sklearn_is_one_process_on_one_node(estimator):
    assert "is not supported by SKLearn, which takes none" in refused(
        lambda **p: estimator(SKLearn, **p), node_count=2, distributed_backend="mpi"
    )


def test_workers_and_servers_of_tensorflow_are_counted(spec):
    found = spec(
        TensorFlow,
        framework_version="2.0",
        distributed_backend="ps",
        node_count=3,
        worker_count=2,
        parameter_server_count=1,
    )
    assert found.distribution == Distribution("tensorflow", workers=2, parameter_servers=1)
