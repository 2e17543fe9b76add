"""The rules of pipelines in azureml-core's words, each in a test named for it. Nothing is run."""

import json
import shlex
from types import SimpleNamespace

import pytest

from aml_platform import (
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataReference,
    DataTransferStep,
    Estimator,
    EstimatorStep,
    KustoStep,
    MpiStep,
    ParallelRunConfig,
    ParallelRunStep,
    Pipeline,
    PipelineData,
    PipelineParameter,
    PythonScriptStep,
    RScriptStep,
    ScheduleRecurrence,
    UserErrorException,
)
from infra.contract.errors import UsageError
from runtime.api.pipelines.graph import graph_of, parameter_values
from runtime.model.data import DataLocation
from runtime.model.pipelines import Source
from runtime.pipelines.graph import graph_problems
from runtime.pipelines.placing import outputs_of

NOTHING: dict = {}


def graph(*steps, values=None):
    """Return the steps of a pipeline as runs; ``AssertionError`` with what is wrong with them."""
    found, problems = graph_of(Pipeline(None, [*steps]), "exp", NOTHING, values)
    assert not problems, "\n".join(str(each) for each in problems)
    return found


def refusal(*steps):
    found, problems = graph_of(Pipeline(None, [*steps]), "exp", NOTHING)
    assert len(found.steps) < len(steps)
    (problem,) = problems
    return str(problem)


def parallel(**options):
    known = {"environment": None, "entry_script": "s.py", "error_threshold": -1, "node_count": 1}
    config = ParallelRunConfig(output_action="append_row", compute_target="cpu", **known | options)
    data = PipelineData("rows")
    made = PythonScriptStep("rows.py", outputs=[data], source_directory=".")
    return made, ParallelRunStep("score", config, inputs=[data], output=PipelineData("out"))


# --- steps


def test_a_script_step_is_called_like_its_script():
    assert PythonScriptStep("train.py").name == "train.py"
    assert PythonScriptStep("train.py", name="train").name == "train"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"arguments": "--a 'b c'"}, "Write arguments=['--a', 'b c']."),
        ({"inputs": PipelineData("d")}, "inputs is one PipelineData, not a list."),
        ({"outputs": PipelineData("d")}, "Write outputs=[PipelineData(name='d')]."),
    ],
)
def test_what_is_no_list_is_refused_where_a_step_takes_one(given, said):
    with pytest.raises(UsageError) as refused:
        PythonScriptStep("train.py", **given)
    assert said in str(refused.value)
    with pytest.raises(UsageError):
        AzureBatchStep("b", create_pool=True, compute_target="c", executable="e", arguments="-a b")


def test_steps_of_one_name_are_numbered():
    names = [each.name for each in graph(PythonScriptStep("a.py"), PythonScriptStep("a.py")).steps]
    assert names == ["a.py", "a.py_2"]


def test_every_step_but_a_query_of_kusto_is_reused():
    kusto = KustoStep("k", "cpu", "db", "queries", PipelineData("o"))
    assert [each.allow_reuse for each in (PythonScriptStep("a.py"), CommandStep("ls"), kusto)] == [
        *(True, True, False)
    ]


def test_a_command_may_be_in_the_run_configuration(tmp_path):
    (step,) = graph(CommandStep("echo a", source_directory=str(tmp_path))).steps
    assert step.run.command == "echo a"


def test_an_estimator_of_a_step_has_no_script_params(tmp_path):
    made = Estimator(
        str(tmp_path), compute_target="cpu", entry_script="a.py", script_params={"a": 1}
    )
    assert "has script_params" in refusal(
        EstimatorStep("e", made, estimator_entry_script_arguments=[])
    )


def test_a_step_of_an_estimator_needs_its_arguments(tmp_path):
    made = Estimator(str(tmp_path), compute_target="cpu", entry_script="a.py")
    assert "no estimator_entry_script_arguments" in refusal(EstimatorStep("e", made))
    given = EstimatorStep("e", made, estimator_entry_script_arguments=[])
    assert graph(given).steps[0].run.script == "a.py"


def test_mpi_has_nodes_and_processes_of_each(tmp_path):
    step = MpiStep("m", str(tmp_path), "a.py", None, "cpu", 2, 3)
    run = graph(step).steps[0].run
    assert (run.node_count, run.distribution.processes_per_node) == (2, 3)


def test_a_parallel_step_has_the_defaults_of_azureml_core():
    *_, task = shlex.split(graph(*parallel()).steps[1].run.command)
    document = json.loads(task)
    assert {key: document[key] for key in ("run_invocation_timeout_s", "run_max_try")} == {
        "run_invocation_timeout_s": 60,
        "run_max_try": 3,
    }
    assert (document["logging_level"], document["append_row_file_name"]) == (
        "INFO",
        "parallel_run_step.txt",
    )
    assert document["mini_batch_size"] == {}  # 10 files or 1 MB, which the driver decides


def test_partition_keys_are_refused_by_name():
    assert "has partition_keys" in refusal(*parallel(partition_keys=["a"]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "has nothing to run"),
        ({"notebook_path": "/a", "python_script_path": "dbfs:/a"}, "notebook_path and python_scr"),
        ({"notebook_path": "/a", "permit_cluster_restart": True}, "permit_cluster_restart"),
    ],
)
def test_a_step_of_databricks_runs_one_thing(given, said):
    assert said in refusal(DatabricksStep("d", compute_target="bricks", **given))


def test_data_that_a_script_of_databricks_is_not_given_follows_its_parameters(tmp_path):
    (tmp_path / "a.py").touch()
    store = SimpleNamespace(name="blobs")
    raw, named, made = DataReference(store, "raw", "a"), PipelineData("named"), PipelineData("made")
    step = DatabricksStep(
        "d", [raw], [named, made], python_script_name="a.py", python_script_params=["--n", named],
        source_directory=str(tmp_path), compute_target="bricks", num_workers=1,
    )  # fmt: skip
    places = [f"$AZUREML_DATAREFERENCE_{each}" for each in ("named/named", "raw", "made/made")]
    words = ["--n", places[0], "--raw", places[1], "--made", places[2]]
    assert graph(step).steps[0].run.arguments == tuple(words)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pool_id": "p"}, "has no executable"),
        ({"executable": "a.sh"}, "needs create_pool=True or a pool_id"),
    ],
)
def test_a_step_of_batch_has_an_executable_and_a_pool(given, said):
    assert said in refusal(AzureBatchStep("b", compute_target="batch", **given))


def test_a_transfer_has_a_source_and_a_destination():
    assert "needs a source and a destination" in refusal(DataTransferStep("t"))


@pytest.mark.parametrize(("kind", "path"), [("directory", "to/b.txt"), ("file", "to/b.txt")])
def test_what_a_transfer_copies_is_an_input_of_a_step(tmp_path, kind, path):
    store = SimpleNamespace(name="blobs")
    places = DataReference(store, "raw", "raw/a.txt"), DataReference(store, "copied", "to/b.txt")
    copy = DataTransferStep("copy", *places, source_reference_type=kind)
    (tmp_path / "a.py").touch()
    read = PythonScriptStep("a.py", arguments=[copy.get_output()], source_directory=str(tmp_path))
    found = graph(read)
    assert [each.name for each in found.steps] == ["a.py", "copy"]
    assert found.steps[0].reads == {"copied": Source("copy", "destination")}
    written = outputs_of(found.steps[1].run, "run")
    assert written == {"destination": DataLocation("datastore", path, "blobs")}


def test_transfers_of_files_may_fill_one_folder():
    store = SimpleNamespace(name="blobs")
    raw, a, b = (DataReference(store, name, f"to/{name}.txt") for name in ("raw", "a", "b"))
    file = {"source_reference_type": "file"}
    made = graph(*(DataTransferStep(f"to {to}", raw, to, **file) for to in (a, b)))
    assert graph_problems(made) == []
    (problem,) = graph_problems(graph(*(DataTransferStep(n, raw, a, **file) for n in "xy")))
    assert "both write to 'to/a.txt'" in problem.message


def test_a_problem_names_its_step_once():
    assert refusal(DataTransferStep("copy")).count("tep 'copy'") == 1
    assert refusal(KustoStep("k", "c", "db", "q", PipelineData("o"))).count("tep 'k'") == 1


def test_packages_of_r_are_refused_by_name(tmp_path):
    step = RScriptStep("a.R", source_directory=str(tmp_path), cran_packages=["x"])
    assert "has cran_packages" in refusal(step)


# --- data and parameters


@pytest.mark.parametrize("name", ["a b", "a-b", ""])
def test_data_of_a_pipeline_has_a_name_of_letters_digits_and_underscores(name):
    with pytest.raises(UserErrorException, match="Use letters, digits and underscores"):
        PipelineData(name)


def test_data_is_written_by_one_step(tmp_path):
    data = PipelineData("out")
    steps = [PythonScriptStep(f"{n}.py", outputs=[data], source_directory=".") for n in range(2)]
    with pytest.raises(UserErrorException, match="both write 'out'"):
        graph(*steps)


def test_a_parameter_is_an_argument_and_a_variable(tmp_path):
    (tmp_path / "a.py").touch()
    rate = PipelineParameter("rate", 0.1)
    step = PythonScriptStep(
        "a.py", arguments=["--rate", rate], params={"rate": rate}, source_directory=str(tmp_path)
    )
    found = graph(step)
    assert found.steps[0].run.arguments == ("--rate", "${{parameters.rate}}")
    assert found.steps[0].run.variables == {"AML_PARAMETER_rate": "${{parameters.rate}}"}
    assert [(each.type, each.default) for each in found.parameters] == [("float", 0.1)]


@pytest.mark.parametrize(
    ("value", "kind"), [("a", "string"), (1, "int"), (0.5, "float"), (True, "bool")]
)
def test_a_parameter_has_the_type_of_its_default(tmp_path, value, kind):
    (tmp_path / "a.py").touch()
    given = [PipelineParameter("p", value)]
    step = PythonScriptStep("a.py", arguments=given, source_directory=str(tmp_path))
    assert [each.type for each in graph(step).parameters] == [kind]


def test_two_parameters_of_one_name_are_refused(tmp_path):
    (tmp_path / "a.py").touch()
    given = [PipelineParameter("p", 1), PipelineParameter("p", 2)]
    step = PythonScriptStep("a.py", arguments=given, source_directory=str(tmp_path))
    assert "Two parameters are called 'p'" in refusal(step)


def test_a_parameter_sets_the_number_of_nodes(tmp_path):
    (tmp_path / "a.py").touch()
    nodes = PipelineParameter("nodes", 1)
    step = PythonScriptStep(
        "a.py",
        source_directory=str(tmp_path),
        compute_target="cpu",
        runconfig_pipeline_params={"NodeCount": nodes},
    )
    assert graph(step, values={"nodes": 3}).steps[0].run.node_count == 3


def test_a_step_waits_for_steps_only(tmp_path):
    with pytest.raises(UserErrorException, match="A str is not a step"):
        PythonScriptStep("a.py", source_directory=str(tmp_path)).run_after("b")


def test_values_of_parameters_are_a_dictionary():
    with pytest.raises(UserErrorException, match="pipeline_parameters is a list"):
        parameter_values(["rate"])


# --- schedules


@pytest.mark.parametrize(
    "options",
    [
        {"frequency": "Day", "time_of_day": "3:00", "hours": [3]},
        {"frequency": "Day", "time_of_day": "3:00", "minutes": [3]},
        {"frequency": "Day", "week_days": ["Monday"]},
        {"frequency": "Fortnight"},
        {"frequency": "Day", "interval": "1"},
        {"frequency": "Day", "interval": 1.5},
        {"frequency": "Day", "hours": 3},
        {"frequency": "Day", "hours": ["3"]},
        {"frequency": "Day", "minutes": "30"},
        {"frequency": "Day", "time_of_day": "noon"},
        {"frequency": "Week", "week_days": "Monday"},
    ],
)
def test_a_recurrence_has_a_time_of_day_or_hours_and_weekdays_in_weeks(options):
    with pytest.raises(UserErrorException):
        ScheduleRecurrence(**{"interval": 1, **options})
