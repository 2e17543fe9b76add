"""One pipeline on what the local cloud attaches: a machine, Batch, Databricks; and here."""

import shlex
import sys

import pytest

PIPELINE = """\
pipeline:
  name: everywhere
  steps:
    first:
      type: PythonScriptStep
      compute: box
      script_name: first.py
      source_directory: src
      arguments: [output:one]
      outputs: {one: {destination: one, datastore: workspaceblobstore}}
    second:
      type: AzureBatchStep
      compute: nodes
      executable: second.sh
      create_pool: true
      source_directory: src
      arguments: [input:one, output:two, input:empty]
      inputs: {one: {source: one}, empty: {source: empty}}
      outputs: {two: {destination: two, datastore: workspaceblobstore}}
    third:
      type: DatabricksStep
      compute: bricks
      num_workers: 1
      spark_version: 17.3.x-scala2.13
      python_script_name: third.py
      python_script_params: [input:two, output:three, input:empty]
      source_directory: bricks
      inputs: {two: {source: two}, empty: {source: empty}}
      outputs: {three: {destination: three, datastore: workspaceblobstore}}
    last:
      type: PythonScriptStep
      compute: local
      script_name: last.py
      source_directory: src
      arguments: [input:three, input:empty]
      inputs: {three: {source: three}, empty: {source: empty}}
    nothing:
      type: PythonScriptStep
      compute: box
      script_name: nothing.py
      source_directory: src
      outputs: {empty: {destination: empty, datastore: workspaceblobstore}}
"""
ENVIRONMENT = f"dependencies: [python={sys.version_info[0]}.{sys.version_info[1]}]\n"
SOURCE = {
    "src/conda_dependencies.yml": ENVIRONMENT,
    "src/first.py": "import sys, pathlib; pathlib.Path(sys.argv[1], 't').write_text('ssh')",
    "src/second.sh": '#!/bin/sh\n{ cat "$1/t"; printf " batch %s" $(ls "$3" | wc -l); } >"$2/t"\n',
    "bricks/third.py": (
        "import os, sys, pathlib\n"
        "text = pathlib.Path(sys.argv[1], 't').read_text()\n"
        "said = f'{text} databricks {os.listdir(sys.argv[3])}'\n"
        "pathlib.Path(sys.argv[2], 't').write_text(said)\n"
    ),
    "src/last.py": (
        "import os, sys, pathlib\n"
        "print(pathlib.Path(sys.argv[1], 't').read_text(), os.listdir(sys.argv[2]))\n"
    ),
    "src/nothing.py": "",
}


@pytest.fixture
def everywhere(project, monkeypatch, tmp_path):
    """A stack to which the bodies of the local cloud are attached, as they say themselves."""
    monkeypatch.setenv("HOME", str(tmp_path))
    project.good("up", "--yes")
    bodies = (("vm", "box"), ("batch", "nodes"), ("databricks", "bricks"))
    for kind, name in bodies:
        said = project.aml("cloud", kind, "create", name)
        assert said.code == 0, said.err
        (attach,) = (line for line in said.err.splitlines() if line.startswith("Attach it: "))
        project.good(*shlex.split(attach.removeprefix("Attach it: aml ")))
    project.good("up", "--yes")
    for name, text in SOURCE.items():
        (project.root / name).parent.mkdir(exist_ok=True)
        (project.root / name).write_text(text)
    (project.root / "src" / "second.sh").chmod(0o755)
    (project.root / "everywhere.yml").write_text(PIPELINE)
    yield project
    for kind, name in bodies:
        project.aml("cloud", kind, "delete", name, "--yes")


@pytest.mark.slow
def test_steps_on_a_machine_batch_databricks_and_here_pass_their_data_on(everywhere):
    checked = everywhere.aml("pipeline", "validate", "everywhere.yml")
    assert checked.code == 0, checked.err
    said = everywhere.aml("submit", "everywhere.yml")
    assert said.code == 0, said.err
    (parent,) = everywhere.good("runs", "--json").data
    log = everywhere.aml("run", "logs", f"{parent['run_id']}_last")
    assert log.out.splitlines()[-1] == "ssh batch 0 databricks [] []"
