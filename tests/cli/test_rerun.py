"""`aml run rerun`: the same snapshot, arguments and versions, a second time."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from runtime.model.environments import LOCK_PROPERTY
from tests.runtime.index import add_wheel, requirements

SHOWS = """\
import os, sys
import planted
text = " ".join([planted.__version__, *sys.argv[1:], os.environ.get("COLOUR", "none")])
open("outputs/seen.txt", "w").write(text)
"""


@pytest.fixture
def index(desk):
    """Return an index with one version of a package, which the source folder requires."""
    folder = desk.root / "index"
    add_wheel(folder, "planted", "1.0")
    desk.write(requirements(folder, "planted"), "requirements.txt")
    return folder


def seen(desk, said):
    """Return what the script of a run wrote."""
    return (desk.root / "home/outputs" / said.data["run_id"] / "outputs/seen.txt").read_text()


def first(desk, *options):
    desk.write(SHOWS)
    where = ("submit", "--source-directory", "src", *options)
    return desk.aml(*where, "-e", "exp", "--tag", "a=b", "--json", "train.py", "--rate", "0.1")


def forget_built(desk):
    """Make it another machine, which has built nothing yet."""
    for record in (desk.root / "home/environments").glob("*/aml-environment.json"):
        record.unlink()


def test_what_ran_is_installed_after_the_index_moved_on(desk, index):
    before = first(desk)
    add_wheel(index, "planted", "2.0")
    forget_built(desk)
    again = desk.aml("run", "rerun", "last", "--json")
    assert again.code == 0, again.err
    assert seen(desk, again) == seen(desk, before) == "1.0 --rate 0.1 none"


def test_the_source_folder_may_have_changed_or_be_gone(desk, index):
    before = first(desk)
    desk.write("raise SystemExit(3)")
    again = desk.aml("run", "rerun", "last", "--json")
    assert seen(desk, again) == seen(desk, before)


def test_a_rerun_is_a_run_of_the_same_experiment_with_the_same_tags_and_lock(desk, index):
    before = first(desk).data
    again = desk.aml("run", "rerun", "last", "--json").data
    same = ("experiment", "target", "script", "arguments", "tags")
    assert {key: again[key] for key in same} == {key: before[key] for key in same}
    assert again["run_id"] != before["run_id"]
    assert again["properties"]["aml.rerun_of"] == before["run_id"]
    for name in (LOCK_PROPERTY, "ContentSnapshotId", "aml.environment"):
        assert again["properties"][name] == before["properties"][name]


def test_fresh_versions_on_request(desk, index):
    first(desk)
    add_wheel(index, "planted", "2.0")
    again = desk.aml("run", "rerun", "last", "--fresh", "--json")
    assert seen(desk, again).startswith("2.0 ")
    assert desk.aml("run", "rerun", "-2", "--json").data["state"] == "Completed"


WITH_VARIABLE = """\
script: train.py
environmentVariables: {COLOUR: planted-secret}
environment: {python: {userManagedDependencies: true, interpreterPath: python}}
"""
PLAIN = "import os; open('outputs/seen.txt', 'w').write(os.environ['COLOUR'])"


@pytest.fixture
def coloured(desk, monkeypatch):
    monkeypatch.delenv("COLOUR", raising=False)
    desk.write(WITH_VARIABLE, ".azureml/run.runconfig")
    desk.write(PLAIN)
    return desk.aml("submit", "--source-directory", "src", "-c", "run", "--json")


def test_a_value_of_a_variable_is_not_kept_and_asked_for(desk, coloured):
    files = [f for f in (desk.root / "home/specs").iterdir() if "planted" in f.read_text()]
    assert files == []
    refused = desk.aml("run", "rerun", "last")
    assert refused.code == 2
    assert "whose values are not kept: COLOUR." in refused.err
    assert "--variable NAME=VALUE" in refused.err


def test_a_value_of_a_variable_may_be_given_or_come_from_the_shell(desk, coloured, monkeypatch):
    given = desk.aml("run", "rerun", "last", "--variable", "COLOUR=green", "--json")
    assert seen(desk, given) == "green"
    monkeypatch.setenv("COLOUR", "blue")
    assert seen(desk, desk.aml("run", "rerun", "last", "--json")) == "blue"


def test_an_interpreter_used_as_it_is_has_no_versions_to_install(desk, coloured):
    said = desk.aml("run", "rerun", "last", "--variable", "COLOUR=green")
    assert "The interpreter is used as it is: its packages may have changed since." in said.err


def test_a_run_of_an_earlier_release_says_what_to_do(desk, index):
    first(desk)
    for file in (desk.root / "home/specs").iterdir():
        file.unlink()
    refused = desk.aml("run", "rerun", "last")
    assert "what it was given is not kept here" in refused.err
    assert "aml submit" in refused.err


@pytest.fixture
def served(index):
    """Serve the index over http, and return its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=index)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_credentials_come_from_the_file_again(desk, served):
    wheel = f"http://me:planted-secret@{served}/planted-1.0-py3-none-any.whl"
    desk.write(f"planted @ {wheel}\n", "requirements.txt")
    assert first(desk).code == 0
    assert "planted-secret" not in json.dumps(desk.aml("run", "show", "last", "--json").data)
    forget_built(desk)
    refused = desk.aml("run", "rerun", "last")
    assert "are not kept: give the environment file with `-d FILE`" in refused.err
    again = desk.aml("run", "rerun", "last", "-d", "src/requirements.txt", "--json")
    assert seen(desk, again).startswith("1.0 ")


SWEEP = """\
type: sweep
compute: local
trial: {code: src, command: "python train.py ${{search_space.lr}}"}
sampling_algorithm: random
search_space: {lr: {type: uniform, min_value: 0, max_value: 1}}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 2, max_concurrent_trials: 1}
"""
TRIAL = "import mlflow, sys; mlflow.log_metric('loss', float(sys.argv[1]))"
PIPELINE = """\
type: pipeline
settings: {default_compute: local}
jobs:
  prepare:
    command: echo 1 > ${{outputs.out}}/x
    outputs: {out: {type: uri_folder}}
"""


def submitted(desk, content):
    (desk.root / "job.yml").write_text(content, encoding="utf-8")
    return desk.aml("submit", "--json", "job.yml").data["run_id"]


def drawn(desk, run_id):
    """Return what the trials of a sweep logged, in their order."""
    trials = desk.aml("runs", "--parent", run_id, "--json").data
    return {each["run_id"].removeprefix(run_id): each["metrics"]["loss"] for each in trials}


def test_a_sweep_runs_again_with_the_same_trials_and_code(desk):
    desk.write(TRIAL)
    before = submitted(desk, SWEEP)
    desk.write("raise SystemExit(3)")
    again = desk.aml("run", "rerun", before, "--json").data
    assert (again["state"], again["properties"]["aml.rerun_of"]) == ("Completed", before)
    assert len(drawn(desk, before)) == 2
    assert drawn(desk, again["run_id"]) == drawn(desk, before)


def test_a_pipeline_runs_again_and_reuses_what_did_not_change(desk):
    before = submitted(desk, PIPELINE)
    again = desk.aml("run", "rerun", before, "--json")
    assert (again.data["state"], again.data["properties"]["aml.rerun_of"]) == ("Completed", before)
    assert "reused from run" in again.err
    refused = desk.aml("run", "rerun", before, "--fresh")
    assert refused.code == 2
    assert "each of its steps has an environment of its own" in refused.err


@pytest.mark.parametrize("content", [SWEEP, PIPELINE], ids=["sweep", "pipeline"])
def test_a_parent_of_another_stack_runs_again_on_that_stack(desk, monkeypatch, content):
    desk.write(TRIAL)
    monkeypatch.setenv("AML_STACK", "other")
    before = submitted(desk, content)
    monkeypatch.delenv("AML_STACK")
    again = desk.aml("run", "rerun", before, "--json").data
    shown = desk.aml("run", "show", again["run_id"], "--json").data
    assert (again["state"], shown["stack"]) == ("Completed", "other")
