"""Jobs that cannot be run yet are checked to the last key, then refused by name."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.job_kinds import KINDS, refuse_job
from runtime.definitions.job_pipeline import read_pipeline_job
from runtime.definitions.recognition import JOBS, Kind, recognize
from runtime.sweeps.job_file import swept_step

PIPELINE = """\
type: pipeline
settings: {default_compute: azureml:cpu, continue_on_step_failure: false}
inputs: {raw: {type: uri_folder, path: ./data, mode: ro_mount}, rate: 0.1}
outputs: {model: {mode: rw_mount}}
jobs:
  prep-job:
    type: command
    component: ./prep.yml
    inputs: {raw: "${{parent.inputs.raw}}"}
    outputs: {out: }
  train_job:
    command: python train.py ${{inputs.data}}
    code: ./train
    environment: azureml:e@latest
    compute: azureml:gpu
    inputs: {data: "${{parent.jobs.prep-job.outputs.out}}"}
    outputs: {model: "${{parent.outputs.model}}"}
    resources: {instance_count: 2}
  scoring:
    type: parallel
    input_data: ${{inputs.data}}
    mini_batch_size: "10"
    retry_settings: {max_retries: 3, timeout: 60}
    task: {type: run_function, code: ./score, entry_script: score.py}
"""
PARALLEL = "type: parallel\ntask: {type: run_function, code: src, entry_script: a.py}\n"
FINE = {
    "parallel": PARALLEL,
    "fine-tuning": "type: finetuning\ntask: chat_completion\n",
    "import": "type: import\nsource: {type: database}\n",
}
# What is replaced in a job by what, and what is then said.
WRONG = [
    (PARALLEL, "task:", "tas:", "no key `tas`. Did you mean `task`?"),
]


def _refusal(tmp_path, text):
    file = tmp_path / "job.yml"
    file.write_text(text)
    with pytest.raises(DefinitionError) as raised:
        refuse_job(file, recognize(file.name, text))
    return raised.value


@pytest.mark.parametrize("kind", FINE)
def test_a_job_without_problems_is_refused_for_its_kind_alone(tmp_path, kind):
    error = _refusal(tmp_path, FINE[kind])
    assert "cannot be run yet" in error.detail
    assert len(error.detail.splitlines()) == 1
    assert error.at.startswith(f"{tmp_path / 'job.yml'}:")


@pytest.mark.parametrize(("text", "old", "new", "expected"), WRONG)
def test_its_problems_are_told_with_the_refusal(tmp_path, text, old, new, expected):
    error = _refusal(tmp_path, text.replace(old, new))
    assert "cannot be run yet" in error.detail
    assert expected in f"{error.detail} {error.remedy}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("code: ./train", "codes: a", "no key `jobs.train_job.codes`. Did you mean `code`?"),
        ("type: command", "type: comand", "Step 'prep-job' has the type 'comand'. Did you"),
        ("    command: ", "    description: ", "neither `command` nor `component`"),
        ("jobs:", "job:", "It is a pipeline job, and has no `jobs`"),
        ("_failure: false", "_failure: maybe", "continue_on_step_failure` is 'maybe', not true or"),
        (
            "outputs: {model: {mode: rw_mount}}",
            "outputs: {other: '${{parent.jobs.train_job.outputs.modle}}', model: {}}",
            "Step 'train_job' has no output 'modle'. Did you mean 'model'",
        ),
    ],
)
def test_the_steps_of_a_pipeline_job_are_checked(tmp_path, old, new, expected):
    file = tmp_path / "job.yml"
    file.write_text(PIPELINE.replace(old, new))
    problems = read_pipeline_job(file, readers={}, sweeps=swept_step).problems
    assert expected in " ".join(f"{each.message} {each.remedy}" for each in problems)


def test_an_output_of_a_pipeline_may_name_the_step_that_writes_it(tmp_path):
    file = tmp_path / "job.yml"
    named = "outputs: {other: '${{parent.jobs.train_job.outputs.model}}', model: {}}"
    file.write_text(PIPELINE.replace("outputs: {model: {mode: rw_mount}}", named))
    found = read_pipeline_job(file, readers={}, sweeps=swept_step).pipeline.outputs
    assert found["other"] == found["model"]
    assert found["other"].step == "train_job"


def test_keys_of_a_pipeline_without_effect_are_noted(tmp_path):
    file = tmp_path / "job.yml"
    text = PIPELINE.replace("{model: {mode: rw_mount}}", "{model: {mode: rw_mount}, left: {}}")
    optional = "continue_run_on_failed_optional_input: true}"
    file.write_text(text.replace("_failure: false}", f"_failure: false, {optional}"))
    unused = read_pipeline_job(file, readers={}, sweeps=swept_step).unused
    assert {"settings.continue_run_on_failed_optional_input", "outputs.left"} <= {
        each.path for each in unused
    }


def test_every_kind_of_job_that_does_not_run_has_a_row():
    runs = {Kind.COMMAND_JOB, Kind.SPARK_JOB, Kind.SWEEP_JOB, Kind.PIPELINE_JOB, Kind.AUTOML_JOB}
    assert set(KINDS) == JOBS - runs
