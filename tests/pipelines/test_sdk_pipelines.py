"""Pipelines of the SDK, run on this machine: the rules by which steps are connected and reused."""

import json
import shutil
import socket
from pathlib import Path

import pytest

import aml_platform
from aml_platform import (
    CommandStep,
    Dataset,
    OutputFileDatasetConfig,
    ParallelRunConfig,
    ParallelRunStep,
    Pipeline,
    PipelineData,
    PipelineParameter,
    PipelineRun,
    PythonScriptStep,
    Run,
    RunConfiguration,
    StepRun,
    StepSequence,
)
from runtime.api.exceptions import ActivityFailedException, RunConfigurationException
from runtime.pipelines.submission import resume

PREPARE = """
import os, sys
raw, out = sys.argv[1], sys.argv[2]
os.makedirs(out)
text = open(raw).read()
open(os.path.join(out, "clean.txt"), "w").write(text.strip().upper())
"""
TRAIN = """
import os, sys
data, model, rate = sys.argv[1], sys.argv[2], sys.argv[3]
assert os.environ["AML_PARAMETER_layers"] == "3", os.environ
open(model, "w").write(open(os.path.join(data, "clean.txt")).read() + f" at {rate}")
"""
SLOW = "import time; time.sleep(1)"


def made(workspace, folder, raw, **options):
    """Prepare → train: the second reads a folder, and writes a file."""
    clean = PipelineData("clean")
    model = PipelineData("model", pipeline_output_name="best")
    rate = PipelineParameter("rate", 0.1)
    data = Dataset.File.from_files(str(raw), validate=False).as_named_input("raw").as_mount()
    PythonScriptStep(
        "prepare.py", arguments=[data, clean], outputs=[clean], source_directory=str(folder)
    )
    train = PythonScriptStep(
        "train.py",
        name="train",
        arguments=[clean, model, rate],
        inputs=[clean],
        outputs=[model],
        params={"layers": 3},
        source_directory=str(folder),
        **options,
    )
    return Pipeline(workspace, [train])


def reused(run):
    return {
        each.name for each in run.get_steps() if each.properties.get("azureml.isreused") == "true"
    }


@pytest.fixture
def project(workspace, source, tmp_path):
    folder = source(prepare=PREPARE, train=TRAIN)
    raw = tmp_path / "raw.txt"
    raw.write_text("a b")
    return workspace, folder, raw


def test_a_parent_has_its_steps_as_children_in_the_same_history(project, experiment, tmp_path):
    run = experiment.submit(made(*project), pipeline_parameters={"rate": 0.5})
    assert run.wait_for_completion(show_output=False) == "Finished"
    assert (run.get_status(), run.type) == ("Finished", "azureml.PipelineRun")
    assert {each.id for each in run.get_children()} == {each.id for each in run.get_steps()}
    (train,) = run.find_step_run("train")
    assert (train.get_status(), train.type, train.parent) == ("Finished", "azureml.StepRun", run)
    reference = run.get_pipeline_output("best")
    assert reference.download(tmp_path / "here") == 1
    assert (tmp_path / "here/azureml/model").read_text() == "A B at 0.5"
    assert train.get_output_data("model").path_on_datastore.startswith(str(tmp_path))
    assert run.get_graph() == {"prepare.py": [], "train": ["prepare.py"]}


def test_reuse_is_by_definition_source_environment_and_what_the_inputs_hold(project, experiment):
    _, folder, raw = project

    def again(**options):
        run = experiment.submit(made(*project), **options)
        run.wait_for_completion(show_output=False)
        return reused(run)

    assert again() == set()
    assert again() == {"prepare.py", "train"}
    assert again(pipeline_parameters={"rate": 0.2}) == {"prepare.py"}
    raw.write_text("c d")
    assert again() == set()
    raw.write_text("C D")  # what the first step makes of it is the same
    assert again() == {"train"}
    assert again(regenerate_outputs=True) == set()
    (folder / "other.txt").write_text("in the source folder")
    assert again() == set()


def clean_of(step):
    (file,) = Path(step.get_output_data("clean").path_on_datastore).rglob("clean.txt")
    return file


def test_a_step_whose_output_was_changed_or_deleted_runs_again(project, experiment):
    first = experiment.submit(made(*project))
    first.wait_for_completion(show_output=False)
    (prepare,) = first.find_step_run("prepare.py")
    changes = (Path.unlink, lambda file: shutil.rmtree(file.parent), lambda f: f.write_text("x"))
    for change in changes:
        change(clean_of(prepare))
        run = experiment.submit(made(*project))
        run.wait_for_completion(show_output=False)
        assert reused(run) == {"train"}  # it reads the same as before
        (prepare,) = run.find_step_run("prepare.py")
        assert clean_of(prepare).read_text() == "A B"
    log = run.get_details_with_logs()["logFiles"]["logs/azureml/executionlogs.txt"]
    assert "Step prepare.py runs: what it wrote was changed or deleted since." in log


FAILS_ONCE = """
import os, sys
print(*(os.listdir(each) for each in sys.argv[1:]))
flag = os.environ["FLAG"]
if not os.path.exists(flag):
    open(flag, "w").close()
    raise SystemExit("the first time")
"""
COPIES = """
import os, sys
names = [name for each in sys.argv[2:] for name in os.listdir(each)]
os.makedirs(sys.argv[1], exist_ok=True)
for name in [*names, f"made{len(names)}"]:
    open(os.path.join(sys.argv[1], name), "w").close()
"""


def test_a_resumed_pipeline_makes_outputs_again_that_were_deleted(
    workspace, experiment, source, tmp_path, monkeypatch
):
    monkeypatch.setenv("FLAG", str(tmp_path / "flag"))
    folder = str(source(copies=COPIES, fails=FAILS_ONCE))
    data = [PipelineData(name) for name in ("unread", "first", "second")]
    steps = [
        PythonScriptStep(
            "copies.py", name=each.name, arguments=[each, *read], inputs=read, outputs=[each],
            source_directory=folder,
        )
        for each, read in zip(data, ([], [], data[1:2]), strict=True)
    ]  # fmt: skip
    settings = RunConfiguration()
    settings.environment_variables = {"FLAG": str(tmp_path / "flag")}
    last = PythonScriptStep(
        "fails.py", arguments=data[2:], inputs=data[2:], source_directory=folder, runconfig=settings
    )
    run = experiment.submit(Pipeline(workspace, [*steps, last]))
    with pytest.raises(ActivityFailedException):
        run.wait_for_completion(show_output=False)
    for each in data:
        (step,) = run.find_step_run(each.name)
        shutil.rmtree(step.get_output_data(each.name).path_on_datastore)
    resumed = PipelineRun(experiment, resume(workspace.session, run.id, {}))
    assert resumed.wait_for_completion(show_output=False) == "Finished"
    assert reused(resumed) == {"unread"}  # no step that runs reads it
    (step,) = resumed.find_step_run("fails.py")
    log = step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]
    assert "made1" in log


def test_allow_reuse_false_runs_a_step_each_time(project, experiment):
    for _ in range(2):
        run = experiment.submit(made(*project, allow_reuse=False))
        run.wait_for_completion(show_output=False)
    assert reused(run) == {"prepare.py"}


def test_the_log_says_for_each_step_why_it_runs_or_what_is_reused(project, experiment):
    first = experiment.submit(made(*project))
    first.wait_for_completion(show_output=False)
    second = experiment.submit(made(*project), pipeline_parameters={"rate": 9.0})
    second.wait_for_completion(show_output=False)
    log = second.get_details_with_logs()["logFiles"]["logs/azureml/executionlogs.txt"]
    assert f"prepare.py is reused from run {first.id}_prepare-py: nothing that it is" in log
    assert "Step train runs: arguments changed." in log


def test_a_failed_step_fails_the_pipeline_and_what_depends_on_it_does_not_run(
    workspace, experiment, source
):
    folder = str(source(bad="raise SystemExit(3)", good="print('good')"))
    bad = PythonScriptStep("bad.py", source_directory=folder)
    after = PythonScriptStep("good.py", name="after", source_directory=folder)
    after.run_after(bad)
    other = PythonScriptStep("good.py", name="other", source_directory=folder)
    last = PythonScriptStep("good.py", name="last", source_directory=folder)
    last.run_after(other)
    steps = [bad, after, other, last]
    run = experiment.submit(Pipeline(workspace, steps), continue_on_step_failure=True)
    with pytest.raises(ActivityFailedException, match=r"Failed: bad\.py\. Not run: "):
        run.wait_for_completion(show_output=False)
    assert {each.name for each in run.get_steps()} == {"bad.py", "other", "last"}
    assert run.get_status() == "Failed"


def test_no_step_starts_after_one_that_could_not_be_started(
    workspace, experiment, source, tmp_path
):
    folder = str(source(remove="import os, sys; os.remove(sys.argv[1])", good="print('good')"))
    data = tmp_path / "data.txt"
    data.write_text("x")
    gone = Dataset.File.from_files(str(data), validate=False).as_named_input("gone").as_mount()
    remove = PythonScriptStep("remove.py", arguments=[str(data)], source_directory=folder)
    reads = PythonScriptStep("good.py", name="reads", inputs=[gone], source_directory=folder)
    other = PythonScriptStep("good.py", name="other", source_directory=folder)
    for step in (reads, other):
        step.run_after(remove)
    run = experiment.submit(Pipeline(workspace, [reads, other]))
    with pytest.raises(ActivityFailedException, match=r"Failed: reads\. Not run: other\."):
        run.wait_for_completion(show_output=False)
    assert {each.name for each in run.get_steps()} == {"remove.py"}


def test_waiting_returns_the_state_and_may_end_before_the_pipeline(workspace, experiment, source):
    folder = str(source(slow=SLOW))
    step = PythonScriptStep("slow.py", name="slow", source_directory=folder)
    run = experiment.submit(Pipeline(workspace, [step]))
    by_position = (False, 0.01)
    assert run.wait_for_completion(*by_position) in {"NotStarted", "Running"}
    assert run.wait_for_completion(show_output=False, timeout_seconds=600) == "Finished"
    (slow,) = run.find_step_run("slow")
    assert slow.wait_for_completion(show_output=False) == "Finished"
    assert slow.pipeline_run_id == run.id


def test_runs_of_pipelines_and_steps_are_found_as_what_they_are(workspace, experiment, source):
    step = PythonScriptStep("a.py", name="a", source_directory=str(source(a="print('a')")))
    run = experiment.submit(Pipeline(workspace, [step]))
    run.wait_for_completion(show_output=False)
    found = PipelineRun.get(workspace, run.id)
    (listed,) = experiment.get_runs()
    assert [type(each) for each in (found, listed)] == [PipelineRun, PipelineRun]
    (child,) = listed.get_children()
    assert (type(child), child.name, child.get_status()) == (StepRun, "a", "Finished")
    assert type(child.parent) is PipelineRun


def test_a_pipeline_whose_folder_is_gone_is_a_run(workspace, experiment, source, home):
    step = PythonScriptStep("a.py", name="a", source_directory=str(source(a="")))
    run = experiment.submit(Pipeline(workspace, [step]))
    run.wait_for_completion(show_output=False)
    shutil.rmtree(home / "runs" / run.id)
    (found,) = experiment.get_runs()
    (child,) = found.get_children()
    assert [type(each) for each in (found, child)] == [Run, Run]
    assert (found.get_status(), child.get_status()) == ("Completed", "Completed")


def test_independent_branches_run_at_once_and_a_sequence_does_not(workspace, experiment, source):
    folder = str(source(slow=SLOW))
    steps = [
        PythonScriptStep("slow.py", name=name, source_directory=folder, allow_reuse=False)
        for name in "ab"
    ]

    def overlap(pipeline):
        run = experiment.submit(pipeline)
        run.wait_for_completion(show_output=False)
        _, second = sorted(each.get_details()["startTimeUtc"] for each in run.get_steps())
        ends = sorted(each.get_details()["endTimeUtc"] for each in run.get_steps())
        return second < ends[0]

    assert overlap(Pipeline(workspace, steps))
    assert not overlap(Pipeline(workspace, StepSequence(steps)))


def test_an_output_dataset_is_the_input_of_a_later_step(workspace, experiment, source, tmp_path):
    folder = str(
        source(
            one="import sys, pathlib; pathlib.Path(sys.argv[1], 'x').write_text('1')",
            two="import sys, os, pathlib\n"
            "print(pathlib.Path(os.environ['made'], 'x').read_text() + '!')",
        )
    )
    out = OutputFileDatasetConfig("made")
    one = PythonScriptStep("one.py", arguments=[out], source_directory=folder)
    two = PythonScriptStep(
        "two.py", arguments=[out.as_input("made").as_mount()], source_directory=folder
    )
    run = experiment.submit(Pipeline(workspace, [two, one]))
    run.wait_for_completion(show_output=False)
    (step,) = run.find_step_run("two.py")
    assert "1!" in "".join(step.get_details_with_logs()["logFiles"].values())


def test_a_command_step_runs_a_line_of_the_shell(workspace, experiment, source):
    out = PipelineData("out")
    command = CommandStep(["echo", PipelineParameter("word", "it is"), ">", out], outputs=[out])
    run = experiment.submit(Pipeline(workspace, [command]))
    run.wait_for_completion(show_output=False)
    (step,) = run.get_steps()
    place = step.get_output_data("out").path_on_datastore
    assert Path(place, "out").read_text() == "it is\n"


SCORE = """
import sys
def init():
    global offset
    offset = int(sys.argv[sys.argv.index("--offset") + 1])
def run(mini_batch):
    assert len(mini_batch) <= 2
    rows = []
    for path in mini_batch:
        number = int(open(path).read())
        if number < 0:
            raise ValueError("negative")
        rows.append(f"{number + offset}")
    return rows
"""


def parallel(workspace, folder, data, **options):
    config = ParallelRunConfig(
        environment=None, entry_script="score.py", source_directory=str(folder),
        output_action="append_row", compute_target="local", node_count=2,
        process_count_per_node=1, mini_batch_size="2", run_max_try=2,
        **{"error_threshold": -1} | options,
    )  # fmt: skip
    files = Dataset.File.from_files(str(data), validate=False).as_named_input("data")
    out = PipelineData("scores", is_directory=True)
    step = ParallelRunStep(
        "score", config, inputs=[files.as_mount()], output=out, arguments=["--offset", 10],
        allow_reuse=False,
    )  # fmt: skip
    return Pipeline(workspace, [step])


def test_a_parallel_step_runs_mini_batches_and_appends_their_rows(
    workspace, experiment, source, tmp_path
):
    folder = source(score=SCORE)
    for number in range(5):
        (tmp_path / "numbers").mkdir(exist_ok=True)
        (tmp_path / "numbers" / f"{number}.txt").write_text(str(number if number != 3 else -1))
    run = experiment.submit(parallel(workspace, folder, tmp_path / "numbers"))
    run.wait_for_completion(show_output=False)
    (step,) = run.get_steps()
    place = step.get_output_data("scores").path_on_datastore
    rows = Path(place, "parallel_run_step.txt").read_text().split()
    assert rows == ["10", "11", "14"]  # the mini-batch with 3 was given up
    limited = parallel(workspace, folder, tmp_path / "numbers", error_threshold=1)
    run = experiment.submit(limited)
    with pytest.raises(ActivityFailedException):
        run.wait_for_completion(show_output=False)


def test_every_problem_is_named_before_anything_runs(workspace, experiment, source):
    folder = str(source(good="print(1)"))
    steps = [
        PythonScriptStep("good.py", compute_target="cpuu", source_directory=folder),
        PythonScriptStep("missing.py", source_directory=folder, name="second"),
    ]
    with pytest.raises(RunConfigurationException) as wrong:
        experiment.submit(Pipeline(workspace, steps))
    assert "no target 'cpuu'" in wrong.value.message
    assert "no script 'missing.py'" in wrong.value.message
    assert list(experiment.get_runs()) == []


def test_a_machine_that_does_not_answer_is_named_before_anything_runs(
    workspace, home, experiment, source
):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    file = home / "manifests/local.json"
    manifest = json.loads(file.read_text())
    at = {
        "id": "",
        "address": "127.0.0.1",
        "port": port,
        "user": "ops",
        "host_key": "ssh-ed25519 A",
    }
    manifest["targets"]["box"] = {"kind": "virtual_machine", **at}
    file.write_text(json.dumps(manifest))
    local = RunConfiguration()
    local.environment.python.user_managed_dependencies = True
    step = PythonScriptStep(
        "a.py", compute_target="box", runconfig=local, source_directory=str(source(a=""))
    )
    with pytest.raises(RunConfigurationException, match="Machine 'box' does not answer"):
        experiment.submit(Pipeline(workspace, [step]))
    assert list(experiment.get_runs()) == []


def test_data_that_no_step_writes_is_refused(workspace, experiment, source):
    lost = PipelineData("lost")
    step = PythonScriptStep("a.py", inputs=[lost], source_directory=str(source(a="")))
    with pytest.raises(
        RunConfigurationException, match="'lost', which no step of the pipeline writes"
    ):
        experiment.submit(Pipeline(workspace, [step]))


@pytest.mark.parametrize(
    ("kind", "arguments", "reason"),
    [
        ("AdlaStep", {"script_name": "a.usql"}, "retired Data Lake Analytics"),
        (
            "KustoStep",
            {"name": "k", "compute_target": "c", "database_name": "d", "query_directory": "q",
             "output": PipelineData("o")},
            "no target runs queries of Azure Data Explorer",
        ),
    ],
)  # fmt: skip
def test_adla_and_kusto_steps_are_refused_with_the_reason(
    workspace, experiment, kind, arguments, reason
):
    step = getattr(aml_platform, kind)(**arguments)
    with pytest.raises(RunConfigurationException, match=reason):
        experiment.submit(Pipeline(workspace, [step]))


READS_NOTHING = "import os, sys; print(*(os.listdir(each) for each in sys.argv[1:]))"


def test_what_a_step_leaves_empty_is_an_empty_folder_to_those_after_it(
    workspace, experiment, source
):
    folder = str(source(nothing="", read=READS_NOTHING))
    plain, kept = PipelineData("plain"), PipelineData("kept", is_directory=True)
    files = OutputFileDatasetConfig("files")

    def run():
        first = PythonScriptStep(
            "nothing.py", arguments=[files], outputs=[plain, kept], source_directory=folder
        )
        second = PythonScriptStep(
            "read.py",
            arguments=[plain, kept, files.as_input()],
            inputs=[plain, kept],
            source_directory=folder,
        )
        run = experiment.submit(Pipeline(workspace, [first, second]))
        run.wait_for_completion(show_output=False)
        (step,) = run.find_step_run("read.py")
        return reused(run), step.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"]

    assert run() == (set(), "[] [] []\n")
    assert run() == ({"nothing.py", "read.py"}, "[] [] []\n")


YAML = """
pipeline:
  name: from a file
  description: says a word
  default_compute: local
  parameters:
    word: {type: string, default: hello}
  steps:
    say:
      type: PythonScriptStep
      name: say
      script_name: say.py
      source_directory: .
      arguments: [parameter:word]
      parameters: {word: {source: word}}
"""


def test_a_pipeline_is_loaded_from_yaml(workspace, experiment, source):
    file = source(say="import sys; print(sys.argv[1])") / "pipeline.yml"
    file.write_text(YAML)
    pipeline = Pipeline.load_yaml(workspace, filename=str(file))
    assert pipeline.description == "says a word"
    run = experiment.submit(pipeline, pipeline_parameters={"word": "again"}, tags={"a": "b"})
    run.wait_for_completion(show_output=False)
    (step,) = run.find_step_run("say")
    assert step.get_stdout_log() == "again\n"
    assert (run.experiment.name, run.get_tags()["a"]) == ("exp", "b")
    published = pipeline.publish("words")
    assert published.submit(workspace, "other").wait_for_completion(show_output=False) == "Finished"


def test_a_yaml_file_is_refused_with_everything_that_is_wrong(workspace, source):
    file = source(say="") / "pipeline.yml"
    file.write_text(YAML.replace("script_name", "script").replace("source: word", "source: wrod"))
    with pytest.raises(RunConfigurationException) as wrong:
        Pipeline.load_yaml(workspace, file)
    assert "no key `pipeline.steps.say.script`" in wrong.value.message
    assert "'wrod'" in wrong.value.message
