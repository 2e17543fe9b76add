"""Pipelines from the command line: checked, drawn, submitted, shown and resumed."""

import json
import re
import time

import pytest

from runtime.submit.notes import in_a_line

PREPARE = "type: command\ninputs: {raw: {type: uri_folder}}\noutputs: {out: {type: uri_folder}}\n"
JOB = """\
type: pipeline
experiment_name: pipes
settings: {default_compute: local}
inputs: {raw: {type: uri_folder, path: ./data}, rate: 0.1}
outputs: {model: {type: uri_file}}
jobs:
  prepare:
    component: ./prepare.yml
    inputs: {raw: "${{parent.inputs.raw}}"}
  train:
    command: (cat ${{inputs.data}}/x; echo ${{inputs.rate}}) > ${{outputs.model}}
    inputs: {data: "${{parent.jobs.prepare.outputs.out}}", rate: "${{parent.inputs.rate}}"}
    outputs: {model: "${{parent.outputs.model}}"}
  inner:
    type: pipeline
    inputs: {made: "${{parent.jobs.train.outputs.model}}"}
    jobs:
      show: {command: "cat ${{inputs.it}}", inputs: {it: "${{parent.inputs.made}}"}}
"""
OLD = """\
pipeline:
  name: old
  default_compute: local
  parameters:
    rate: {type: float, default: 0.1}
  steps:
    first:
      type: PythonScriptStep
      name: first
      script_name: write.py
      source_directory: src
      arguments: [parameter:rate, output:made]
      parameters: {rate: {source: rate}}
      outputs: {made: {destination: made, type: mount}}
    second:
      type: PythonScriptStep
      name: second
      script_name: read.py
      source_directory: src
      arguments: [input:made]
      inputs: {made: {source: made, bind_mode: mount}}
"""


@pytest.fixture
def job(desk):
    (desk.root / "data").mkdir()
    (desk.root / "data" / "raw").write_text("RAW\n")
    command = "command: cp ${{inputs.raw}}/raw ${{outputs.out}}/x\n"
    (desk.root / "prepare.yml").write_text(PREPARE + command)
    file = desk.root / "pipeline.yml"
    file.write_text(JOB)
    return file


def run_id_of(answer):
    return re.search(r"RunId: (\S+)", answer.err)[1]


def test_every_problem_of_a_pipeline_job_is_named_at_once_with_its_line(desk, job):
    wrong = JOB.replace("outputs.out}}", "outputs.oot}}")
    wrong = wrong.replace('{raw: "${{parent', '{rew: "${{parent')
    job.write_text(wrong.replace("jobs.train.outputs", "jobs.trian.outputs"))
    answer = desk.aml("pipeline", "validate", job)
    assert answer.code == 2
    for text in (
        "pipeline.yml:9: The component of step 'prepare' has no input 'rew'. Did you mean 'raw'?",
        "pipeline.yml:12: Step 'prepare' has no output 'oot'. Did you mean 'out'?",
        "pipeline.yml:16: The pipeline has no step 'trian'. Did you mean 'train'?",
    ):
        assert text in answer.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("uri_folder, path", "uri_folder, pat", "Input 'raw' has no path"),
        ("default_compute: local", "default_compute: azureml:cpu", "'local' was never deployed"),
        ("  prepare:\n", "  prepare:\n    type: automl\n", "and its component command"),
        ("jobs.train.outputs.model", "inputs.nothing", "no input 'nothing'"),
        ("{type: uri_file}", "{type: uri_folder}", ""),
    ],
)  # fmt: skip
def test_a_pipeline_job_is_checked_before_anything_runs(desk, job, old, new, said):
    job.write_text(JOB.replace(old, new))
    answer = desk.aml("pipeline", "validate", job)
    assert said in answer.err
    assert not (desk.root / "home" / "runs").exists()


@pytest.mark.parametrize(("given", "key"), [("inputs: [1]", "inputs"), ("outputs: o", "outputs")])
def test_inputs_and_outputs_of_a_step_are_maps(desk, given, key):
    desk.write(f"type: pipeline\njobs:\n  a: {{command: ls, compute: local, {given}}}\n", "p.yml")
    said = desk.aml("pipeline", "validate", "src/p.yml")
    assert f"p.yml:3\n\n`{key}` of step 'a' is no map." in said.err


def test_the_name_of_an_experiment_is_one_problem(desk):
    desk.write("type: pipeline\nexperiment_name: a b\njobs: {a: {command: ls, x: 1}}\n", "p.yml")
    said = desk.aml("pipeline", "validate", "src/p.yml")
    assert said.err.count("'a b' is not an experiment name") == 1


def test_what_cannot_be_read_and_what_cannot_run_are_named_together(desk, job):
    wrong = "settings: {default_compute: nowhere}"
    text = job.read_text().replace("settings: {default_compute: local}", wrong)
    job.write_text(text + "  sparks: {type: spark}\n")
    answer = desk.aml("pipeline", "validate", job, "-P", "raw={type: odd, path: x}")
    assert answer.code == 2
    for text in (
        "Step 'sparks' is a Spark job, which cannot be a step yet",
        "Step 'train': ",
        "was never deployed",
        "pipeline.yml (-P): ",
    ):
        assert text in answer.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rate=fast", "pipeline.yml (-P)\n\nInput 'rate' is 'fast', not of type number"),
        ("count=2.5", "pipeline.yml (-P)\n\nInput 'count' is '2.5', not of type integer"),
        ("ratio=1", "pipeline.yml (-P)\n\nThe pipeline has no input 'ratio'"),
        ("raw=./nowhere", "/nowhere' beside the job"),
    ],
)
def test_a_value_given_for_an_input_is_of_its_type(desk, job, given, said):
    counted = "{count: {type: integer, default: 3}, raw:"
    job.write_text(JOB.replace("{raw:", counted, 1))
    assert said in desk.aml("pipeline", "validate", job, "-P", given).err
    (desk.root / "other").mkdir()
    values = ("rate=2", "count=4", "raw=./other")
    given = [word for each in values for word in ("-P", each)]
    answer = desk.aml("pipeline", "validate", job, *given)
    assert (answer.code, "3 steps, no problems" in answer.err) == (0, True), answer.err


def test_inputs_that_no_step_reads_and_circles_are_among_the_problems(desk, job):
    job.write_text("""\
type: pipeline
settings: {default_compute: local}
inputs: {count: {type: integer, default: many}, needed: {type: string}}
jobs:
  a: {command: ls, inputs: {x: "${{parent.jobs.b.outputs.o}}"}, outputs: {o: }}
  b: {command: ls, inputs: {x: "${{parent.jobs.a.outputs.o}}"}, outputs: {o: }}
  c: {command: ls, code: ./nowhere}
""")
    answer = desk.aml("pipeline", "validate", job)
    for text in (
        "Input 'count' is 'many', not of type integer",
        "Input 'needed' has no value",
        "There is no folder './nowhere'",
        "These steps wait for each other: a → b → a",
    ):
        assert text in answer.err


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        ("if_else", "true_block: x", "is a condition"),
        ("do_while", "mapping: {}, limits: {max_iteration_count: 3}", "is a loop"),
        ("parallel_for", "items: '[]'", "is a loop"),
    ],
)
def test_a_step_that_orders_others_is_refused_by_its_type_alone(desk, job, kind, keys, said):
    body = "condition: x, body: '${{parent.jobs.train}}'"
    job.write_text(f"{job.read_text()}  again: {{type: {kind}, {body}, {keys}}}\n")
    answer = desk.aml("pipeline", "validate", job)
    assert answer.code == 2
    assert f"Step 'again' {said}, which cannot be a step yet." in answer.err
    assert "problems" not in answer.err


def test_a_file_that_does_not_exist_has_files_of_its_kind_beside_it(desk, job):
    for command in (["pipeline", "validate"], ["submit"]):
        answer = desk.aml(*command, "pipelin.yml")
        assert answer.code != 0
        assert "Did you mean 'pipeline.yml'?" in answer.err


def test_steps_that_wait_for_each_other_are_refused_before_anything_runs(desk, job):
    steps = """\
type: pipeline
settings: {default_compute: local}
jobs:
  a: {command: ls, inputs: {x: "${{parent.jobs.b.outputs.o}}"}, outputs: {o: }}
  b: {command: ls, inputs: {x: "${{parent.jobs.a.outputs.o}}"}, outputs: {o: }}
"""
    job.write_text(steps)
    answer = desk.aml("pipeline", "validate", job)
    assert "pipeline.yml:4\n\nThese steps wait for each other: a → b → a" in answer.err


def test_a_schedule_of_a_pipeline_says_when_it_runs(desk, job):
    answer = desk.aml("schedule", "create", "-n", "nightly", "-f", job)
    assert answer.code == 2
    assert "is a pipeline, and nothing says when it runs" in answer.err


def test_a_pipeline_is_drawn_before_it_runs(desk, job):
    answer = desk.aml("pipeline", "graph", job, "--svg", "p.svg")
    assert answer.code == 0
    texts = set(re.findall(r"<text[^>]*>([^<]*)</text>", (desk.root / "p.svg").read_text()))
    assert {"prepare", "train", "inner.show", "model", "out"} <= texts
    refused = desk.aml("pipeline", "graph", job, "--svg", "none/p.svg")
    assert (refused.code, "cannot be written" in refused.err) == (2, True)
    lines = desk.aml("pipeline", "graph", job).out.splitlines()
    assert lines[1] == "2  train  on local, after prepare (out)"
    shown = json.loads(desk.aml("pipeline", "graph", job, "--json").out)
    assert shown == {"prepare": [], "train": ["prepare"], "inner.show": ["train"]}


def test_a_pipeline_job_is_submitted_reused_and_shown(desk, job):
    answer = desk.aml("submit", "--set", "inputs.rate=0.5", job)
    assert answer.code == 0, answer.err
    run_id = run_id_of(answer)
    again = desk.aml("job", "create", "-f", job, "--set", "inputs.rate=0.5", "--stream")
    made = json.loads(again.out)
    assert (made["type"], made["status"]) == ("pipeline", "Completed")
    table = desk.aml("run", "show", "last").out  # its steps came later, and are part of it
    assert table.startswith(f"run_id: {made['name']}\n")
    assert re.search(rf"train +Reused +{made['name']}_train", table)
    log = desk.aml("run", "logs", f"{run_id}_inner-show").out
    assert log == "RAW\n0.5\n"
    drawn = desk.aml("pipeline", "graph", run_id).out
    assert drawn.splitlines()[0] == "1  prepare  on local, after nothing  Completed"


def test_a_step_whose_data_changed_while_it_ran_is_not_reused(desk, job):
    raw = desk.root / "data" / "raw"
    read = "cat ${{inputs.d}}/raw > ${{outputs.o}}/x; echo MORE >> ${{inputs.d}}/raw"
    data = "inputs: {d: {type: uri_folder, path: ./data}}, outputs: {o: {type: uri_folder}}"
    job.write_text(f"type: pipeline\njobs: {{a: {{command: '{read}', compute: local, {data}}}}}\n")
    for _ in range(2):
        raw.write_text("RAW\n")
        answer = desk.aml("submit", job)
        assert "Step a will run again: its data changed while it ran." in answer.err
        assert "reused" not in answer.err


def test_a_pipeline_of_azureml_core_is_submitted(desk):
    desk.write("import sys; open(sys.argv[2] + '/x', 'w').write(sys.argv[1])", "write.py")
    desk.write("import sys; print(open(sys.argv[1] + '/x').read())", "read.py")
    (desk.root / "old.yml").write_text(OLD)
    answer = desk.aml("submit", "-P", "rate=0.7", "old.yml")
    assert answer.code == 0, answer.err
    assert desk.aml("run", "logs", f"{run_id_of(answer)}_second").out == "0.7\n"
    made = desk.aml("run", "submit-pipeline", "-y", "old.yml", "-n", "exp", "-p", "rate=1.5")
    assert json.loads(made.out)["experiment"] == "exp"
    refused = desk.aml("submit", "-P", "rate=fast", "old.yml")
    assert "'rate' is 'fast', which is not of type float" in refused.err


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("input raw changed", "input raw changed"),
        ("It failed. Its last lines:\nTraceback:\n  1 / 0\nno model\n", "It failed. no model"),
        (f"It failed. Its last lines:\n{'no model ' * 20}", f"It failed.{' no model' * 20}"),
    ],
)
def test_why_a_step_ran_or_failed_is_a_line(why, line):
    assert in_a_line(why) == line


def test_a_step_that_runs_is_shown_with_its_run(desk):
    (desk.root / "long.yml").write_text(
        "type: pipeline\njobs: {wait: {command: sleep 600, compute: local}}\n"
    )
    run_id = desk.aml("submit", "--detach", "long.yml").out.strip()
    deadline = time.monotonic() + 60
    while "Running" not in (table := desk.aml("run", "show", run_id).out.splitlines()[-1]):
        assert time.monotonic() < deadline
    assert table.split()[:3] == ["wait", "Running", f"{run_id}_wait"]
    desk.aml("run", "cancel", run_id)


def test_resuming_runs_only_what_failed(desk, job):
    job.write_text(JOB.replace("(cat", f"(test -e {desk.root}/ok || (echo Gone.; exit 1)) && (cat"))
    failed = desk.aml("submit", job)
    assert failed.code == 1
    assert "Step train failed: The script ended with exit code 1. Gone." in failed.err
    shown = desk.aml("run", "show", run_id_of(failed)).out
    assert re.search(r"train +Failed .* The script ended with exit code 1. Gone.", shown)
    (desk.root / "ok").touch()
    answer = desk.aml("run", "resume", run_id_of(failed))
    assert answer.code == 0, answer.err
    table = desk.aml("run", "show", run_id_of(answer)).out
    assert re.search(r"prepare +Reused", table)
    assert re.search(r"train +Completed", table)
    assert "nothing to resume" in desk.aml("run", "resume", run_id_of(answer)).err


BROKEN_OLD = """\
pipeline:
  name: old
  default_compute: local
  parameters: {rate: {type: float, default: 0.1}}
  steps:
    first:
      type: PythonScriptStep
      compute: nowhere
      script_name: write.py
      source_directory: src
      arguments: [parameter:rote, output:mode]
      outputs: {made: {destination: made, type: mounted}}
    second:
      type: PythonScriptStep
      script_name: missing.py
      source_directory: src
      runconfig: none.runconfig
      parameters: {rate: {source: rote}}
      inputs: {made: {source: mode}}
    third: {type: PythonScriptStep, source_directory: absent, compute: elsewhere}
    fifth: {type: PythonScriptStep, source_directory: src, script_name: no.py, compute: away}
    fourth: {type: EstimatorStep, compute: elsewhere}
"""


def test_every_problem_of_a_pipeline_of_azureml_core_is_named_at_once(desk):
    (desk.root / "src").mkdir()
    (desk.root / "src" / "write.py").touch()
    file = desk.root / "pipeline.yml"
    file.write_text(BROKEN_OLD)
    answer = desk.aml("pipeline", "validate", file)
    assert answer.code == 2
    said = [line for line in answer.err.splitlines() if line.startswith("  /")]
    expected = (
        "11: Step 'first': The argument 'parameter:rote' names no parameter.",
        "11: Step 'first': The argument 'output:mode' names no output. Did you mean 'made'?",
        "12: Step 'first': type is 'mounted'. Write mount or upload.",
        "Step 'first': Stack 'local' was never deployed",
        "Step 'second': There is no run configuration 'none.runconfig'.",
        "18: Step 'second': Parameter 'rate' has the source 'rote'. Did you mean 'rate'?",
        "19: Step 'second': Input 'made' has the source 'mode'. Did you mean 'made'?",
        "missing.py",
        "Step 'fifth': There is no script 'no.py'",
        "Step 'fifth': Stack 'local' was never deployed",
        "20: Step 'third': It has no script_name.",
        "20: Step 'third': There is no folder 'absent'.",
        "Step 'third': Stack 'local' was never deployed",
        "22: Step 'fourth' is of type 'EstimatorStep'.",
        "Step 'fourth': Stack 'local' was never deployed",
    )
    for text in expected:
        assert any(text in line for line in said), (text, said)
    assert len(said) == len(expected), said


BROKEN_VALUES = """\
pipeline:
  name: broken
  parameters:
    rate: {type: float, default: high}
    where: {type: string}
  steps:
    first: {type: PythonScriptStep, source_directory: src, script_name: no.py, compute: away,
            parameters: {rate: {source: rate}}, arguments: ["parameter:rate"]}
    second: {type: PythonScriptStep, source_directory: src, script_name: write.py, compute: local}
"""


def test_a_parameter_with_a_wrong_value_hides_no_other_problem(desk):
    (desk.root / "src").mkdir()
    (desk.root / "src" / "write.py").touch()
    file = desk.root / "pipeline.yml"
    file.write_text(BROKEN_VALUES)
    answer = desk.aml("pipeline", "validate", file)
    assert answer.code == 2
    for text in (
        "pipeline.yml:4: Parameter 'rate' is 'high', which is not of type float.",
        "pipeline.yml:5: Parameter 'where' has no value.",
        "Step 'first': There is no script 'no.py'",
        "Step 'first': Stack 'local' was never deployed",
    ):
        assert text in answer.err
    assert "Step 'second'" not in answer.err


BROKEN_JOB = """\
type: pipeline
inputs: {rate: 1}
settings: {default_compute: local}
jobs:
  first:
    command: echo ${{inputs.ratio}} ${{inputs.rate}} ${{inputs.raw}}
    compute: nowhere
    environment: {conda_file: missing.yml}
    inputs: {ratio: "${{parent.inputs.ratio}}", rate: "${{parent.inputs.rate}}", raw: {path: no}}
  second:
    component: ./part.yml
    code: absent
    compute: elsewhere
"""


def test_a_step_of_a_pipeline_job_with_a_problem_is_checked_all_the_same(desk):
    (desk.root / "part.yml").write_text(PREPARE + "command: cp ${{inputs.raw}} ${{outputs.out}}\n")
    file = desk.root / "pipeline.yml"
    file.write_text(BROKEN_JOB)
    answer = desk.aml("pipeline", "validate", file)
    assert answer.code == 2
    said = [line for line in answer.err.splitlines() if line.startswith("  /")]
    expected = (
        "9: The pipeline has no input 'ratio'. Use one of: rate.",
        "9: There is no file or folder 'no' beside the job.",
        "missing.yml",
        "Step 'first': Stack 'local' was never deployed",
        "10: Step 'second' is given no 'raw', which its component needs.",
        "absent",
        "Step 'second': Stack 'local' was never deployed",
    )
    for text in expected:
        assert any(text in line for line in said), (text, said)
    assert len(said) == len(expected), said


def test_what_the_target_of_a_step_ignores_is_said(desk):
    steps = "".join(
        f"    {name}: {{type: {kind}, name: {name}, source_directory: src, {options}}}\n"
        for name, kind, options in (
            ("plain", "PythonScriptStep", "script_name: go.py"),
            ("spark", "DatabricksStep", "python_script_name: go.py, num_workers: 2"),
        )
    )
    (desk.root / "src").mkdir(exist_ok=True)
    (desk.root / "src" / "go.py").touch()
    (desk.root / "p.yml").write_text(
        f"pipeline:\n  name: p\n  default_compute: local\n  steps:\n{steps}"
    )
    for command in (["pipeline", "validate"], ["submit", "--dry-run"]):
        answer = desk.aml(*command, "p.yml")
        assert answer.code == 0, answer.err
        (note,) = [line for line in answer.err.splitlines() if line.startswith("Step ")]
        assert note.startswith("Step spark: Target 'local' ignores options of Databricks")
