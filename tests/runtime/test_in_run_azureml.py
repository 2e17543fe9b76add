"""The in-run ``azureml`` package beside the agent: what a script logs, uploads and reads back."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.agent.site_folder import FOLDER, PARTS

AGENT = Path(__file__).parents[2] / "runtime" / "agent"
SITE = AGENT / FOLDER
FILES_OF_SCRIPTS = [file for part in PARTS for file in sorted((AGENT / part).rglob("*.py"))]
RUN = "from azureml.core import Run\nrun = Run.get_context()\n"
ANSWERS = "import json\ndef answer(value): print(json.dumps(value), flush=True)\n"


def answers(agent, script, *options, **how):
    """Run a script after ``run = Run.get_context()``; return what it passed to ``answer``."""
    code, output = agent.run(ANSWERS + RUN + script, *options, **how)
    assert code == 0, output
    return [json.loads(line) for line in output.splitlines()]


def recorded(agent, kind):
    return [event["data"] for event in agent.events if event["kind"] == kind]


def test_scripts_of_workbench_log_as_they_did(agent):
    script = """
from azureml.logging import get_azureml_logger
logger = get_azureml_logger()
logger.log("accuracy", 0.75)
logger.log("losses", [2, 1])
answer(run.get_metrics())
"""
    assert answers(agent, script) == [{"accuracy": 0.75, "losses": [2, 1]}]


@pytest.mark.parametrize("file", FILES_OF_SCRIPTS, ids=lambda file: file.stem)
def test_the_package_has_the_syntax_of_python_36(file):
    ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 6))


def old_pythons():
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [next(iter(sorted(versions.glob(f"{v}.*/bin/python"))), None) for v in ("3.6", "3.7")]


@pytest.mark.parametrize("python", [*old_pythons(), sys.executable], ids=["3.6", "3.7", "ours"])
def test_a_script_logs_on_any_python(agent, python):
    if python is None:
        pytest.skip("this version is not installed")
    script = RUN + "run.log('loss', 0.5)\nrun.log_list('l', [1, 2])\nprint(run.get_metrics())\n"
    (agent.folder / "script.py").write_text(script, encoding="utf-8")
    starts = f"import subprocess\nsubprocess.check_call([{str(python)!r}, 'script.py'])\n"
    assert agent.run(starts) == (0, "{'loss': 0.5, 'l': [1, 2]}\n")


LOGGED = [
    pytest.param("run.log('m', 3)", 3, id="int"),
    pytest.param("run.log('m', value=0.25, step=7)", 0.25, id="with keywords"),
    pytest.param("run.log('m', True)", 1.0, id="bool"),
    pytest.param("run.log('m', 'late')", "late", id="text"),
    pytest.param("[run.log('m', v) for v in (3, 1, 2)]", [3.0, 1.0, 2.0], id="series"),
    pytest.param("[run.log('m', 1) for _ in range(4)]", [1.0] * 4, id="equal values"),
    pytest.param("run.log('m', 10 ** 400)", "1" + "0" * 400, id="larger than a float"),
    pytest.param("run.log_list('m', [0.5, 'b'])", [0.5, "b"], id="list"),
    pytest.param("run.log_list('m', [])", [], id="empty list"),
    pytest.param("run.log_list('m', list(range(50000)))", [*range(50000)], id="huge list"),
    pytest.param("run.log_row('m', x=1, y='b')", {"x": 1, "y": "b"}, id="row"),
    pytest.param(
        "[run.log_row('m', x=n, y=n * n) for n in (1, 2)]", {"x": [1, 2], "y": [1, 4]}, id="rows"
    ),
    pytest.param("run.log_table('m', {'x': [1, 2]})", {"x": [1, 2]}, id="table"),
    pytest.param("run.log_confusion_matrix('m', {'data': [[1]]})", {"data": [[1]]}, id="chart"),
    pytest.param("run.log_residuals('m', json.dumps({'data': 1}))", {"data": 1}, id="JSON text"),
    pytest.param("run.log_accuracy_table('m', {'data': 1})", {"data": 1}, id="accuracy table"),
    pytest.param("run.log_predictions('m', {'data': 1})", {"data": 1}, id="predictions"),
]


@pytest.mark.parametrize(("logs", "expected"), LOGGED)
def test_what_is_logged_is_read_back(agent, logs, expected):
    assert answers(agent, f"{logs}\nanswer(run.get_metrics()['m'])") == [expected]


def test_nan_and_infinity_are_logged(agent):
    script = """
for value in (float("nan"), float("-inf"), 1.0): run.log("m", value)
run.log_list("l", [float("nan")])
answer([str(v) for v in run.get_metrics()["m"] + run.get_metrics("l")["l"]])
"""
    assert answers(agent, script) == [["nan", "-inf", "1.0", "nan"]]
    assert [m["value"] for m in recorded(agent, "metric")] == ["NaN", "-Infinity", 1.0, ["NaN"]]


NUMPY = """
import numpy as np
class Tensor:
    def __init__(self, value): self.value = value
    def tolist(self): return self.value
run.log("m", np.float32(0.5)); run.log("m", np.int64(2)); run.log("m", np.array([3.0]))
run.log("m", Tensor(4.5)); run.log_list("l", np.arange(3)); run.log_table("t", {"x": np.arange(2)})
answer([run.get_metrics()[key] for key in "mlt"])
"""


def test_scalars_and_arrays_of_numpy_are_logged(agent):
    assert answers(agent, NUMPY) == [[[0.5, 2.0, 3.0, 4.5], [0, 1, 2], {"x": [0, 1]}]]


@pytest.mark.parametrize(
    "logs",
    ["run.log('m', [1, 2])", "run.log('m', None)", "run.log_list('m', 3)", "run.log_table('m', 3)"],
)
def test_what_cannot_be_logged_is_refused_by_name(agent, logs):
    script = f"""
from azureml.exceptions import UserErrorException
try: {logs}
except UserErrorException as error: answer(error.message)
"""
    assert "'m'" in answers(agent, script)[0]


def test_a_value_too_large_for_an_event_is_an_artifact(agent):
    answers(agent, "run.log_list('m', list(range(50000)))")
    (metric,) = recorded(agent, "metric")
    assert (metric["type"], "value" in metric) == ("list", False)
    stored = agent.folder / "outputs/artifacts" / metric["artifact"]
    assert json.loads(stored.read_text()) == [*range(50000)]


PLOTS = """
class Figure:
    def savefig(self, sink, format): sink.write(b"a " + format.encode())
class Axes: figure = Figure()
open("chart.jpg", "w").write("a jpg")
run.log_image("from plot", plot=Figure())
run.log_image("from axes", plot=Axes)
run.log_image("from file", path="chart.jpg")
for name in run.get_metrics().values(): run.download_file(name, "copies/")
import os
answer(sorted(open("copies/" + name).read() for name in os.listdir("copies")))
"""


def test_images_are_stored_as_they_are_logged(agent):
    assert answers(agent, PLOTS) == [["a jpg", "a png", "a png"]]
    assert {metric["type"] for metric in recorded(agent, "metric")} == {"image"}


def test_tags_change_and_properties_do_not(agent):
    script = """
run.tag("a", 1); run.set_tags({"b": "two", "c": None}); run.remove_tags("a")
run.add_properties({"p": 1}); run.add_properties({"p": 1, "q": 2})
answer([run.get_tags(), run.tags, run.get_properties()])
try: run.add_properties({"p": 2})
except Exception as error: answer(str(error))
"""
    facts = {"tags": {"z": "0"}, "properties": {"snapshot": "s"}}
    found = answers(agent, script, AML_RUN_FACTS=json.dumps(facts))
    tags = {"z": "0", "b": "two", "c": None}
    assert found[0] == [tags, tags, {"snapshot": "s", "p": "1", "q": "2"}]
    assert "properties cannot be changed" in found[1]
    assert {"key": "a", "value": None} in recorded(agent, "tag")
    added = [each for each in recorded(agent, "property") if each["key"] in "pq"]
    assert added == [{"key": "p", "value": "1"}, {"key": "q", "value": "2"}]


FILES = """
import io, os
os.makedirs("data/deep")
for name in ("data/a.txt", "data/deep/b.txt", "outputs/own.txt"): open(name, "w").write(name)
run.upload_file("outputs/model.pkl", "data/a.txt")
run.upload_file(name="notes/x", path_or_stream=io.BytesIO(b"bytes"))
run.upload_files(["one", "two"], ["data/a.txt", "data/deep/b.txt"])
run.upload_folder("folder", path="data")
answer([name for name in run.get_file_names() if not name.startswith(("logs", "outputs/art"))])
run.download_file("outputs/own.txt", "back.txt"); run.download_file("notes/x")
run.download_files(prefix="folder/", output_directory="all", append_prefix=False)
answer([open(name).read() for name in ("back.txt", "x", "all/deep/b.txt")])
"""


def test_files_are_visible_at_once(agent):
    names, contents = answers(agent, FILES)
    assert names == [
        "folder/a.txt", "folder/deep/b.txt", "notes/x", "one", "outputs/model.pkl",
        "outputs/own.txt", "two", "user_logs/std_log.txt",
    ]  # fmt: skip
    assert contents == ["outputs/own.txt", "bytes", "data/deep/b.txt"]


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../b"])
def test_a_name_that_leads_out_of_the_run_is_refused(agent, name):
    script = f"""
try: run.upload_file({name!r}, "train.py")
except Exception as error: answer(str(error))
"""
    assert "leads out" in answers(agent, script)[0]


def test_a_name_with_a_control_character_is_refused(agent):
    script = """
try: run.upload_file("a\\nb", "train.py")
except Exception as error: answer(str(error))
"""
    assert "has a control character" in answers(agent, script)[0]


OWN_LOGS = """
import os
print("before", flush=True)
run.get_all_logs(); run.get_all_logs("."); run.download_files()
print("after", os.path.isfile(f"assets/{run.id}/user_logs/std_log.txt"))
"""


def test_downloading_the_logs_does_not_end_the_log(agent):
    code, _ = agent.run(RUN + OWN_LOGS)
    log = (agent.folder / "user_logs" / "std_log.txt").read_text(encoding="utf-8")
    assert (code, log.split()) == (0, ["before", "after", "True"])


CHILDREN = """
with run.child_run("kid") as kid:
    kid.log("loss", 2); kid.tag("t", "v"); kid.upload_file("model", "train.py")
run.log("loss", 1)
grid = run.create_children(tag_key="alpha", tag_values=[0.1, 0.2])
grid[0].fail("bad luck"); grid[1].cancel(); grandchild = grid[1].child_run()
answer([kid.name, kid.parent.id, kid.get_status(), kid.get_metrics(), kid.get_file_names()])
answer([each.get_status() for each in run.get_children()])
answer([each.get_tags() for each in run.get_children(tags={"alpha": 0.2})])
answer([len(list(run.get_children(recursive=True))), len(list(Run.list(run.experiment)))])
nested = run.get_metrics(recursive=True)
answer([nested[run.id]["loss"], nested[kid.id]["loss"], Run.get(None, kid.id).id == kid.id])
try: run.create_children(101)
except Exception as error: answer(str(error))
"""


def test_child_runs(agent):
    found = answers(agent, CHILDREN)
    assert found[0] == ["kid", "exp_1_00000000", "Completed", {"loss": 2.0}, ["model"]]
    assert found[1:5] == [
        ["Canceled", "Failed", "Completed"],
        [{"alpha": "0.2"}],
        [4, 1],
        [1, 2, True],
    ]
    assert "Between 1 and 100" in found[5]
    kid = recorded(agent, "child")[0]
    assert (kid["name"], kid["parent"]) == ("kid", "exp_1_00000000")
    assert {"state": "Completed", "run": kid["run"]} in recorded(agent, "state")


def test_completing_the_run_does_not_end_it(agent):
    found = answers(agent, "run.complete()\nrun.log('m', 1)\nanswer(run.get_status())")
    assert found == ["Running"]
    assert agent.last_state == {"state": "Completed", "exit_code": 0}


def test_failing_the_run_fails_it_when_the_script_has_ended(agent):
    code, output = agent.run(RUN + "run.fail('no data', 'E1')\nprint('goes on')")
    assert (code, output) == (1, "goes on\n")
    assert agent.last_state == {"state": "Failed", "exit_code": 1, "error": "E1: no data"}


def test_cancelling_the_run_stops_the_script(agent):
    code, _ = agent.run(RUN + "import time\nrun.cancel()\ntime.sleep(60)")
    assert code != 0
    assert agent.last_state["state"] == "Canceled"


WORKERS = """
import multiprocessing, os, threading
def work(number):
    Run.get_context().log("m", number)
    threads = [threading.Thread(target=run.log, args=("t", n)) for n in range(5)]
    [t.start() for t in threads]; [t.join() for t in threads]
    return Run.get_context().id
if __name__ == "__main__":
    run.log("m", -1)
    with multiprocessing.get_context(METHOD).Pool(4) as pool:
        ids = set(pool.map(work, range(40), chunksize=1))
    logged = run.get_metrics()
    answer([sorted(logged["m"]) == list(range(-1, 40)), len(logged["t"]), sorted(ids)])
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_log_to_the_same_run(agent, method):
    script = f"METHOD = {method!r}\n{WORKERS}"
    assert answers(agent, script) == [[True, 200, ["exp_1_00000000"]]]


def outside(script, **variables):
    """Run a script outside a run, with our package on its path; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(SITE), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


OFFLINE = """
from azureml.core.run import Run, _OfflineRun
run = Run.get_context()
run.log("loss", 0.5)
run.log_row("row", x=1)
run.tag("k", "v")
run.complete()
print(isinstance(run, _OfflineRun), run.id.startswith("OfflineRun_"), hasattr(run, "experiment"))
try: Run.get_context(allow_offline=False)
except Exception as error: print(type(error).__name__)
"""


def test_outside_a_run_what_would_be_logged_is_printed():
    assert outside(OFFLINE).splitlines() == [
        "Attempted to log scalar metric loss:",
        "0.5",
        "Attempted to log row metric row:",
        "{'x': 1}",
        "Attempted to add tag k with value v",
        "True True False",
        "RunEnvironmentException",
    ]


@pytest.mark.parametrize(
    ("imports", "says"),
    [
        ("from azureml.core import Nothing", "azureml.core.Nothing is not offered inside a run"),
        ("import azureml.nothing", "azureml.nothing is not offered inside a run"),
        ("from azureml.core.run import Nothing", "azureml.core.run.Nothing is not offered"),
        ("from azureml import nothing", "azureml.nothing is not offered inside a run"),
        ("from azureml.pipeline.core import Nothing", "--keep-azureml"),
        ("from azureml.core import Worksapce", "inside a run. Did you mean 'Workspace'? docs/"),
        ("import azureml.core.modle", "inside a run. Did you mean 'model'? docs/"),
    ],
)
def test_a_name_that_is_not_there_says_what_to_use_instead(imports, says):
    script = f"try: {imports}\nexcept ImportError as error: print(error)\n"
    assert says in outside(script)


def test_a_name_that_is_known_refuses_when_it_is_used():
    script = """
from azureml.core import ComputeTarget
print(isinstance(1, ComputeTarget))
for use in (lambda: ComputeTarget(1), lambda: ComputeTarget.create):
    try: use()
    except NotImplementedError as error: print(error)
"""
    said = outside(script).splitlines()
    assert said[0] == "False"
    assert said[1].startswith("azureml.core.ComputeTarget is not offered inside a run.")
    assert said[2].startswith("azureml.core.ComputeTarget.create is not offered")


@pytest.fixture
def microsofts(tmp_path):
    """Return a folder that holds a package as Microsoft's is laid out."""
    core = tmp_path / "packages" / "azureml" / "core"
    core.mkdir(parents=True)
    (core.parent / "__init__.py").write_text("")
    (core / "__init__.py").write_text("VERSION = 'theirs'")
    (core.parent / "mlflow.py").write_text("NAME = 'of another distribution'")
    return tmp_path / "packages"


@pytest.mark.parametrize(
    ("mode", "version"), [("fill", "theirs"), ("always", "1.61.0")], ids=["fill", "always"]
)
def test_microsofts_package_is_preferred_only_where_ours_fills_in(microsofts, mode, version):
    path = f"{SITE}{os.pathsep}{microsofts}"
    script = "import azureml.core, azureml.mlflow as m; print(azureml.core.VERSION, m.NAME)"
    said = outside(script, PYTHONPATH=path, AML_AZUREML=mode)
    assert said == f"{version} of another distribution\n"


# As Microsoft's package does it: a queue that a timer empties, into a pool of threads.
LATER = """
from concurrent.futures import ThreadPoolExecutor
class MetricsClient:
    def __init__(self): self.pool, self.waiting = ThreadPoolExecutor(), []
    def flush(self): self.pool.submit(print, *self.waiting).result()
"""
IMPORTS = "import azureml.core\nfrom azureml._restclient.metrics_client import MetricsClient as M\n"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        pytest.param("", "0.5\n", id="at its end"),
        pytest.param("raise SystemExit", "0.5\n", id="by exiting"),
        pytest.param("client.waiting = None", "", id="and cannot be sent"),
    ],
)
def test_what_microsofts_package_has_not_sent_is_sent_when_the_script_ends(microsofts, ends, said):
    client = microsofts / "azureml" / "_restclient" / "metrics_client.py"
    client.parent.mkdir()
    client.write_text(LATER)
    path = f"{SITE}{os.pathsep}{microsofts}"
    script = f"{IMPORTS}client = M(); client.waiting.append(0.5)\n{ends}"
    assert outside(script, PYTHONPATH=path, AML_AZUREML="fill") == said


def test_ours_fills_in_where_theirs_is_absent():
    assert outside("import azureml.core as c; print(c.VERSION)", AML_AZUREML="fill") == "1.61.0\n"


def test_the_package_can_be_left_out(agent):
    code, output = agent.run("import azureml.core", "--azureml=never")
    assert code == 1
    assert "No module named 'azureml'" in output


WITH_MLFLOW = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("theirs", 0.5, step=3)
    with mlflow.start_run(nested=True): mlflow.log_metric("inner", 2)
run.log("ours", 1); run.tag("a", "b"); run.upload_file("notes/x.txt", "train.py")
seen = mlflow.get_run(run.id).data
answer([seen.metrics, seen.tags["a"], run.get_metrics("theirs"), run.get_status()])
answer([child.get_metrics() for child in run.get_children()])
answer([f.path for f in mlflow.MlflowClient().list_artifacts(run.id, "notes")])
"""


def test_mlflow_and_azureml_see_the_same_run(agent):
    found = answers(agent, WITH_MLFLOW, HOME=str(agent.folder))
    assert found == [
        [{"theirs": 0.5, "ours": 1.0}, "b", {"theirs": 0.5}, "Running"],
        [{"inner": 2.0}],
        ["notes/x.txt"],
    ]


INPUTS = """
answer([run.input_datasets["train"], dict(run.output_datasets)])
try: run.input_datasets["tets"]
except Exception as error: answer(str(error))
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"AZUREML_DATAREFERENCE_train": "/data/train"},
        {"AML_INPUT_DATASETS": json.dumps({"train": "/data/train"})},
    ],
    ids=["one variable each", "one variable"],
)
def test_an_input_of_files_is_a_path(agent, variables):
    # No workspace is needed for it.
    out = {"AML_OUTPUT_DATASETS": json.dumps({"model": "/out"})}
    found = answers(agent, INPUTS, **variables, **out)
    assert found == [
        ["/data/train", {"model": "/out"}],
        "The run has no input 'tets'; it has train.",
    ]


SECRETS = """
answer([run.get_secret("db-password"), run.get_secrets(["db-password"])])
try: run.get_secret("other")
except Exception as error: answer(str(error))
"""


def test_secrets_are_variables_of_the_run(agent):
    found = answers(agent, SECRETS, AML_SECRET_DB_PASSWORD="hidden")
    assert found[0] == ["hidden", {"db-password": "hidden"}]
    assert "AML_SECRET_OTHER" in found[1]


def test_the_token_of_another_run_is_refused(agent):
    script = (
        "import os\nos.environ['AML_AGENT_TOKEN'] = 'guessed'\n"
        + RUN
        + ("try: run.log('m', 1)\nexcept Exception as error: print(type(error).__name__, error)")
    )
    assert agent.run(script) == (0, "ServiceException The token is missing or wrong.\n")


CONDA = """name: training
channels:
  - conda-forge
dependencies:
  - python=3.6.2  # a comment
  - 'numpy>=1.19'
  - pip:
    - azureml-defaults
    - "torch==1.8"
  - scipy
"""
ENVIRONMENT = """
environment = run.get_environment()
packages = environment.python.conda_dependencies
answer([environment.name, packages.conda_channels, packages.conda_packages, packages.pip_packages])
packages.add_pip_package("tqdm"); environment.save_to_directory("saved")
from azureml.core import Environment
back = Environment.load_from_directory("saved")
answer([back.name, back.python.conda_dependencies.pip_packages])
"""


def test_the_environment_is_the_one_the_run_was_submitted_with(agent):
    facts = json.dumps({"environment": {"name": "env", "conda": CONDA}})
    assert answers(agent, ENVIRONMENT, AML_RUN_FACTS=facts) == [
        ["env", ["conda-forge"], ["python=3.6.2", "numpy>=1.19", "scipy"],
         ["azureml-defaults", "torch==1.8"]],
        ["env", ["azureml-defaults", "torch==1.8", "tqdm"]],
    ]  # fmt: skip


def test_looking_through_all_modules_does_no_harm():
    script = """
import sys, azureml.core.run, azureml.data
modules = [module for name, module in sys.modules.items() if name.startswith("azureml")]
print(len(modules) > 3, any(hasattr(module, "no_such_function") for module in modules))
from azureml.core import *
print(Run.__name__, azureml.core.run.Run is Run)
"""
    assert outside(script) == "True False\nRun True\n"


def test_an_attribute_that_is_not_there_says_where_to_look(agent):
    script = """
answer([hasattr(run, "no_such_method"), hasattr(run.experiment, "archive")])
try: run.experiment.workspace.webservices
except AttributeError as error: answer(str(error))
"""
    found = answers(agent, script)
    assert found[0] == [False, False]
    assert found[1].startswith("'Workspace' object has no attribute 'webservices' inside a run")


def test_every_name_of_the_table_is_where_the_table_says():
    script = """
import azureml, importlib
from aml_agent.in_run.names import LATE, MODULES
for table in (MODULES, LATE):
    for module, names in table.items():
        found = importlib.import_module(module)
        for name in names: getattr(found, name)
        print(set(n for n in names if n[0] != "_") - set(found.__all__), end=" ")
"""
    assert set(outside(script).split()) == {"set()"}


def test_libraries_can_look_for_the_package():
    script = """
import importlib.util
names = ("azureml", "azureml.core.run", "azureml.train", "azureml.core.nothing")
print([importlib.util.find_spec(name) is not None for name in names])
"""
    assert outside(script) == "[True, True, False, False]\n"
