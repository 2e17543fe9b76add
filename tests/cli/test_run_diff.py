"""`aml run diff`: two runs side by side."""

import pytest

SCRIPT = """\
import os, sys
import urllib.request, json
print(sys.argv[1:])
"""
LOGS = """\
import json, os, urllib.request
url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": %s, "timestamp": 1}
request = urllib.request.Request(url, json.dumps(body).encode(), method="POST", headers={
    "Content-Type": "application/json",
    "Authorization": "Bearer " + os.environ.get("MLFLOW_TRACKING_TOKEN", ""),
})
urllib.request.urlopen(request)
"""


@pytest.fixture
def two(desk):
    """Return the desk, with two runs of different code, arguments and metrics."""
    desk.write("a,b\n1,2\n", "data.csv")
    desk.write("same", "note.txt")
    desk.write(LOGS % "2.0")
    submit = ("submit", "--source-directory", "src", "-e", "exp")
    assert desk.aml(*submit, "train.py", "--alpha", "0.1").code == 0
    desk.write(LOGS % "1.5")
    (desk.root / "src/data.csv").rename(desk.root / "src/table.csv")
    assert desk.aml(*submit, "train.py", "--alpha", "0.5").code == 0
    return desk


def test_a_run_is_compared_with_the_one_before(two):
    said = two.aml("run", "diff", "last")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert said.code == 0
    assert "> data.csv → table.csv" in lines
    assert "~ train.py (+1 -1)" in lines
    assert "--alpha 0.1 0.5" in lines
    assert "loss 2 1.5 -0.5" in lines
    assert "note.txt" not in said.out


def test_the_earlier_run_comes_first_however_they_are_named(two):
    one, other = two.aml("run", "diff", "-1", "-2"), two.aml("run", "diff", "-2", "-1")
    assert one.out == other.out != ""


def test_the_changed_lines_are_printed_on_request(two):
    out = two.aml("run", "diff", "last", "--files").out
    assert (
        '      -body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 2.0,' in out
    )


def test_as_data(two):
    document = two.aml("run", "diff", "last", "--json", "--files").data
    kinds = {file["path"]: file["change"] for file in document["files"]}
    assert kinds == {"table.csv": "renamed", "train.py": "changed"}
    assert document["arguments"] == {"--alpha": {"before": "0.1", "after": "0.5"}}
    assert document["metrics"] == {"loss": {"before": 2.0, "after": 1.5}}
    assert document["environment"] == {}
    assert any(line.startswith("+body") for line in document["files"][1]["diff"])


def test_runs_that_do_not_differ(desk):
    for _ in range(2):
        desk.submit("print(1)")
    said = desk.aml("run", "diff", "-1")
    assert "The runs do not differ." in said.err


def test_the_first_run_has_none_before_it(desk):
    desk.submit("print(1)", "-e", "one")
    desk.submit("print(1)", "-e", "two")
    said = desk.aml("run", "diff", "last")
    assert said.code == 2
    assert "is the first of experiment 'two'" in said.err


def test_a_snapshot_that_is_gone_leaves_the_rest(two):
    for tree in (two.root / "home/snapshots/trees").iterdir():
        tree.unlink()
    said = two.aml("run", "diff", "last")
    assert "A snapshot is not on this machine" in said.err
    assert "--alpha" in said.out
