"""Pipelines of azureml-core's CLI: every key that is read, and every problem with its line."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.pipeline_yaml import read_pipeline_yaml
from runtime.model.data import DataLocation
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
        return read_pipeline_yaml(file)

    return call


def test_a_pipeline_is_read(read):
    found = read(DOCUMENT)
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


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("script_name:", "script:", "no key `pipeline.steps.prepare.script`. Did you mean"),
        ("type: int", "type: integer", ":5: Parameter 'batch' is of type 'integer'."),
        ("source: clean", "source: clan", "Input 'clean' has the source 'clan'."),
        ("output:clean", "output:clan", "The argument 'output:clan' names no output."),
        ("type: PythonScriptStep", "type: AutoMLStep", "It exists in Python only"),
        ("type: PythonScriptStep", "type: AdlaStep", "Azure retired Data Lake Analytics"),
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
    with pytest.raises(DefinitionError) as wrong:
        read(DOCUMENT.replace(old, new, 1))
    assert said in f"{wrong.value.at}: {wrong.value.detail} {wrong.value.remedy}"
