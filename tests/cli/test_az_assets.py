"""`aml model` and `aml data` in the words of `az ml`, against a real local cloud."""

import json
from datetime import UTC, datetime

import pytest

from runtime.agent.assets.asset_versions import created

SAVES = """\
import os
os.makedirs("outputs", exist_ok=True)
open("outputs/model.pkl", "w").write("weights")
"""
JOB = """\
command: ls ${{inputs.rows}}
compute: local
inputs:
  rows: {path: azureml:rows@latest}
"""


def shown(said):
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_model_of_a_run_is_registered_from_what_the_submission_wrote(here):
    (here.root / "train.py").write_text(SAVES)
    here.aml("run", "submit-script", "-e", "exp", "-t", "run.json", "train.py")
    options = ("-n", "iris", "-f", "run.json", "--asset-path", "outputs/model.pkl")
    made = shown(here.aml("model", "register", *options, "--tag", "a=b", "-t", "model.json"))
    run_id = json.loads((here.root / "run.json").read_text())["runId"]
    assert (made["id"], made["runId"], made["tags"]) == ("iris:1", run_id, {"a": "b"})
    assert json.loads((here.root / "model.json").read_text()) == made
    by_path = ("-n", "iris", "--path", f"azureml://jobs/{run_id}/outputs/artifacts/outputs")
    assert shown(here.aml("model", "create", *by_path))["version"] == 2
    listed = here.aml("model", "list", "-n", "iris", "--query", "[0].version", "-o", "tsv")
    assert listed.out == "2\n"
    assert here.aml("model", "download", "-i", "iris:1", "-t", "there").code == 0
    assert (here.root / "there" / "model.pkl").read_text() == "weights"
    assert here.aml("model", "delete", "-i", "iris:1").code == 0
    assert here.aml("model", "show", "-n", "iris", "-v", "1").code == 2


def test_data_is_created_under_its_version_and_used_by_a_job(here):
    (here.root / "rows").mkdir()
    (here.root / "rows" / "a.csv").write_text("x\n1\n")
    file = here.root / "data.yml"
    file.write_text("name: rows\nversion: 5\ntype: uri_folder\npath: rows\ntags: {a: b}\n")
    for _ in range(2):  # the same again is no other version
        made = shown(here.aml("data", "create", "--file", file))
        assert (made["version"], made["type"], made["tags"]) == ("5", "uri_folder", {"a": "b"})
    (here.root / "rows" / "b.csv").write_text("x\n2\n")
    assert "other files" in here.aml("data", "create", "-f", file).err
    assert shown(here.aml("data", "create", "-f", file, "--set", "version=6"))["version"] == "6"
    assert len(shown(here.aml("data", "list", "-n", "rows"))) == 2
    (here.root / "job.yml").write_text(JOB)
    assert "b.csv" in here.aml("job", "create", "-f", "job.yml", "--stream").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("data", "create"), "Nothing says"),
        (("data", "create", "-n", "a", "-p", "none", "--type", "uri_fle"), "'uri_file'"),
        (("data", "create", "-n", "a", "-p", "none", "--type", "uri_fle"), "no file or folder"),
        (("data", "create", "-n", "a", "-p", "here.txt"), "Write `type: uri_file`"),
        (("data", "create", "-n", "a", "-p", "azureml:b:1"), "is not a path"),
        (("data", "show", "-n", "nothing"), "no data asset nothing"),
        (("model", "create", "-n", "m"), "needs a `path`"),
        (("model", "create", "-n", "m"), "at the command line\n"),
        (("model", "create", "-n", "m", "-p", "https://x.y/z"), "is not a path"),
        (("model", "register", "-n", "m"), "either local or of a run"),
        (("model", "register", "-n", "m", "--asset-path", "outputs"), "Name the run"),
        (("model", "register", "-n", "m", "--asset-path", "o", "-f", "here.txt"), "is not JSON"),
        (("model", "show", "-n", "m", "--label", "prod"), "no label 'prod'"),
        (("model", "show"), "No asset is named"),
    ],
)
def test_what_cannot_be_registered_or_shown_says_what_to_do(here, arguments, words):
    (here.root / "here.txt").write_text("text")
    said = here.aml(*arguments)
    assert (said.code, words in said.err, "hint:" in said.err) == (2, True, True), said.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-26T22:20:55.8506191Z", datetime(2026, 11, 26, 22, 20, 55, 850619, UTC)),
        ("2026-11-26T22:20:55+00:00", datetime(2026, 11, 26, 22, 20, 55, 0, UTC)),
        ("", None),
    ],
)
def test_when_a_version_was_made_is_a_time(text, expected):
    assert created({"systemData": {"createdAt": text}}) == expected
