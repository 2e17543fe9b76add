"""``ScriptRunConfig``: its parameters, what wins over what, and the run it makes."""

import sys

import pytest

from aml_platform import (
    DEFAULT_GPU_IMAGE,
    DataReferenceConfiguration,
    DockerConfiguration,
    Environment,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    TensorflowConfiguration,
)
from infra.contract.errors import DefinitionError, UsageError
from runtime.api import run_data
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.launching import Distribution, DockerOptions, RetryPolicy, RunCluster
from runtime.model.runs import MAX_DURATION_S


@pytest.fixture
def spec(source):
    def make(script="train.py", **options):
        return ScriptRunConfig(source, script, **options).spec("exp", {"a": "b"})

    return make


def test_a_script_runs_on_this_machine_by_default(spec, source):
    found = spec()
    assert (found.script, found.source_directory, found.target) == ("train.py", source, "local")
    assert (found.experiment, found.tags) == ("exp", {"a": "b"})
    assert (found.environment, found.max_duration_s) == (None, MAX_DURATION_S)


def test_elsewhere_the_default_environment_is_azureml_cores(spec):
    environment = spec(compute_target="cpu").environment
    assert "azureml-defaults" in environment.conda
    assert environment.name == "default-environment"


def test_the_environment_file_of_the_folder_is_used_before_the_default(spec, source):
    (source / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    assert spec(compute_target="cpu").environment.requirements == "numpy\n"


def test_an_image_leaves_the_packages_to_the_folder(spec, source):
    config = RunConfiguration()
    config.environment.docker.base_image = "python:3.11"
    assert spec(run_config=config).environment is None
    (source / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    found = spec(run_config=config).environment
    assert (found.requirements, found.image.name) == ("numpy\n", "python:3.11")


def test_arguments_may_be_text_numbers_and_data(spec, read, written):
    found = spec(arguments=["-a", 1, 0.5, True, read(), written])
    assert found.arguments == (
        "-a",
        "1",
        "0.5",
        "True",
        "$AZUREML_DATAREFERENCE_data",
        "$AZUREML_DATAREFERENCE_result",
    )
    assert found.inputs == (DataInput("data", DataLocation("datastore", "p")),)
    assert found.outputs == (DataOutput("result"),)


def test_two_data_of_one_name_are_told_apart_by_the_data_or_refused(spec, read):
    assert len(spec(arguments=[read(path="1"), read(path="2")]).inputs) == 2
    config = RunConfiguration()
    config.data_references["x"] = DataReferenceConfiguration("store", path_on_datastore="1")
    config.output_data["x"] = run_data.OutputData()
    with pytest.raises(UsageError, match="Two inputs or outputs of the run are called 'x'"):
        spec(run_config=config)


@pytest.mark.parametrize("argument", [None, object(), ["a"]])
def test_what_is_no_argument_is_refused(spec, argument):
    with pytest.raises(UsageError, match="cannot be an argument of a script"):
        spec(arguments=[argument])


def test_a_text_is_no_list_of_arguments(source):
    with pytest.raises(UsageError) as refused:
        ScriptRunConfig(source, "train.py", arguments="--alpha 0.5")
    assert refused.value.remedy == "Write arguments=['--alpha', '0.5']."


def test_the_parameters_are_in_azureml_cores_order(source):
    config = ScriptRunConfig(source, "train.py", ["a"], RunConfiguration())
    assert config.spec("e", {}).arguments == ("a",)


def test_a_run_configuration_wins_over_the_parameters(spec):
    config = RunConfiguration()
    found = spec(
        run_config=config,
        compute_target="ignored",
        environment=Environment.from_docker_image("ignored", "i"),
        distributed_job_config=MpiConfiguration(2, 2),
        docker_runtime_config=DockerConfiguration(use_docker=True),
        max_run_duration_seconds=60,
    )
    assert (found.target, found.environment, found.distribution) == ("local", None, None)
    assert (found.docker, found.max_duration_s) == (DockerOptions(), MAX_DURATION_S)


def test_script_and_arguments_win_over_the_run_configuration(spec):
    config = RunConfiguration("other.py", ["1"])
    assert spec(run_config=config).script == "train.py"
    assert spec(run_config=config).arguments == ("1",)
    assert spec(run_config=config, arguments=[]).arguments == ()


def test_the_run_configuration_may_name_the_script(spec):
    config = RunConfiguration("train.py", ["1"])
    assert (spec(None, run_config=config).script, config.script) == ("train.py", "train.py")


def test_a_script_must_be_named(spec):
    with pytest.raises(UsageError, match="no script to run"):
        spec(None)


def test_a_notebook_is_no_script(spec):
    with pytest.raises(UsageError, match="is a notebook"):
        spec("train.ipynb")


def test_a_command_is_a_line_or_a_list(spec, read):
    assert spec(None, command="python train.py --a 1").command == "python train.py --a 1"
    found = spec(None, command=["python", "train.py", "--data", read(), 1])
    assert found.command == "python train.py --data $AZUREML_DATAREFERENCE_data 1"
    assert (found.script, len(found.inputs)) == ("", 1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"script": "train.py"}, "Both script and command"),
        ({"arguments": ["a"]}, "arguments are those of a script"),
    ],
)
def test_a_command_excludes_script_and_arguments(spec, options, problem):
    with pytest.raises(UsageError, match=problem):
        spec(**{"script": None, "command": "true"} | options)


def test_a_command_wins_over_the_script_of_the_run_configuration(spec):
    config = RunConfiguration("other.py")
    assert spec(None, command="true", run_config=config).script == ""


def test_the_run_configuration_may_be_changed_afterwards(source):
    src = ScriptRunConfig(source, "train.py", run_config=RunConfiguration())
    src.run_config.node_count = 4
    src.run_config.target = "cpu"
    found = src.spec("e", {})
    assert (found.node_count, found.target) == (4, "cpu")


@pytest.mark.parametrize(
    ("job", "node_count", "distribution"),
    [
        (MpiConfiguration(2, 3), 3, Distribution("mpi", processes_per_node=2)),
        (
            PyTorchConfiguration(process_count=4, node_count=2),
            2,
            Distribution("pytorch", processes=4, backend="nccl"),
        ),
        (PyTorchConfiguration("Gloo"), 1, Distribution("pytorch", backend="gloo")),
        (
            TensorflowConfiguration(3, 2),
            3,
            Distribution("tensorflow", workers=3, parameter_servers=2),
        ),
    ],
)
def test_a_distributed_job_sets_processes_and_nodes(spec, job, node_count, distribution):
    found = spec(distributed_job_config=job)
    assert (found.node_count, found.distribution) == (node_count, distribution)


def test_a_distributed_job_sets_framework_and_communicator(source):
    made = ScriptRunConfig(source, distributed_job_config=MpiConfiguration()).run_config
    assert (made.framework, made.communicator) == ("Python", "IntelMpi")


@pytest.mark.parametrize(
    ("framework", "communicator", "distribution"),
    [
        ("python", "None", None),
        ("Python", "openmpi", Distribution("mpi")),
        ("PythonMpi", None, Distribution("mpi")),
        ("TensorFlow", "None", None),
        ("tensorflow", "parameterserver", Distribution("tensorflow", parameter_servers=1)),
    ],
)
def test_framework_and_communicator_are_read_in_any_casing(
    spec, framework, communicator, distribution
):
    config = RunConfiguration(framework=framework, communicator=communicator)
    assert spec(run_config=config).distribution == distribution


def test_an_unknown_framework_names_the_nearest(spec):
    with pytest.raises(UsageError) as unknown:
        spec(run_config=RunConfiguration(framework="PyThorch"))
    assert "Did you mean 'PyTorch'" in unknown.value.remedy


def test_a_pyspark_run_has_sparks_configuration(spec):
    config = RunConfiguration(framework="pyspark")
    config.spark.configuration["spark.executor.cores"] = 2
    found = spec(run_config=config)
    assert found.framework == "PySpark"
    assert found.spark == {
        "spark.app.name": "Azure ML Experiment",
        "spark.yarn.maxAppAttempts": "1",
        "spark.executor.cores": "2",
        "spark.submit.deployMode": "cluster",
    }


@pytest.mark.parametrize("place", ["environment", "run"])
def test_docker_is_set_on_the_run_or_its_environment(spec, place):
    config = RunConfiguration()
    config.target = "cpu"
    config.environment.docker.base_image = DEFAULT_GPU_IMAGE
    section = config.docker if place == "run" else config.environment.docker
    section.arguments, section.shm_size = ["--ipc=host"], "8g"
    if place == "run":
        section.use_docker = True
    else:
        section.enabled = True
    found = spec(run_config=config)
    assert found.docker == DockerOptions(use=True, arguments=("--ipc=host",), shm_size="8g")
    assert found.environment.image.name == DEFAULT_GPU_IMAGE


def test_variables_of_the_run_win_over_those_of_its_environment(spec):
    config = RunConfiguration()
    config.environment.environment_variables = {"A": "1", "B": 2}
    config.environment_variables = {"A": "run"}
    assert spec(run_config=config).variables == {"A": "run", "B": "2"}


def test_data_of_the_run_configuration_is_read_and_written(spec):
    config = RunConfiguration()
    config.data_references = {
        "images": DataReferenceConfiguration("store", "download", "a/b", "in", overwrite=True),
        "out": DataReferenceConfiguration("store", "upload", "c"),
    }
    dataset = run_data.Dataset(dataset_name="mnist", dataset_version=2)
    config.data["mnist"] = run_data.Data(
        run_data.DataLocation(dataset), mechanism="mount", environment_variable_name="MNIST"
    )
    found = spec(run_config=config)
    assert found.inputs == (
        DataInput(
            "images",
            DataLocation("datastore", "a/b", "store"),
            "download",
            path_on_compute="in",
            overwrite=True,
        ),
        DataInput("mnist", DataLocation("asset", "mnist:2"), variable="MNIST"),
    )
    assert found.outputs == (DataOutput("out", DataLocation("datastore", "c", "store"), "upload"),)


def test_a_reference_may_be_given_as_its_configuration(spec):
    config = RunConfiguration()
    given = {"dataStoreName": "store", "mode": "Mount", "pathOnDataStore": "a"}
    config.data_references["images"] = given | {"pathOnCompute": None, "overwrite": False}
    found = spec(run_config=config, arguments=["$AZUREML_DATAREFERENCE_images"])
    assert found.inputs == (DataInput("images", DataLocation("datastore", "a", "store")),)
    config.data_references["images"] = {"dataStore": "store"}
    with pytest.raises(DefinitionError, match=r"\['images'\]: There is no key 'dataStore'"):
        spec(run_config=config)


def test_an_unknown_mode_of_data_is_refused(spec):
    config = RunConfiguration()
    config.data_references["x"] = DataReferenceConfiguration("store", "rw-mount")
    with pytest.raises(UsageError, match="'rw-mount'"):
        spec(run_config=config)


def test_a_run_resumes_from_an_earlier_output(spec, read):
    found = spec(arguments=["-a"], resume_from=read(path="model"))
    assert found.arguments == (
        "-a",
        "--resume-from",
        "$AZUREML_DATAREFERENCE_MODEL_LOCATION",
    )
    assert found.inputs[0].location.path == "model"


def test_a_history_may_be_turned_off_and_a_priority_set(spec):
    config = RunConfiguration()
    config.history.output_collection, config.priority = False, 10
    found = spec(run_config=config)
    assert (found.collects, found.priority) == (False, 10)


def refused_settings():
    config = RunConfiguration()
    config.credential_passthrough = True
    config.history.directories_to_watch = ["tensorboard"]
    config.kubernetescompute.instance_type = "gpu"
    return config


def test_all_settings_that_no_run_honours_are_refused_at_once(spec):
    with pytest.raises(UsageError) as refused:
        spec(run_config=refused_settings())
    named = [line.partition(" ")[0] for line in refused.value.detail.splitlines()]
    assert named == [
        "credential_passthrough",
        "history.directories_to_watch",
        "kubernetescompute.instance_type",
    ]


def test_all_counts_below_one_are_refused_at_once(spec):
    config = RunConfiguration(communicator="Mpi")
    config.node_count, config.mpi.process_count_per_node = 0, -1
    with pytest.raises(UsageError, match=r"node_count is 0\.\nmpi.process_count_per_node is -1"):
        spec(run_config=config)


def test_a_cluster_for_one_run_is_made_as_configured(spec):
    config = RunConfiguration()
    config.target, config.amlcompute.vm_size = "amlcompute", "STANDARD_D3_V2"
    config.amlcompute.vm_priority, config.amlcompute.retain_cluster = "lowpriority", True
    config.amlcompute.name, config.amlcompute.cluster_max_node_count = "mine", 3
    made = spec(run_config=config)
    assert made.cluster == RunCluster(
        "STANDARD_D3_V2", "mine", low_priority=True, retain=True, max_nodes=3
    )


@pytest.mark.parametrize(
    ("target", "says"), [("amlcompute", "needs a VM size"), ("containerinstance", "no longer")]
)
def test_what_cannot_be_made_for_a_run_is_refused(spec, target, says):
    config = RunConfiguration()
    config.target = target
    with pytest.raises(UsageError, match=says):
        spec(run_config=config)


def test_a_misspelt_parameter_names_the_nearest(source):
    with pytest.raises(TypeError) as unknown:
        ScriptRunConfig(source, "train.py", enviroment=Environment("e"))
    assert "no parameter 'enviroment'" in unknown.value.detail
    assert "Did you mean 'environment'" in unknown.value.remedy


def test_an_attribute_of_the_run_configuration_is_not_set_on_the_script(source):
    config = ScriptRunConfig(source, "train.py")
    with pytest.raises(AttributeError) as unknown:
        config.environment = Environment("e")
    assert "src.run_config.environment" in unknown.value.remedy
    with pytest.raises(AttributeError, match="no attribute 'scirpt'"):
        config.scirpt = "x"


def test_an_interpreter_is_used_as_it_is(spec):
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = sys.executable
    assert spec(run_config=config).environment.interpreter == sys.executable


def test_retries_and_timeouts_are_attributes_of_our_own(source):
    config = ScriptRunConfig(source, "train.py")
    config.max_retries, config.retry_exit_codes, config.retry_events = 3, [75], ["idle"]
    config.idle_timeout_seconds = config.queue_timeout_seconds = 60
    config.gpus = 2
    found = config.spec("exp", {})
    assert found.retry == RetryPolicy(3, (75,), ("idle",))
    assert (found.idle_timeout_s, found.queue_timeout_s, found.gpus) == (60, 60, 2)


@pytest.mark.parametrize(
    ("retries", "events", "said"),
    [(0, ["idle"], "max_retries is 0"), (1, ["oom"], "No failure is called 'oom'")],
)
def test_retries_that_make_no_sense_are_refused(source, retries, events, said):
    config = ScriptRunConfig(source, "train.py")
    config.max_retries, config.retry_events = retries, events
    with pytest.raises(UsageError, match=said):
        config.spec("exp", {})
