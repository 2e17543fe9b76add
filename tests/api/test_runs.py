"""A submitted run, seen from outside: details, files, tags, properties, output."""

import pytest

from aml_platform import (
    ActivityFailedException,
    ComputeTargetException,
    Experiment,
    Run,
    RunDetails,
    ScriptRunConfig,
    UserErrorException,
)
from infra.contract.errors import StateError

TRACKS = """\
import os, json, sys, urllib.request
for step, value in enumerate([0.5, 0.25]):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": value,
            "timestamp": step, "step": step}
    urllib.request.urlopen(urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps(body).encode(),
        {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
         "Content-Type": "application/json"}), timeout=20).read()
print("hello", *sys.argv[1:])
"""


@pytest.fixture
def done(submitted):
    run = submitted(TRACKS, arguments=["--rate", 0.1], tags={"team": "ml"})
    run.wait_for_completion()
    return run


def test_details_have_the_definition_in_camel_case(done):
    details = done.get_details()
    assert details["runDefinition"]["script"] == "train.py"
    assert details["runDefinition"]["arguments"] == ["--rate", "0.1"]
    assert details["runDefinition"]["nodeCount"] == 1
    assert details["startTimeUtc"].endswith("Z")
    assert details["startTimeUtc"] < details["endTimeUtc"]
    assert "user_logs/std_log.txt" in details["logFiles"]


def test_output_is_streamed_under_headings(submitted, capsys):
    run = submitted("print('hello')")
    assert run.wait_for_completion(show_output=True)["status"] == "Completed"
    printed = capsys.readouterr().out
    heading = "\nStreaming user_logs/std_log.txt\n===============================\n\nhello\n"
    assert printed.startswith(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}\n")
    assert heading in printed
    assert f"\nExecution Summary\n=================\nRunId: {run.id}\n" in printed


def test_a_failed_run_raises_what_azureml_core_raises(submitted):
    with pytest.raises(ActivityFailedException) as failed:
        submitted("raise SystemExit(3)").wait_for_completion()
    assert "exit code 3" in failed.value.error_details


def test_metrics_are_a_list_when_logged_several_times(done):
    assert done.get_metrics() == {"loss": [0.5, 0.25]}
    assert done.get_metrics("other") == {}


def test_values_are_logged_from_outside(done):
    done.log("accuracy", 1)
    done.log("note", "good")
    assert done.get_metrics() == {"loss": [0.5, 0.25], "accuracy": 1, "note": "good"}


def test_tags_change_and_properties_do_not(done):
    done.tag("stage", "test")
    done.set_tags({"stage": "prod", "n": 1})
    done.tag("candidate")
    done.remove_tags(["team"])
    assert done.get_tags() == done.tags == {"stage": "prod", "n": "1", "candidate": None}
    done.add_properties({"source": "a"})
    done.add_properties({"source": "a", "more": "b"})
    with pytest.raises(UserErrorException, match="source is 'a'"):
        done.add_properties({"source": "b"})
    assert done.properties["more"] == "b"


def test_logs_come_with_the_details(done):
    assert done.get_details_with_logs()["logFiles"]["user_logs/std_log.txt"] == "hello --rate 0.1\n"


def test_files_are_uploaded_and_downloaded(done, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/roc.txt").write_text("r")
    done.upload_folder("outputs/plots", tmp_path / "plots")
    done.upload_file("outputs/model.txt", tmp_path / "plots/roc.txt")
    names = ["outputs/model.txt", "outputs/plots/roc.txt", "user_logs/std_log.txt"]
    assert done.get_file_names() == names
    done.download_files(prefix="outputs", output_directory=tmp_path / "got", append_prefix=False)
    assert (tmp_path / "got/plots/roc.txt").read_text() == "r"
    done.download_files(prefix="outputs/m", output_paths=[tmp_path / "one.txt"])
    assert (tmp_path / "one.txt").exists()


def test_code_is_restored(done, tmp_path):
    folder = done.restore_snapshot(path=tmp_path / "code")
    assert (tmp_path / "code" / folder / "train.py").read_text() == TRACKS
    assert folder.endswith(done.get_snapshot_id())


def test_a_run_is_found_again_by_its_id(done, workspace, experiment):
    assert Run.get(workspace, done.id) == workspace.get_run(done.id) == Run(experiment, done.id)
    with pytest.raises(UserErrorException, match="no run"):
        Run(experiment, "exp_1_00000000")


def test_a_run_is_shown(done, capsys):
    assert f"Id: {done.id}" in repr(done)
    assert f"<td>{done.id}</td>" in done._repr_html_()
    RunDetails(done).show()
    assert "loss: [0.5, 0.25]" in capsys.readouterr().out


def test_runs_are_listed_by_what_they_have(done, experiment):
    done.add_properties({"p": "1"})
    assert [run.id for run in experiment.get_runs(tags={"team": "ml"})] == [done.id]
    assert [run.id for run in experiment.get_runs(tags="team", properties={"p": "1"})] == [done.id]
    assert list(experiment.get_runs(properties={"p": "2"})) == []
    assert list(experiment.get_runs(type="azureml.sdkrun")) == []
    assert (done.number, done.type, done.name) == (1, "azureml.scriptrun", done.id)


def test_what_only_sweeps_have_is_refused_with_what_to_do(done):
    with pytest.raises(UserErrorException, match="is not offered") as refused:
        done.get_best_run_by_primary_metric()
    assert "experiment.get_runs()" in refused.value.remedy
    with pytest.raises(AttributeError, match="Did you mean 'get_metrics'"):
        done.get_metric()


def test_experiments_have_runs(done, workspace):
    assert list(workspace.experiments) == ["exp"]
    assert [each.name for each in Experiment.list(workspace)] == ["exp"]


@pytest.mark.parametrize(
    ("tags", "found"),
    [({"team": "ml"}, ["exp"]), ("team", ["exp"]), ({"team": "web"}, []), ("nobody", [])],
)
def test_experiments_are_found_by_their_tags(experiment, tags, found):
    experiment.start_logging().complete()
    experiment.set_tags({"team": "ml"})
    assert [each.name for each in Experiment.list(experiment.workspace, tags=tags)] == found


@pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 256])
def test_names_of_experiments_have_a_rule(workspace, name):
    with pytest.raises(UserErrorException):
        Experiment(workspace, name)


def test_an_unknown_compute_raises_what_scripts_catch(experiment, tmp_path):
    (tmp_path / "train.py").touch()
    (tmp_path / "requirements.txt").touch()
    with pytest.raises(ComputeTargetException) as unknown:
        experiment.submit(ScriptRunConfig(tmp_path, "train.py", compute_target="cpus"))
    assert "'cpu'" in unknown.value.message


def test_what_cannot_be_submitted_is_refused(experiment, tmp_path):
    with pytest.raises(UserErrorException, match="A dict cannot be submitted"):
        experiment.submit({})
    (tmp_path / "train.py").touch()
    config = ScriptRunConfig(tmp_path, "train.py")
    with pytest.raises(UserErrorException, match="takes no show_output"):
        experiment.submit(config, show_output=True)


def test_tags_of_an_experiment_outlive_the_object(workspace, experiment):
    experiment.set_tags({"team": "ml", "stage": 1})
    experiment.tag("draft")
    assert experiment.tags["draft"] is None
    experiment.remove_tags(["draft", "no-such"])
    assert Experiment(workspace, "exp").tags == {"team": "ml", "stage": "1"}
    assert Experiment(workspace, "other").tags == {}


def test_damaged_tags_of_an_experiment_are_named(workspace, experiment):
    experiment.tag("a")
    file = workspace.session.home / "experiments" / "exp.json"
    file.write_text("[]")
    with pytest.raises(StateError) as refused:
        _ = experiment.tags
    assert refused.value.at == str(file)


def test_an_archived_experiment_is_listed_again_with_its_next_run(experiment):
    workspace = experiment.workspace

    def listed(view):
        return [each.name for each in Experiment.list(workspace, view_type=view)]

    experiment.start_logging().complete()
    experiment.archive()
    assert (listed("ActiveOnly"), listed("ArchivedOnly")) == ([], [experiment.name])
    assert experiment.name not in workspace.experiments
    experiment.reactivate()
    assert (listed("ActiveOnly"), experiment.archived_time) == ([experiment.name], None)
    experiment.archive()
    experiment.start_logging().complete()
    assert (listed("All"), listed("ArchivedOnly")) == ([experiment.name], [])
    with pytest.raises(UserErrorException, match="cannot be renamed"):
        experiment.reactivate("other")
    with pytest.raises(UserErrorException, match="no view 'Some'"):
        listed("Some")
