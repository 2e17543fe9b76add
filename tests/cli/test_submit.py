"""`aml submit`: what is shown, what is refused and how, how a run is left and found again."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from runtime.api.conda_dependencies import CondaDependencies
from tests.cli.conftest import WAITS

MANIFEST = {
    "version": 1,
    "project": "demo",
    "stack": "local",
    "cloud": "local",
    "workspace": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
        "/workspaces/demo",
        "name": "demo",
        "location": "westeurope",
    },
    "targets": {
        "cpu": {"kind": "aml_compute", "id": "/x", "max_nodes": 2},
        "vm": {"kind": "kubernetes", "id": "/y"},
        "pool": {"kind": "synapse_spark", "id": "/z"},
    },
}


def with_manifest(desk):
    file = desk.root / "home/manifests/local.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(MANIFEST), encoding="utf-8")


def test_a_run_prints_what_the_script_prints_and_a_table(desk):
    said = desk.submit("print('hello')", "-e", "exp")
    assert said.code == 0
    assert said.out == "hello\n"
    assert "-- Completed" in said.err
    assert "state     Completed" in said.err


def test_a_run_as_data(desk):
    said = desk.submit("pass", "-e", "exp", "--json", "--tag", "team=ml")
    document = said.data
    assert document["state"] == "Completed"
    assert (document["experiment"], document["target"]) == ("exp", "local")
    assert document["tags"] == {"team": "ml"}


def test_json_is_all_there_is_on_stdout(desk):
    said = desk.submit("print('noise')", "--json")
    assert said.data["state"] == "Completed"
    assert "noise" in said.err


def test_a_script_that_fails_gives_its_exit_code_and_last_lines(desk, failing):
    assert failing.code == 1
    assert "error: Run did not complete at train.py" in failing.err
    assert "ended as Failed" in failing.err
    assert "exit code 3" in failing.err
    assert failing.err.count("line 59\n") == 1
    assert "line 1\n" not in failing.err
    assert "hint: See the full log: `aml run logs Default_" in failing.err


def test_a_script_that_was_killed_names_the_signal_and_memory(desk):
    said = desk.submit("import os; os.kill(os.getpid(), 9)")
    assert said.code == 1
    assert "exit code 137 (SIGKILL: killed, often because memory ran out)" in said.err


RAISES = "raise ValueError('once')"


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", "--source-directory", "src", "train.py"],
        ["submit", "--source-directory", "src", "--json", "train.py"],
    ],
)
def test_a_traceback_is_printed_once_on_a_terminal(desk, arguments):
    desk.write(RAISES)
    program = "from runtime.cli.root import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("ValueError: once") == (2 if "--json" in arguments else 1)
    assert "ended as Failed. The script ended with exit code 1." in done.stdout


def test_a_traceback_is_printed_once_to_stderr(desk):
    said = desk.submit(RAISES, "--json")
    assert said.err.count("ValueError: once") == 1
    assert "ValueError: once" in said.data["error"]


def test_an_argument_reaches_the_script_as_it_is(desk):
    desk.write("import sys; print(sys.argv[1])")
    said = desk.aml("submit", "--source-directory", "src", "train.py", "${{inputs.x}}")
    assert said.out == "${{inputs.x}}\n"


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(desk):
    desk.write("1, 2", "data.csv")
    said = desk.submit("print(1)", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == [
        "target       local",
        "experiment   Default",
        "command      python train.py",
        "environment  this interpreter",
        "files        2, 12 B",
        "  data.csv",
        "  train.py",
    ]
    assert desk.aml("runs", "--json").data == []


def test_a_dry_run_shows_the_number_of_processes(desk):
    desk.write(
        "target: local\ncommunicator: OpenMpi\nmpi: {processCountPerNode: 3}\n", "two.runconfig"
    )
    said = desk.submit("print(1)", "--dry-run", "-c", "src/two.runconfig")
    assert "processes    3" in said.out.splitlines()


def test_a_dry_run_shows_where_arguments_begin_and_end(desk):
    desk.write("print(1)")
    options = ["--source-directory", "src", "--dry-run"]
    said = desk.aml("submit", *options, "train.py", "--name", "a b", "")
    assert "python train.py --name 'a b' ''\n" in said.out


def test_a_dry_run_as_data(desk):
    desk.write("scikit-learn>=1.6\n", "requirements.txt")
    document = desk.submit("print(1)", "--dry-run", "--json").data
    assert document["files"] == ["requirements.txt", "train.py"]
    assert document["bytes"] == 26
    assert len(document["environment"]) == 32
    assert document["built"] == "not yet"
    assert any("are to be resolved" in note for note in document["notes"])


def test_a_detached_run_continues_and_is_found_again(waiting):
    desk, run_id = waiting
    assert run_id.startswith("Default_")
    assert [record["run_id"] for record in desk.aml("runs", "--json").data] == [run_id]
    assert desk.aml("run", "cancel", run_id, "--json").data["run_id"] == run_id
    followed = desk.aml("run", "logs", "-f", run_id)
    assert followed.code == 1
    assert "ended as Canceled" in followed.err


WITH_ENVIRONMENT = """
script: train.py
environment:
  python: {condaDependencies: {dependencies: ["python>=3.8", six]}}
"""
WITH_INTERPRETER = """
script: train.py
environment:
  python: {userManagedDependencies: true, interpreterPath: no-such-python}
"""
# A shell's background job is started with interrupts ignored, and so are its children.
AT_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from runtime.cli.root import main; main()"
)


@pytest.fixture
def watching(desk):
    desk.write(WAITS)
    command = ["submit", "--source-directory", "src", "train.py"]
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *command],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_interrupting_the_watch_leaves_the_run_alone(desk, watching):
    assert watching.stdout.readline() == "started\n"
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)
    (record,) = desk.aml("runs", "--json").data
    assert watching.returncode == 130
    assert record["state"] == "Running"
    assert err.endswith(
        f"error: Interrupted\n\nStopped watching; run {record['run_id']} continues.\n\n"
        f"hint: Watch it again with `aml run logs -f {record['run_id']}`, or stop it with"
        f" `aml run cancel {record['run_id']}`.\n"
    )
    desk.aml("run", "cancel", record["run_id"])
    until(lambda: desk.aml("runs", "--json").data[0]["state"] == "Canceled")


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["tarin.py"],
            "error: Unknown name at ROOT/src/tarin.py\n\n"
            "There is no script 'tarin.py' in ROOT/src.\n\n"
            "hint: Did you mean 'train.py'?\n",
            id="missing-script",
        ),
        pytest.param(
            ["other.py"],
            "error: Invalid run definition at ROOT/other.py\n\n"
            "The script 'other.py' is outside the source folder ROOT/src.\n\n"
            "hint: Submit with `--source-directory ROOT`, or move the script.\n",
            id="script-outside",
        ),
        pytest.param(
            ["-c", "cpux", "train.py"],
            "error: Unknown name\n\nStack 'local' has no target 'cpux'. "
            "There is no run configuration 'cpux' either; looked for src/aml_config/cpux, "
            "src/aml_config/cpux.runconfig, src/.azureml/cpux, src/.azureml/cpux.runconfig, "
            "src/cpux.runconfig.\n\n"
            "hint: Did you mean 'cpu'? (all: cpu, docker, local, pool, vm)\n",
            id="unknown-target",
        ),
        pytest.param(
            ["-c", "mispelt", "train.py"],
            "error: Unknown name\n\nStack 'local' has no target 'mispelt'. "
            "There is no run configuration 'mispelt' either; looked for "
            "src/aml_config/mispelt, src/aml_config/mispelt.runconfig, "
            "src/.azureml/mispelt, src/.azureml/mispelt.runconfig, "
            "src/mispelt.runconfig.\n\n"
            "hint: Did you mean the run configuration 'misspelt'? "
            "Use one of: cpu, docker, local, pool, vm.\n",
            id="unknown-run-configuration",
        ),
        pytest.param(
            ["-c", "vm", "train.py"],
            "error: Invalid usage\n\n"
            "Target 'vm' is of kind kubernetes, which cannot run jobs yet.\n\n"
            "hint: Use a target of kind aml_compute, batch, compute_instance, databricks,"
            " hdinsight, virtual_machine, or `local`.\n",
            id="kind-without-runs",
        ),
        pytest.param(
            ["-c", "pool", "train.py"],
            "error: Invalid usage\n\n"
            "Target 'pool' is of kind synapse_spark, which cannot run jobs yet.\n\n"
            "hint: PySpark scripts run on `local`, in `docker`, and on targets of kind databricks,"
            " hdinsight and virtual_machine.\n",
            id="spark-pool-without-runs",
        ),
        pytest.param(
            ["-s", "dev", "-c", "cpu", "train.py"],
            "error: Not deployed at ROOT/home/manifests/dev.json\n\n"
            "Stack 'dev' was never deployed from here (dev.json does not exist). "
            "There is no run configuration 'cpu' either; looked for src/aml_config/cpu, "
            "src/aml_config/cpu.runconfig, src/.azureml/cpu, src/.azureml/cpu.runconfig, "
            "src/cpu.runconfig.\n\n"
            "hint: Run `aml up -s dev`, or `aml use WORKSPACE -g GROUP` if others have deployed it;"
            " or name a manifest with `--manifest FILE`; `local` and `docker` need no stack.\n",
            id="never-deployed",
        ),
        pytest.param(
            ["-c", "sub/x.runconfig"],
            "error: Unknown name\n\nThere is no run configuration 'sub/x.runconfig'.\n\n"
            "hint: Looked for src/aml_config/sub/x.runconfig, src/.azureml/sub/x.runconfig, "
            "src/sub/x.runconfig, sub/x.runconfig.\n",
            id="missing-run-configuration",
        ),
        pytest.param(
            ["-c", "with-environment", "--python-version", "3.5"],
            "error: Invalid run definition at src/.azureml/with-environment.runconfig\n\n"
            "Python 3.5 is too old: runs on `local` need Python 3.6 or later.\n\n"
            "hint: Change it in the environment file, or give `--python-version X.Y`.\n",
            id="python-too-old",
        ),
        pytest.param(
            ["-c", "with-interpreter", "--python-version", "3.12"],
            "error: Invalid usage\n\n`--python-version` has no effect: "
            "src/.azureml/with-interpreter.runconfig uses the interpreter no-such-python as it is."
            "\n\nhint: Omit `--python-version`, or give an environment file with `-d FILE`.\n",
            id="python-of-an-interpreter",
        ),
        pytest.param(
            ["-c", "with-interpreter"],
            "error: Invalid run definition at src/.azureml/with-interpreter.runconfig\n\n"
            "There is no interpreter 'no-such-python' on this machine.\n\n"
            "hint: Correct `interpreterPath`, or declare dependencies instead of"
            " `userManagedDependencies`.\n",
            id="interpreter-not-there",
        ),
        pytest.param(
            ["-c", "cpu", "--target", "cpu", "train.py"],
            "error: Invalid usage\n\n-c and --target cannot be combined.\n\n"
            "hint: Leave one of them out.\n",
            id="two-targets",
        ),
        pytest.param(
            ["-c", "old", "train.py"],
            "error: Invalid usage at src/.azureml/old.runconfig:1\n\n"
            "Target 'local' cannot honour R: it runs scripts with Python.\n\n"
            "hint: Give a line of the shell in place of the script: `command: Rscript SCRIPT`.\n",
            id="another-language",
        ),
        pytest.param(
            ["-c", "misspelt", "train.py"],
            "error: Invalid run definition at src/.azureml/misspelt.runconfig:2\n\n"
            "There is no key 'argumets'.\n\nhint: Did you mean 'arguments'?\n",
            id="misspelt-key",
        ),
        pytest.param(
            ["--max-duration", "5x", "train.py"],
            "error: Invalid usage\n\n'5x' is not a duration.\n\nhint: Write 90s, 30m, 2h or 1d.\n",
            id="duration",
        ),
        pytest.param(
            ["--tag", "x", "train.py"],
            "error: Invalid usage\n\n'x' is not a tag.\n\nhint: Write `--tag KEY=VALUE`.\n",
            id="tag",
        ),
        pytest.param(
            ["-e", "no spaces", "train.py"],
            "error: Invalid usage\n\n'no spaces' is not an experiment name: use up to 255 letters,"
            " digits, hyphens or underscores, starting with a letter or digit. Did you mean"
            " 'no-spaces'?\n\nhint: Name the experiment with `-e NAME`.\n",
            id="experiment",
        ),
        pytest.param(
            [],
            "error: Invalid usage\n\nThere is no script to run.\n\n"
            "hint: Name it: `aml submit SCRIPT`.\n",
            id="no-script",
        ),
        pytest.param(
            ["--nonsense", "train.py"],
            "error: Invalid usage\n\nNo such option '--nonsense'.\n\n"
            "hint: Read `aml submit --help`.\n",
            id="unknown-option",
        ),
    ],
)
def test_what_cannot_be_submitted_is_refused(desk, arguments, expected):
    with_manifest(desk)
    desk.write("print(1)")
    desk.write("framework: R\nenvironment: {}\n", ".azureml/old.runconfig")
    desk.write("script: train.py\nargumets: [a]\n", ".azureml/misspelt.runconfig")
    desk.write(WITH_ENVIRONMENT, ".azureml/with-environment.runconfig")
    desk.write(WITH_INTERPRETER, ".azureml/with-interpreter.runconfig")
    (desk.root / "other.py").write_text("print(2)")
    said = desk.aml("submit", "--source-directory", "src", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.replace(str(desk.root), "ROOT") == expected
    assert desk.aml("runs", "--json").data == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("script: no.py\nargumets: [a]\n", "'argumets'"),
        ("script: no.py\ntarget: cpuu\n", "no target 'cpuu'"),
        ("ArgumentVector: [no.py]\nTarget: local\nFramework: Pithon\n", "'Pithon'"),
    ],
)
def test_a_missing_script_is_reported_with_what_else_is_wrong(desk, text, expected):
    with_manifest(desk)
    desk.write("print()")
    (desk.root / "src" / "x.runconfig").write_text(text, encoding="utf-8")
    said = desk.aml("submit", "-c", "x", "--source-directory", "src")
    assert (said.code, expected in said.err, "no script 'no.py'" in said.err) == (2, True, True)


@pytest.mark.parametrize("options", [["--dry-run"], []], ids=["dry run", "submission"])
def test_a_python_that_is_not_installed_is_found_before_the_run(desk, options):
    desk.write("six\n", "requirements.txt")
    said = desk.submit("print(1)", "--python-version", "3.39", *options)
    assert said.code == 2
    assert "Python 3.39 is not installed on this machine (installed: 3." in said.err
    assert desk.aml("runs", "--json").data == []


def environment_of(desk, *options):
    said = desk.aml("submit", "--source-directory", "src", "--dry-run", "--json", *options)
    assert said.code == 0, said.err
    return said.data["environment"]


def test_the_python_version_overrides_a_run_configurations_environment(desk):
    desk.write("print(1)")
    desk.write(WITH_ENVIRONMENT, ".azureml/mine.runconfig")
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    plain = environment_of(desk, "-c", "mine")
    assert environment_of(desk, "-c", "mine", "--python-version", this) != plain
    assert environment_of(desk, "-c", "mine", "--python-version", ">=3.8") == plain


def test_a_given_file_replaces_a_run_configurations_environment(desk):
    desk.write("print(1)")
    desk.write(WITH_ENVIRONMENT, ".azureml/mine.runconfig")
    desk.write(WITH_INTERPRETER, ".azureml/other.runconfig")
    (desk.root / "own.txt").write_text("six\n", encoding="utf-8")
    own = environment_of(desk, "-d", "own.txt", "train.py")
    assert environment_of(desk, "-c", "mine", "-d", "own.txt") == own
    assert environment_of(desk, "-c", "other", "-d", "own.txt") == own


@pytest.mark.parametrize("name", ["sub/x.runconfig", "sub/x"])
def test_a_run_configuration_is_found_in_a_folder_of_the_source(desk, name):
    desk.write("print(1)")
    desk.write("script: train.py\n", "sub/x.runconfig")
    assert environment_of(desk, "-c", name) == "this interpreter"


def test_a_target_needs_an_environment_and_three_files_can_say_it(desk):
    with_manifest(desk)
    said = desk.submit("print(1)", "-c", "cpu")
    assert said.code == 2
    assert "src declares no environment, and target 'cpu' needs one." in said.err
    assert not (desk.root / "home" / "cloud").exists(), "nothing was started for it"
    for name in ("environment.yml", "conda_dependencies.yml", "requirements.txt"):
        assert name in said.err


DOCKER_ONLY = "script: train.py\ntarget: cpu\nenvironment: {docker: {enabled: true}}\n"


@pytest.mark.parametrize(
    "text",
    [
        DOCKER_ONLY,
        DOCKER_ONLY.replace("enabled: true", "enabled: true, baseImage: 'acme:1'"),
        "script: train.py\ntarget: cpu\nenvironment: {python: {userManagedDependencies: false}}\n",
    ],
    ids=["docker", "image", "no packages"],
)
def test_a_run_configuration_without_packages_has_the_sdks_default_environment(desk, text):
    with_manifest(desk)
    desk.write("print(1)")
    desk.write(text, ".azureml/mine.runconfig")
    default = CondaDependencies().serialize_to_string()
    (desk.root / "default.yml").write_text(default, encoding="utf-8")
    meant = environment_of(desk, "-c", "mine", "-d", "default.yml").split()[0]
    assert environment_of(desk, "-c", "mine").split()[0] == meant


def test_an_environment_of_the_folder_comes_before_the_default_one(desk):
    with_manifest(desk)
    desk.write("print(1)")
    desk.write(DOCKER_ONLY, ".azureml/mine.runconfig")
    desk.write("six\n", "requirements.txt")
    own = environment_of(desk, "-c", "mine", "-d", "src/requirements.txt")
    assert environment_of(desk, "-c", "mine") == own


def test_an_environment_that_cannot_be_built_shows_its_log(desk):
    desk.write("no-such-package-anywhere==9.9\n", "requirements.txt")
    said = desk.submit("print(1)")
    assert said.code == 1
    assert "no-such-package-anywhere" in said.err
    assert "ended as Failed" in said.err


def test_a_run_configuration_says_what_the_command_line_does_not(desk):
    desk.write("import os, sys; print(sys.argv[1:], os.environ['A'])")
    text = (
        "script: train.py\narguments: [--alpha, 1]\nenvironment: {environmentVariables: {A: x}}\n"
    )
    desk.write(text, ".azureml/mine.runconfig")
    submit = ("submit", "--source-directory", "src", "-c", "mine")
    assert "['--alpha', '1'] x" in desk.aml(*submit).out
    assert "['--beta'] x" in desk.aml(*submit, "train.py", "--beta").out


def test_odd_files_cost_only_themselves(desk):
    desk.write("")
    (desk.root / "src/loop").symlink_to("loop")
    (desk.root / "src/two\nlines").touch()
    (desk.root / "src/bad\udcff").touch()
    names = ("loop", r"two\nlines", r"bad\xff")
    planned = desk.submit("print(1)", "--dry-run")
    assert planned.out.splitlines()[-1] == "  train.py"
    assert all(f"{name} " in planned.err for name in names)
    assert len(desk.submit("print(1)", "--dry-run", "--json").data["left_out"]) == 3
    said = desk.submit("open('outputs/bad\\udcff', 'w').close()")
    assert said.code == 0
    assert all(f"{name} " in said.err for name in names)
    run_id = said.err.split()[1]
    assert r"outputs/bad\xff" in desk.aml("run", "download", run_id).out


def test_a_source_folder_that_links_to_itself_does_not_exist(desk):
    (desk.root / "loop").symlink_to("loop")
    said = desk.aml("submit", "--source-directory", "loop", "train.py")
    assert said.code == 2
    assert "There is no folder loop" in said.err


def test_a_script_with_a_name_that_cannot_be_stored_is_refused(desk):
    desk.write("", "bad\udcff.py")
    said = desk.aml("submit", "--source-directory", "src", "bad\udcff.py")
    assert said.code == 2
    assert r"bad\xff.py" in said.err


def test_an_input_and_an_output_of_a_run_do_not_share_their_name(desk):
    data = "inputs: {a: {type: uri_folder, path: .}}\noutputs: {a: {type: uri_folder}}\n"
    desk.write(
        f"command: ls ${{{{inputs.a}}}} ${{{{outputs.a}}}}\ncompute: local\n{data}", "job.yml"
    )
    said = desk.aml("submit", "src/job.yml")
    assert said.code == 2
    assert "An input and an output are both called 'a'" in said.err
