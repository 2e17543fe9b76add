"""`aml run` and `aml experiment` in the words of `az ml`: the rules of a submission."""

import json

import pytest
import yaml

from runtime.definitions.attached_folder import attached_experiment

PRINTS = "import sys\nprint('given', *sys.argv[1:])\n"
CONFIG = "script: other.py\narguments: [--old]\ntarget: local\n"


@pytest.fixture
def project(desk):
    desk.write(PRINTS)
    desk.write("print('other')\n", "other.py")
    (desk.root / "src" / ".azureml").mkdir()
    (desk.root / "src" / ".azureml" / "mine.runconfig").write_text(CONFIG, encoding="utf-8")
    return desk


def script(desk, *options):
    return desk.aml("run", "submit-script", "--path", "src", *options)


def document(said):
    return json.loads(said.out)


def test_a_script_runs_and_is_printed_as_json(project):
    said = script(project, "-e", "exp", "train.py")
    found = document(said)
    assert (said.code, found["status"], found["_experiment_name"]) == (0, "Completed", "exp")
    assert (found["run_id"], found["script"]) == (found["runId"], "train.py")
    assert "given" in said.err
    assert "No run configuration is given" in said.err


def test_everything_after_the_script_is_passed_to_it(project):
    said = script(project, "-e", "exp", "train.py", "--async", "-t", "x", "--last=1", "-h")
    assert document(said)["arguments"] == ["--async", "-t", "x", "--last=1", "-h"]
    assert "given --async -t x --last=1 -h" in said.err


def test_a_key_without_effect_is_said(project):
    file = project.root / "src" / ".azureml" / "idle.runconfig"
    file.write_text(CONFIG + "tensorflow: {workerCount: 3}\n", encoding="utf-8")
    assert "has no effect without" in script(project, "-c", "idle", "train.py").err


def test_the_script_given_replaces_that_of_the_run_configuration(project):
    said = script(project, "-c", "mine", "train.py")
    assert "Script train.py replaces other.py of the file." in said.err
    assert document(said)["arguments"] == ["--old"]


def test_arguments_given_replace_those_of_the_run_configuration(project):
    said = script(project, "-c", "mine", "train.py", "--new")
    assert document(said)["arguments"] == ["--new"]


def test_a_run_configuration_may_say_everything(project):
    said = script(project, "-c", "mine")
    assert (document(said)["script"], document(said)["arguments"]) == ("other.py", ["--old"])


def test_without_a_script_anywhere_nothing_is_submitted(project):
    said = script(project)
    assert (said.code, "There is no script to run" in said.err) == (2, True)
    assert project.aml("run", "list").out.strip() == "[]"


def test_a_conda_file_replaces_that_of_the_run_configuration(project):
    (project.root / "env.yml").write_text("dependencies: [no-such-conda-package-of-ours]\n")
    said = script(project, "-c", "mine", "-d", "env.yml")
    assert (said.code, "no-such-conda-package-of-ours" in said.err) == (2, True)


def test_a_conda_file_that_is_with_the_run_configurations_is_named(project):
    (project.root / "aml_config").mkdir()
    (project.root / "aml_config" / "conda_dependencies.yml").write_text("dependencies: []\n")
    said = script(project, "-d", "conda_dependencies.yml", "train.py")
    assert (said.code, "Did you mean `aml_config/conda_dependencies.yml`?" in said.err) == (2, True)
    said = project.aml("submit", "-d", "conda_dependencies.yml", "src/train.py")
    assert "Did you mean `-d aml_config/conda_dependencies.yml`?" in said.err


def test_a_target_given_replaces_that_of_the_run_configuration(project):
    said = script(project, "-c", "mine", "--ct", "cpu")
    assert (said.code, "cpu" in said.err or "deployed" in said.err) == (2, True)
    assert script(project, "-c", "mine", "--target", "local", "train.py").code == 0


def test_a_name_without_a_file_may_be_a_target(project):
    said = script(project, "-c", "local", "train.py")
    assert (said.code, document(said)["target"]) == (0, "local")


def test_a_run_configuration_that_is_not_there_names_the_nearest(project):
    said = script(project, "-c", "mien", "train.py")
    assert (said.code, "Did you mean 'mine'" in said.err) == (2, True)


def test_the_run_configuration_is_of_the_project_and_the_script_of_the_source_directory(project):
    project.write("print('elsewhere')\n", "../code/run.py")
    said = script(project, "-c", "mine", "--source-directory", "code", "run.py")
    assert (said.code, "elsewhere" in said.err) == (0, True)


def test_a_failed_run_fails_the_command(project):
    project.write("raise SystemExit(3)\n")
    said = script(project, "train.py")
    assert (said.code, document(said)["status"]) == (1, "Failed")


def test_async_returns_before_the_end(project):
    project.write("import time\ntime.sleep(600)\n")
    said = script(project, "--async", "train.py")
    run_id = document(said)["run_id"]
    assert said.code == 0
    assert document(project.aml("run", "cancel", "-r", run_id, "-o", "json", "--json"))


def test_the_result_is_written_to_a_new_file(project):
    said = script(project, "-t", "run.json", "train.py")
    assert json.loads((project.root / "run.json").read_text()) == document(said)
    again = script(project, "-t", "run.json", "train.py")
    assert (again.code, "run.json already exists" in again.err) == (2, True)
    assert len(document(project.aml("run", "list"))) == 1


def test_another_workspace_is_refused(project):
    said = script(project, "-w", "other", "train.py")
    assert said.code == 2


# --- runs


@pytest.fixture
def run_id(project):
    return document(script(project, "-e", "exp", "train.py"))["run_id"]


def test_runs_are_listed_by_experiment_state_tag_and_target(project, run_id):
    project.aml("run", "update", "-r", run_id, "--add-tag", "k=v")
    for options in (
        ["-e", "exp"],
        ["--status", "Completed"],
        ["--tags", "k=v"],
        ["--compute-target-name", "local"],
        ["--last", "1"],
    ):
        assert [each["run_id"] for each in document(project.aml("run", "list", *options))] == [
            run_id
        ]
    for options in (["-e", "no"], ["--status", "Failed"], ["--tags", "k=w"]):
        assert document(project.aml("run", "list", *options)) == []


def test_a_minimal_list_has_seven_values(project, run_id):
    (found,) = document(project.aml("run", "list", "--minimal"))
    assert set(found) == {"RunId", "RunType", "Status", "StartTime", "EndTime", "Target", "Tags"}


def test_a_run_is_shown_in_a_format_and_queried(project, run_id):
    assert document(project.aml("run", "show", "-r", run_id))["status"] == "Completed"
    assert project.aml("run", "show", f"--run={run_id}", "--query", "status", "-o", "tsv").out == (
        "Completed\n"
    )
    assert yaml.safe_load(project.aml("run", "show", run_id, "-o", "yaml").out)["run_id"] == run_id
    assert "Status" in project.aml("run", "show", "-r", run_id, "-o", "table").out


def test_a_run_of_another_experiment_is_not_shown(project, run_id):
    said = project.aml("run", "show", "-r", run_id, "-e", "other")
    assert (said.code, "is of experiment 'exp'" in said.err) == (2, True)


def test_a_run_is_shown_as_before_without_an_option_of_az(project, run_id):
    assert f"run_id: {run_id}" in project.aml("run", "show", run_id).out
    assert f"run_id: {run_id}" in project.aml("run", "show", "-1").out


def test_a_run_without_an_id_is_refused(project):
    said = project.aml("run", "show", "-r")
    assert said.code == 2


def test_a_tag_is_added(project, run_id):
    said = project.aml("run", "update", "-r", run_id, "--add-tag", "a=b=c", "--add-tag", "flag")
    assert document(said)["tags"] == {"a": "b=c", "flag": ""}


def test_logs_are_followed_and_downloaded(project, run_id):
    said = project.aml("run", "monitor-logs", "-r", run_id)
    assert (said.code, "given" in said.err, document(said)["run_id"]) == (0, True, run_id)
    said = project.aml("run", "download-logs", "-r", run_id, "-d", "logs")
    assert "given" in (project.root / "logs" / "user_logs" / "std_log.txt").read_text()
    assert "user_logs/std_log.txt" in said.out


# --- experiments


def test_an_experiment_is_created_and_listed(project, run_id):
    assert document(project.aml("experiment", "create", "-n", "new"))["name"] == "new"
    listed = document(project.aml("experiment", "list"))
    assert [(each["name"], each["runs"]) for each in listed] == [("exp", 1), ("new", 0)]


def test_an_experiment_needs_a_valid_name(project):
    assert project.aml("experiment", "create", "--name", "-no").code == 2


def test_a_script_is_submitted_in_the_words_of_workbench(project):
    for flag in ("-c", "--run-configuration"):
        said = project.aml("experiment", "submit", "--path", "src", flag, "local", "train.py", "a")
        assert (said.code, document(said)["arguments"]) == (0, ["a"])


def test_an_interpreter_needs_no_preparation(project):
    said = project.aml("experiment", "prepare", "--path", "src", "-c", "mine")
    assert (said.code, "nothing to prepare" in said.err) == (0, True)


def test_what_a_run_would_refuse_is_refused_before_its_environment_is_prepared(project):
    text = "target: local\nenvironment: {docker: {enabled: true}}\nframework: R\n"
    file = project.root / "src/.azureml/container.runconfig"
    file.write_text(text, encoding="utf-8")
    said = project.aml("experiment", "prepare", "--path", "src", "-c", "container")
    assert (said.code, said.out) == (2, "")
    assert "it runs scripts with Python" in said.err
    assert "container.runconfig:3" in said.err


def test_an_environment_is_prepared_before_its_first_run(project):
    (project.root / "src" / "requirements.txt").write_text("", encoding="utf-8")
    check = ("experiment", "prepare", "--path", "src", "-c", "mine", "--check")
    assert project.aml(*check).code == 1
    said = project.aml(*check[:-1])
    assert (said.code, bool(document(said)["environment"])) == (0, True)
    assert project.aml(*check).code == 0


def test_what_is_prepared_is_what_the_run_uses(project):
    config = """\
script: train.py
autoPrepareEnvironment: false
environment:
  python: {condaDependencies: {dependencies: [python=3.11, pip: []]}}
  docker: {baseImage: "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"}
"""
    (project.root / "src" / "prepared.runconfig").write_text(config, encoding="utf-8")
    submits = ("submit", "--source-directory", "src", "-c", "prepared")
    assert "has not been prepared" in project.aml(*submits).err
    assert project.aml("experiment", "prepare", "--path", "src", "-c", "prepared").code == 0
    assert project.aml(*submits).code == 0


def test_the_experiment_of_an_attached_folder_is_the_default(project):
    scope = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/experiments/attached"
    file = project.root / "src" / ".azureml" / "config.json"
    file.write_text(json.dumps({"Id": "1", "Scope": scope}), encoding="utf-8")
    assert attached_experiment(project.root / "src") == "attached"
    none = project.aml("run", "list", "--path", "src", "-o", "table")
    assert "No run of experiment 'attached' fits." in none.err
    assert document(script(project, "train.py"))["experiment"] == "attached"
    file.write_text(json.dumps({"subscription_id": "s", "workspace_name": "w"}), encoding="utf-8")
    assert attached_experiment(project.root / "src") is None


def test_a_table_of_runs_has_what_tells_them_apart(project):
    script(project, "-e", "exp", "train.py")
    head, row = project.aml("run", "list", "-o", "table").out.splitlines()
    assert head.split() == [
        "Run_id",
        "Experiment",
        "Target",
        "Status",
        "Script",
        "Created",
        "Ended",
    ]
    assert row.split()[1:5] == ["exp", "local", "Completed", "train.py"]
