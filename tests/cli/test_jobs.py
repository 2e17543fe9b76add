"""`aml job` in the words of `az ml job`, on this machine."""

import json

import pytest
import yaml

from tests.cli.test_submit import MANIFEST

PRINTS = """\
command: >-
  python -c "import os, sys; print(sys.argv[1:], os.environ['RATE'], open(sys.argv[-1]).read())"
  --rate ${{inputs.rate}} $[[--more ${{inputs.more}}]] --name '${{inputs.name}}' text.txt;
  exit ${{inputs.code}}
code: code
compute: local
experiment_name: printing
display_name: It prints
description: What it says.
tags: {team: ml}
inputs:
  rate: 0.10
  name: a b
  code: 0
environment_variables:
  RATE: rate=${{inputs.rate}}
services:
  shell: {type: vs_code}
"""
WAITS = "command: echo started; sleep 600\ncompute: local\n"


@pytest.fixture
def jobs(desk):
    """Return the desk with two job files, in the folder it is in."""
    desk.write("the text", "../code/text.txt")
    desk.write(PRINTS, "../job.yml")
    desk.write(WAITS, "../waits.yml")
    return desk


def test_a_job_file_is_submitted_with_its_expressions_filled_in(jobs):
    said = jobs.aml("submit", "job.yml")
    assert said.code == 0, said.err
    assert said.out == "['--rate', '0.10', '--name', 'a b', 'text.txt'] rate=0.10 the text\n"
    assert "job.yml:17: `services` has no effect. Interactive services are not started." in said.err


def test_settings_of_the_command_line_come_before_the_file(jobs):
    said = jobs.aml("submit", "--set", "inputs.more=5", "--set", "inputs.code=3", "job.yml")
    assert said.code == 1
    assert "'--more', '5'" in said.out
    assert "exit code 3" in said.err


def test_arguments_after_a_job_are_refused(jobs):
    said = jobs.aml("submit", "job.yml", "--rate", "1")
    assert said.code == 2
    assert "A job takes no arguments: --rate 1." in said.err
    assert "--set inputs.NAME=VALUE" in said.err


def test_a_dry_run_of_a_job_shows_its_line(jobs):
    said = jobs.aml("submit", "--dry-run", "--json", "waits.yml")
    assert said.data["command"] == "echo started; sleep 600"
    assert said.data["files"] == []
    assert "sleep 600" in jobs.aml("submit", "--dry-run", "waits.yml").out


def test_the_options_of_submit_override_a_job(jobs):
    options = ("-e", "other", "--tag", "a=b", "--max-duration", "30s", "--json")
    document = jobs.aml("submit", *options, "job.yml").data
    assert document["experiment"] == "other"
    assert document["tags"] == {"team": "ml", "a": "b"}
    assert document["script"].startswith("python -c")


def test_creating_a_job_prints_it_as_az_does(jobs):
    document = jobs.aml("job", "create", "-f", "job.yml").data
    assert document["display_name"] == "It prints"
    assert document["experiment_name"] == "printing"
    assert document["description"] == "What it says."
    assert document["compute"] == "local"
    assert document["type"] == "command"
    assert document["tags"] == {"team": "ml"}
    endpoint = document["services"]["Studio"]["endpoint"]
    assert endpoint == (jobs.root / "home/runs" / document["name"]).as_uri()


def test_a_query_prints_only_the_name(jobs):
    said = jobs.aml("job", "create", "--query", "name", "-o", "tsv", "-f", "job.yml")
    name = said.out.strip()
    assert said.out == f"{name}\n"
    assert jobs.aml("job", "show", "-n", name, "--query", "name", "--output", "tsv").out == said.out


def test_a_job_is_streamed_to_its_end_and_exits_as_it_did(jobs):
    given = ("--set", "inputs.code=4", "inputs.name=x y", "--stream", "--name", "mine")
    said = jobs.aml("job", "create", *given, "--file", "job.yml", "--query", "status", "-o", "tsv")
    assert (said.code, said.out) == (1, "Failed\n")
    assert "'x y'" in said.err
    said = jobs.aml("job", "stream", "--name", "mine")
    assert said.code == 1
    assert "'x y'" in said.out
    assert "exit code 4" in said.err


def test_streaming_a_job_that_completes_succeeds(jobs):
    jobs.aml("job", "create", "-f", "job.yml", "-n", "fine")
    said = jobs.aml("job", "stream", "-n", "fine")
    assert said.code == 0
    assert "the text" in said.out


def test_the_name_of_another_job_is_refused(jobs):
    assert jobs.aml("job", "create", "-f", "job.yml", "-n", "mine", "--stream").code == 0
    said = jobs.aml("job", "create", "-f", "job.yml", "-n", "mine")
    assert said.code == 2
    assert "Run 'mine' already exists." in said.err


@pytest.mark.parametrize("verb", ["show", "stream", "cancel", "download"])
def test_an_unknown_job_is_not_found(jobs, verb):
    jobs.aml("job", "create", "-f", "job.yml", "-n", "mine", "--stream")
    said = jobs.aml("job", verb, "-n", "mnie")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean 'mine'?" in said.err


def test_a_job_is_cancelled(jobs):
    name = jobs.aml("job", "create", "-f", "waits.yml", "--query", "name", "-o", "tsv").out.strip()
    said = jobs.aml("job", "cancel", "-n", name)
    assert said.code == 0
    assert f"Requested cancellation of job {name}" in said.err
    assert jobs.aml("job", "stream", "-n", name).code == 1
    assert jobs.aml("job", "show", "-n", name).data["status"] == "Canceled"
    assert "already ended: Canceled" in jobs.aml("job", "cancel", "-n", name).err


def test_jobs_are_listed_newest_first(jobs):
    for name in ("one", "two"):
        jobs.aml("job", "create", "-f", "job.yml", "-n", name, "--stream")
    jobs.aml("job", "create", "-f", "waits.yml", "-n", "three")
    jobs.aml("job", "cancel", "-n", "three")
    names = "[].name"
    assert jobs.aml("job", "list", "--query", names).data == ["three", "two", "one"]
    assert jobs.aml("job", "list", "--query", names, "--max-results", "1").data == ["three"]
    tagged = jobs.aml("job", "list", "--query", names, "--tag", "team=ml", "-o", "yaml").out
    assert yaml.safe_load(tagged) == ["two", "one"]


def test_a_table_of_jobs_has_what_tells_them_apart(jobs):
    jobs.aml("job", "create", "-f", "job.yml", "-n", "mine", "--stream")
    head, row = jobs.aml("job", "list", "-o", "table").out.splitlines()
    assert head.split() == ["Name", "Status", "Display_name", "Experiment_name", "Compute"]
    assert row.split() == ["mine", "Completed", "It", "prints", "printing", "local"]


def test_a_jobs_files_are_downloaded(jobs):
    jobs.aml("job", "create", "-f", "job.yml", "-n", "mine", "--stream")
    said = jobs.aml("job", "download", "-n", "mine", "--all", "--download-path", "got")
    assert "got/artifacts/user_logs/std_log.txt" in said.out
    assert "the text" in (jobs.root / "got/artifacts/user_logs/std_log.txt").read_text()


def test_a_running_job_is_not_downloaded(jobs):
    jobs.aml("job", "create", "-f", "waits.yml", "-n", "mine")
    said = jobs.aml("job", "download", "-n", "mine")
    assert said.code == 2
    assert "are collected when it has ended" in said.err
    jobs.aml("job", "cancel", "-n", "mine")


def test_the_page_of_a_job_is_printed_to_stderr(jobs):
    said = jobs.aml("job", "create", "-f", "job.yml", "--web", "-n", "mine")
    assert said.err.splitlines()[-1] == said.data["services"]["Studio"]["endpoint"]


def test_a_workspace_that_was_not_deployed_is_refused(jobs):
    file = jobs.root / "home/manifests/local.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(MANIFEST))
    said = jobs.aml("job", "create", "-f", "job.yml", "-w", "other", "--query", "name")
    assert (said.code, said.out) == (2, "")
    assert "did not deploy workspace 'other'" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create",), "Missing option '--file'"),
        (("create", "-f", "nowhere.yml"), "There is no file nowhere.yml."),
        (("create", "-f", "code/text.txt"), "is a requirements file, not a job"),
        (("create", "-f", "job.yml", "--set", "a"), "'a' is not a setting"),
        (("create", "-f", "job.yml", "--set", "colour=1"), "has no key `colour`"),
        (("create", "-f", "job.yml", "-n", "my job"), "Did you mean 'my-job'?"),
        (("list", "--query", "[?"), "not JMESPath"),
        (("download", "-n", "mine", "--output-name", "model"), "has no output 'model'"),
    ],
)
def test_what_cannot_be_done_is_refused(jobs, arguments, said):
    if "download" in arguments:
        jobs.aml("job", "create", "-f", "job.yml", "-n", "mine", "--stream")
    answer = jobs.aml("job", *arguments)
    assert answer.code == 2
    assert said in answer.err
