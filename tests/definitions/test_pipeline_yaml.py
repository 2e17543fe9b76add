"""Pipelines of azureml-core's CLI: every key that is read, and every problem with its line."""

import pytest

from runtime.definitions.pipeline_yaml import read_pipeline_yaml
from runtime.environments.declarations import default_declaration
from runtime.model.data import DataLocation
from runtime.model.environments import EnvironmentSpec
from runtime.model.pipelines import Source

DOCUMENT = """\
pipeline:
  name: yaml
  description: from the reference
  parameters:
    batch: {type: int, default: 16}
    where: {type: datapath, default: {datastore: blob, path_on_datastore: in/a}}
  data_references:
    raw: {datastore: blob, path_on_datastore: raw/a.csv}
    table: {dataset_name: people}
    copied: {datastore: blob, path_on_datastore: copies}
  default_compute: cpu
  steps:
    copy:
      type: DataTransferStep
      name: copy
      source_data_reference: raw
      destination_data_reference: copied
    prepare:
      type: PythonScriptStep
      name: prepare
      compute: gpu
      script_name: prepare.py
      source_directory: src
      allow_reuse: false
      arguments: [--n, "parameter:batch", --in, "input:table", --out, "output:clean", true]
      parameters: {batch: {source: batch}, word: hello}
      inputs:
        table: {source: table, bind_mode: download}
        place: {source: where}
      outputs:
        clean: {destination: clean, datastore: blob, type: upload}
    score:
      type: ParallelRunStep
      name: score
      source_directory: src
      parallel_run_config: {entry_script: score.py, mini_batch_size: "5", node_count: 2}
      inputs: {clean: {source: clean}}
      outputs: {scores: {destination: out, datastore: blob}}
"""


@pytest.fixture
def read(tmp_path):
    (tmp_path / "src").mkdir()

    def call(text):
        file = tmp_path / "pipeline.yml"
        file.write_text(text)
        found, problems = read_pipeline_yaml(file)
        said = [f"{each.at}: {each.message} {each.remedy}" for each in problems]
        return found, said

    return call


def test_a_pipeline_is_read(read):
    found, problems = read(DOCUMENT)
    assert problems == []
    copy, prepare, score = found.steps
    assert (found.name, found.description) == ("yaml", "from the reference")
    assert [(each.name, each.type, each.default) for each in found.parameters] == [
        ("batch", "int", "16"),
        ("where", "datapath", DataLocation("datastore", "in/a", "blob")),
    ]
    assert copy.run.inputs[0].location == DataLocation("datastore", "raw/a.csv", "blob")
    assert copy.run.outputs[0].location == DataLocation("datastore", "copies", "blob")
    assert (prepare.run.target, score.run.target, prepare.reuse) == ("gpu", "cpu", False)
    assert prepare.run.arguments == (
        *("--n", "${{parameters.batch}}", "--in", "$AZUREML_DATAREFERENCE_table"),
        *("--out", "$AZUREML_DATAREFERENCE_clean", "True"),
    )
    assert prepare.run.variables == {
        "AML_PARAMETER_batch": "${{parameters.batch}}",
        "AML_PARAMETER_word": "hello",
    }
    assert prepare.run.inputs[0].location == DataLocation("asset", "people@latest")
    assert (prepare.run.inputs[0].mechanism, prepare.run.outputs[0].mechanism) == (
        "download",
        "upload",
    )
    assert prepare.parameters == {"place": "where"}
    assert score.reads == {"clean": Source("prepare", "clean")}
    assert (score.run.node_count, "aml_parallel_run" in score.run.command) == (2, True)


def test_a_step_that_declares_no_packages_has_the_sdks_default_environment(read):
    copy, prepare, score = read(DOCUMENT)[0].steps
    default = default_declaration("").conda
    assert [step.run.environment.conda for step in (prepare, score)] == [default, default]
    assert copy.run.environment != prepare.run.environment
    here = read(DOCUMENT.replace("compute: gpu", "compute: local"))[0].steps[1]
    assert here.run.environment is None


def test_arguments_of_a_parallel_step_are_words_of_a_shell(read):
    given = """arguments: [--in, "input:clean", --word, "a b; ls *", "", "parameter:batch"]
      parameters: {batch: {source: batch}}
      inputs: {clean"""
    score = read(DOCUMENT.replace("inputs: {clean", given))[0].steps[2]
    words = score.run.command.split("}' ")[1]
    data = "$AZUREML_DATAREFERENCE_clean"
    assert words == f"--in {data} --word 'a b; ls *' '' ${{{{parameters.batch}}}}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("script_name:", "script:", "no key `pipeline.steps.prepare.script`. Did you mean"),
        ("type: int", "type: integer", ":5: Parameter 'batch' is of type 'integer'."),
        ("source: clean", "source: clan", "Input 'clean' has the source 'clan'."),
        ("output:clean", "output:clan", "The argument 'output:clan' names no output."),
        ("type: PythonScriptStep", "type: AutoMLStep", "It exists in Python only"),
        ("type: PythonScriptStep", "type: AdlaStep", "Azure retired Data Lake Analytics"),
        ("type: PythonScriptStep", "type: KustoStep", "no target runs queries of Azure Data"),
        ("type: PythonScriptStep", "type: SynapseSparkStep", "It exists in Python only"),
        ("type: PythonScriptStep", "type: PythonStep", "Did you mean 'PythonScriptStep'?"),
        (
            "source_directory: src\n      allow",
            "source_directory: no\n      allow",
            "no folder 'no'",
        ),
        ("bind_mode: download", "bind_mode: direct", "bind_mode is 'direct'"),
        ("destination_data_reference: copied", "destination_data_reference: copy", "'copy'"),
        ("dataset_name: people", "datastore: a, dataset_name: b", "neither a datastore nor"),
    ],
)
def test_a_problem_has_its_line_and_what_to_do(read, old, new, said):
    _, problems = read(DOCUMENT.replace(old, new, 1))
    assert any(said in each for each in problems)


BRICKS = """\
pipeline:
  name: bricks
  steps:
    only:
      type: DatabricksStep
      compute: bricks
      num_workers: 1
      spark_version: 17.3.x-scala2.13
      python_script_name: s.py
      python_script_params: [--to, "output:made"]
      source_directory: src
      outputs: {made: {destination: made}, more: {destination: more}}
"""


def test_a_step_of_databricks_has_its_script_params_and_the_python_of_the_cluster(read):
    found, problems = read(BRICKS)
    assert problems == []
    (step,) = found.steps
    to, more = (f"$AZUREML_DATAREFERENCE_{name}" for name in ("made", "more"))
    assert step.run.arguments == ("--to", to, "--more", more)
    assert step.run.environment == EnvironmentSpec("user_managed")


REFERENCE = """\
pipeline:
  description: the samples of the reference
  parameters: {timeout: {type: int, default: 600}}
  data_references:
    adls: {datastore: lake, path_on_datastore: testdata}
    blobs: {datastore: blob, path_on_datastore: copied}
    images: {dataset_name: mnist}
  default_compute: cpu-cluster
  steps:
    Step1:
      parallel_run_config: yaml/parallel_run_config.yml
      type: ParallelRunStep
      name: parallel-run-step-1
      arguments: [--progress_update_timeout, parameter:t, --side_input, side_input:Side]
      parameters: {t: {source: timeout}}
      inputs: {InputData: {source: images}}
      side_inputs: {Side: {source: blobs, bind_mode: mount}}
      outputs: {Out: {destination: Output5, datastore: blob, bind_mode: upload}}
    Step2:
      type: DataTransferStep
      name: MyDataTransferStep
      adla_compute_name: adftest
      source_data_reference: {adls: {source: adls}}
      destination_data_reference: {there: {source: blobs}}
"""
SAVED = """\
parallel_run_config:
  entry_script: score.py
  source_directory: src
  mini_batch_size: '5'
  partition_keys:
  error_threshold: 2
  output_action: append_row
  compute_target_name: gpu
  node_count: 3
  process_count_per_node: 2
  run_max_try: 1
  environment:
    name: scoring
    python: {condaDependencies: {dependencies: [python=3.11, {pip: [numpy]}]}}
  environment_variables: {LEVEL: 2}
"""


@pytest.fixture
def saved(tmp_path):
    """Return a file with a parallel run configuration, as azureml-core saves it."""
    (tmp_path / "yaml").mkdir()
    file = tmp_path / "yaml/parallel_run_config.yml"
    file.write_text(SAVED)
    return file


def test_the_samples_of_the_reference_are_read(read, saved):
    found, problems = read(REFERENCE)
    assert problems == []
    score, copy = found.steps
    assert (score.run.target, score.run.node_count) == ("gpu", 3)
    assert (score.run.source_directory.name, score.run.variables["LEVEL"]) == ("src", "2")
    assert "numpy" in score.run.environment.conda
    assert [each.name for each in score.run.inputs] == ["InputData", "Side"]
    assert '"inputs": ["InputData"]' in score.run.command
    assert '"error_threshold": 2' in score.run.command
    assert score.run.outputs[0].mechanism == "upload"
    assert copy.run.inputs[0].location == DataLocation("datastore", "testdata", "lake")
    assert copy.run.outputs[0].location == DataLocation("datastore", "copied", "blob")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("entry_script:", "entry_scrip:", "Did you mean `entry_script`?"),
        ("node_count: 3", "node_count: many", "`parallel_run_config.node_count` is 'many'"),
        ("partition_keys:", "partition_keys: [a]", "mini-batches are made by size"),
    ],
)
def test_a_problem_of_a_parallel_run_configuration_is_named(read, saved, old, new, said):
    saved.write_text(SAVED.replace(old, new))
    _, problems = read(REFERENCE)
    assert any(said in each for each in problems), problems


@pytest.mark.usefixtures("saved")
def test_a_problem_of_a_file_that_a_step_names_has_its_place(read, tmp_path):
    (tmp_path / "c.runconfig").write_text("script: a.py\nframwork: Python\n")
    text = REFERENCE.replace("name: parallel-run-step-1", "runconfig: c.runconfig")
    assert any("c.runconfig:2: " in each for each in read(text)[1])
    text = REFERENCE.replace("parallel_run_config.yml", "none.yml")
    assert any("none.yml: There is no such file" in each for each in read(text)[1])


def test_a_map_where_text_is_due_is_one_problem(read):
    _, problems = read(DOCUMENT.replace("script_name: prepare.py", "script_name: {a: b}"))
    (problem,) = (each for each in problems if "prepare.script_name" in each)
    assert "`pipeline.steps.prepare.script_name` is a map, not text." in problem
