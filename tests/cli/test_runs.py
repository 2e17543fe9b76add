"""`aml runs` and `aml run …`: what was submitted, on any day, whatever became of its target."""

import json

import pytest

from runtime.history.store import History
from runtime.model.states import RunState


@pytest.fixture
def desk_with_runs(desk):
    """Return a desk from which two runs of two experiments were submitted."""
    desk.submit("open('outputs/model.txt', 'w').write('m'); print('good')", "-e", "one")
    desk.submit("raise SystemExit(1)", "-e", "two")
    return desk


def ids(said):
    return [record["run_id"] for record in said.data]


def test_runs_are_listed_newest_first(desk_with_runs):
    head, first, second = desk_with_runs.aml("runs").out.splitlines()
    assert head.split() == ["RUN", "TARGET", "STATE", "CREATED", "DURATION", "METRICS"]
    assert (first.split()[0][:4], second.split()[0][:4]) == ("two_", "one_")


@pytest.mark.parametrize(
    ("options", "experiments"),
    [
        (["-e", "one"], ["one"]),
        (["--status", "Failed"], ["two"]),
        (["--status", "completed", "--status", "Failed"], ["two", "one"]),
        (["--target", "local"], ["two", "one"]),
        (["--target", "cpu"], []),
        (["--last", "1"], ["two"]),
        (["--last", "0"], ["two", "one"]),
    ],
)
def test_filters(desk_with_runs, options, experiments):
    said = desk_with_runs.aml("runs", "--json", *options)
    assert [record["experiment"] for record in said.data] == experiments


def test_no_runs_say_how_to_submit_one(desk):
    said = desk.aml("runs")
    assert (said.code, said.out) == (0, "")
    assert said.err == "There are no runs. Submit one with `aml submit SCRIPT`.\n"


def test_no_matching_run_is_not_no_run(desk_with_runs):
    said = desk_with_runs.aml("runs", "-e", "nope")
    assert said.err == "No runs match these options. `aml runs --last 0` lists all.\n"


def test_a_run_in_full(desk_with_runs):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    document = desk_with_runs.aml("run", "show", run_id, "--json").data
    assert (document["state"], document["exit_code"]) == ("Completed", 0)
    assert "ContentSnapshotId" in document["properties"]
    lines = desk_with_runs.aml("run", "show", run_id).out.splitlines()
    assert "state: Completed" in lines
    assert "script: train.py" in lines


def test_the_logs_of_a_run(desk_with_runs):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    assert desk_with_runs.aml("run", "logs", run_id).out.endswith("good\n")
    logs = desk_with_runs.aml("run", "logs", run_id, "--json").data
    assert logs["user_logs/std_log.txt"] == "good\n"


def test_following_a_run_that_has_ended_shows_it_all(desk_with_runs):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    said = desk_with_runs.aml("run", "logs", "-f", run_id)
    assert (said.code, said.out) == (0, "good\n")
    (failed,) = ids(desk_with_runs.aml("runs", "-e", "two", "--json"))
    assert desk_with_runs.aml("run", "logs", "-f", failed).code == 1


def test_outputs_are_brought_where_one_says(desk_with_runs, tmp_path):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    into = tmp_path / "there"
    said = desk_with_runs.aml("run", "download", run_id, "--output-directory", into)
    assert (into / "outputs/model.txt").read_text() == "m"
    assert str(into / "outputs/model.txt") in said.out.splitlines()
    again = desk_with_runs.aml("run", "download", run_id, "--json")
    assert [path for path in again.data if path.endswith("outputs/model.txt")]
    refused = desk_with_runs.aml("run", "download", run_id, "--output-directory", "src/train.py")
    assert refused.code == 2
    assert "src/train.py is a file." in refused.err


def test_what_is_not_over_is_not_downloaded(waiting):
    desk, run_id = waiting
    said = desk.aml("run", "download", run_id)
    assert said.code == 2
    assert f"Wait for it with `aml run logs -f {run_id}`." in said.err


def test_cancelling_a_run_that_has_ended_does_nothing(desk_with_runs):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    said = desk_with_runs.aml("run", "cancel", run_id, "--json")
    assert said.err == f"Run {run_id} has already ended: Completed.\n"
    assert said.data["state"] == "Completed"


@pytest.mark.parametrize("command", ["show", "logs", "cancel", "download"])
def test_an_unknown_run_names_the_nearest(desk_with_runs, command):
    (run_id,) = ids(desk_with_runs.aml("runs", "-e", "one", "--json"))
    said = desk_with_runs.aml("run", command, f"{run_id[:-1]}x")
    assert said.code == 2
    assert f"Did you mean '{run_id}'" in said.err


def test_runs_whose_target_is_gone_are_still_listed(desk, record):
    History(desk.root / "home/history.sqlite").add(record("exp_1_00000000", target="cpu"))
    said = desk.aml("runs", "--json")
    assert ids(said) == ["exp_1_00000000"]
    assert "note: Stack 'local' was never deployed from here" in said.err
    assert desk.aml("run", "show", "exp_1_00000000").code == 0
    assert desk.aml("run", "cancel", "exp_1_00000000").code == 2


def test_targets_without_a_deployment_are_this_machine(desk):
    said = desk.aml("targets", "--json")
    assert set(said.data) == {"local", "docker"}
    assert "never deployed" in said.err
    assert json.loads(said.out)["local"]["kind"] == "local"


NOT_NUMBERS = """
import json, os, urllib.request
def log(key, value):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
        json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], "key": key, "value": value}).encode(),
        {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
    )
    urllib.request.urlopen(request)
log("text", "NaN")
log("bare", float("nan"))
log("up", float("inf"))
log("down", "-Infinity")
log("fine", 0.5)
"""
SHOWN = {"text": "NaN", "bare": "NaN", "up": "Infinity", "down": "-Infinity", "fine": 0.5}


def strictly(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_metrics_that_are_no_numbers_are_valid_json_everywhere(desk):
    submitted = desk.submit(NOT_NUMBERS, "--json")
    assert submitted.code == 0, submitted.err
    run = strictly(submitted.out)
    assert run["metrics"] == SHOWN
    (listed,) = strictly(desk.aml("runs", "--json").out)
    assert listed["metrics"] == SHOWN
    assert strictly(desk.aml("run", "show", run["run_id"], "--json").out)["metrics"] == SHOWN
    events = (desk.root / "home/runs" / run["run_id"] / "agent-events.jsonl").read_text()
    assert [strictly(line) for line in events.splitlines()]


def test_metrics_that_are_no_numbers_are_shown_as_such(desk):
    said = desk.submit(NOT_NUMBERS)
    assert "[metric] up inf" in said.err
    assert "bare NaN, down -inf" in desk.aml("runs").out


@pytest.fixture
def three_runs(desk, record):
    """Return the desk and the ids of runs in its history, oldest first."""
    history = History(desk.root / "home/history.sqlite")
    found = ["exp_1_aaaaaaaa", "exp_2_bbbbbbbb", "exp_20_cccccccc"]
    for number, run_id in enumerate(found):
        history.add(record(run_id, target="local", state=RunState.COMPLETED, created=number))
    history.close()
    return desk, found


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("exp_1", 0),
        ("exp_2_", 1),
        ("exp_20_cccccccc", 2),
        ("last", 2),
        ("-1", 2),
        ("-3", 0),
    ],
)
@pytest.mark.parametrize("before", [[], ["--json"]])
def test_a_run_is_named_by_a_part_of_its_id_or_its_age(three_runs, said, meant, before):
    desk, found = three_runs
    assert f"{found[meant]}" in desk.aml("run", "show", *before, said).out
    assert f"{found[meant]}" in desk.aml("run", "show", said, *before).out


def test_a_part_of_several_ids_is_refused_with_all_of_them(three_runs):
    desk, found = three_runs
    said = desk.aml("run", "show", "exp_2")
    assert said.code == 2
    assert f"Several runs begin with 'exp_2': {found[2]}, {found[1]}." in said.err


@pytest.mark.parametrize("named", ["-4", "last", "-1", "--", ""])
def test_a_run_that_is_not_there_is_unknown(desk, three_runs, named):
    if named != "-4":
        (desk.root / "home/history.sqlite").unlink()
    assert desk.aml("run", "show", named).code == 2


def test_an_option_that_is_not_there_is_still_refused(desk):
    assert "No such option '--nonsense'." in desk.aml("run", "show", "--nonsense", "last").err


def test_the_argument_of_every_command_on_a_run_may_be_the_last(three_runs):
    desk, found = three_runs
    assert f"Run {found[2]} has already ended" in desk.aml("run", "cancel", "-1").err
    assert desk.aml("run", "logs", "-1").code == desk.aml("run", "logs", found[2]).code
    assert desk.aml("run", "download", "-1").code == desk.aml("run", "download", found[2]).code


def test_cancel_with_a_run_points_to_the_command_for_runs(desk):
    said = desk.aml("cancel", "exp_1_00000000")
    assert said.code == 2
    assert "To cancel a run, use `aml run cancel exp_1_00000000`" in said.err


def test_targets_say_which_of_them_take_runs(desk):
    entry = {"id": "/x", "kind": "kubernetes"}
    manifest = {
        "project": "p",
        "stack": "local",
        "cloud": "local",
        "workspace": {"id": "/w", "name": "w", "location": "westeurope"},
        "targets": {"cpu": {**entry, "kind": "aml_compute", "max_nodes": 2}, "k8s": entry},
    }
    file = desk.root / "manifest.json"
    file.write_text(json.dumps(manifest))
    lines = desk.aml("targets", "--manifest", file).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["local", "docker", "cpu", "k8s"]
    assert len(lines) == 5
    one = desk.aml("targets", "local", "--manifest", file).out
    assert "refused: it is one machine" in one
    assert "taken, without effect: it has no queue" in one
    assert "Did you mean 'cpu'?" in desk.aml("targets", "cup", "--manifest", file).err
    assert lines[3].endswith("yes")
    assert lines[4].endswith("no: kind kubernetes cannot run jobs yet")
    found = desk.aml("targets", "--manifest", file, "--json").data
    assert {name: entry["takes_runs"] for name, entry in found.items()} == {
        "local": True,
        "docker": True,
        "cpu": True,
        "k8s": False,
    }
    assert found["k8s"]["reason"] == "kind kubernetes cannot run jobs yet"
    assert "several nodes" in found["cpu"]["takes"]
    assert found["local"]["refuses"]["several nodes"] == "it is one machine"
    assert "docker arguments" in found["local"]["ignores"]
