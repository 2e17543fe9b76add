"""The data of a run: the same inputs, arguments and outputs on this machine and on a cluster."""

import http.server
import json
import threading
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest

from infra.arm.client import local_client
from infra.contract.errors import DefinitionError, NotDeployedError, UsageError
from infra.contract.manifest import Manifest, WorkspaceEntry
from runtime.agent.assets.dataset import Dataset
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.definitions import TABULAR, Definition
from runtime.agent.run_data import DATA_VARIABLE, MICROSOFTS_INPUTS, MICROSOFTS_OUTPUTS, RunData
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.states import RunState
from runtime.submit.submitting import check_possible
from runtime.targets.azureml import AzureMLTarget
from runtime.targets.local import LocalTarget
from runtime.targets.run_places import Workspace
from runtime.targets.workspace_transport import WorkspaceTransport
from runtime.testing.targets import a_run, poll
from tests.localcloud.harness import SUB, connect, make_workspace, waited
from tests.runtime.test_azureml_target import CLUSTER

_NUMBERS = count(1)
SHOWS = """
import json, os, sys
from pathlib import Path

def content(path):
    found = Path(path)
    if found.is_dir():
        return {p.relative_to(found).as_posix(): p.read_text() for p in sorted(found.rglob("*"))
                if p.is_file()}
    return found.read_text() if found.is_file() else path

variables = {k: v for k, v in os.environ.items() if k.startswith(("AZUREML_DATAREF", "MY_"))}
print("SHOWN", json.dumps({
    "variables": {k: content(v) for k, v in variables.items()},
    "arguments": [content(each) for each in sys.argv[1:]],
    "datasets": sorted(json.loads(os.environ.get("AML_INPUT_DATASETS", "{}"))),
}))
"""
WRITES = """
import os, sys
from pathlib import Path
for place in sys.argv[1:]:
    Path(place).mkdir(parents=True, exist_ok=True)
    (Path(place) / "sub").mkdir(exist_ok=True)
    (Path(place) / "sub" / "a.csv").write_text("n\\n1\\n")
"""


@pytest.fixture(scope="module")
def workspace(aml_home, local_cloud):
    """Return a workspace with a cluster `cpu` and a few files, a manifest beside it."""
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/rundata")
        body = {
            "location": "westeurope",
            "properties": {"computeType": "AmlCompute", "properties": CLUSTER},
        }
        assert cloud.arm("PUT", f"{made}/computes/cpu", body).is_success
    with closing(local_client(aml_home)) as client:
        found = Workspace(WorkspaceTransport(client, made))
        store = Datastore(found)
        for name in ("in/a.txt", "in/sub/b.txt"):
            store.container().write(name, name.encode())
        Dataset.File.from_files((store, "in")).register(found, "folder")
        Dataset.File.from_files((store, "in/a.txt")).register(found, "one")
        Dataset.File.from_files((store, "in/**/*.txt")).take(1).register(found, "some")
        yield found


@pytest.fixture(params=["local", "azureml"])
def target(request, workspace, aml_home, tmp_path):
    """Return a target that reaches the workspace."""
    made = workspace.transport.workspace_id
    if request.param == "local":
        entry = WorkspaceEntry(id=made, name="demo", location="westeurope")
        manifest = Manifest(project="p", stack="local", cloud="local", workspace=entry)
        (tmp_path / "manifest.json").write_text(manifest.to_json())
        yield LocalTarget(aml_home, manifest=tmp_path / "manifest.json", stack="local")
    else:
        with closing(local_client(aml_home)) as client:
            compute = f"{made}/computes/cpu"
            target = AzureMLTarget("cpu", client, workspace_id=made, compute_id=compute)
            yield target
            target.close()


@pytest.fixture
def execute(target, tmp_path):
    """Return what runs a script with data; it returns the status, the log and the run's id."""

    def run(script, *arguments, inputs=(), outputs=()):
        folder = tmp_path / f"src{next(_NUMBERS)}"
        folder.mkdir()
        environment = EnvironmentSpec("user_managed", interpreter="python")
        made = a_run(
            folder, script, *arguments, environment=environment, inputs=inputs, outputs=outputs
        )
        check_possible(made.spec, target)
        handle = target.launch(made)
        return ended(target, handle), log(target, handle), made.run_id

    return run


def ended(target, handle):
    waited(lambda: poll(target, handle).state.final, seconds=60)
    return poll(target, handle)


def log(target, handle):
    chunks = target.logs(handle, {})
    return "".join(chunk.text for chunk in chunks if chunk.name == "user_logs/std_log.txt")


def on_store(path, name=None):
    return DataLocation("datastore", path, name)


def shown(text):
    line = next(line for line in text.splitlines() if line.startswith("SHOWN"))
    return json.loads(line.removeprefix("SHOWN"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Return the address of a file on the web."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "w.txt").write_text("web")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/w.txt"
        server.shutdown()


def test_inputs_of_every_kind_are_found(execute, tmp_path, address):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "l.txt").write_text("local")
    inputs = (
        DataInput("folder", on_store("in")),
        DataInput("file", on_store("in/a.txt", "workspaceblobstore"), "download"),
        DataInput("here", DataLocation("local", str(tmp_path / "mine"))),
        DataInput("copied", DataLocation("local", str(tmp_path / "mine/l.txt")), "download"),
        DataInput("web", DataLocation("url", address), variable="MY_WEB"),
        DataInput("data", DataLocation("asset", "folder:1")),
        DataInput("single", DataLocation("asset", "one@latest"), "download"),
        DataInput("some", DataLocation("asset", "some:1")),
        DataInput("table", DataLocation("asset", "some@latest"), "direct"),
        DataInput("where", DataLocation("url", address), "direct"),
    )
    arguments = ("--in=$AZUREML_DATAREFERENCE_table", "$AZUREML_DATAREFERENCE_folder", "$HOME")
    status, text, _ = execute(SHOWS, *arguments, inputs=inputs)
    assert status.state is RunState.COMPLETED, (status.error, text)
    found = shown(text)
    whole = {"a.txt": "in/a.txt", "sub/b.txt": "in/sub/b.txt"}
    assert found["variables"] == {
        "AZUREML_DATAREFERENCE_folder": whole,
        "AZUREML_DATAREFERENCE_file": "in/a.txt",
        "AZUREML_DATAREFERENCE_here": {"l.txt": "local"},
        "AZUREML_DATAREFERENCE_copied": "local",
        "AZUREML_DATAREFERENCE_web": "web",
        "MY_WEB": "web",
        "AZUREML_DATAREFERENCE_data": whole,
        "AZUREML_DATAREFERENCE_single": "in/a.txt",
        "AZUREML_DATAREFERENCE_some": {"a.txt": "in/a.txt"},
        "AZUREML_DATAREFERENCE_table": "some:1",
        "AZUREML_DATAREFERENCE_where": address,
    }
    assert found["arguments"] == ["--in=some:1", whole, "$HOME"]
    assert found["datasets"] == sorted(each.name for each in inputs)


def test_inputs_are_put_where_the_script_wants_them(execute, tmp_path):
    (tmp_path / "l.txt").write_text("local")
    (tmp_path / "elsewhere").mkdir()
    inputs = (
        DataInput("a", on_store("in"), path_on_compute="data/in"),
        DataInput("b", DataLocation("local", str(tmp_path / "l.txt")), "download", "data/l.txt"),
        DataInput("c", on_store("in/a.txt"), path_on_compute=str(tmp_path / "elsewhere/c.txt")),
    )
    script = "print(open('data/in/sub/b.txt').read(), open('data/l.txt').read(), end=' ')\n"
    script += f"print(open({str(tmp_path / 'elsewhere/c.txt')!r}).read())\n"
    status, text, _ = execute(script, inputs=inputs)
    assert status.state is RunState.COMPLETED, (status.error, text)
    assert "in/sub/b.txt local in/a.txt" in text


def test_a_place_that_is_taken_fails_the_run(execute):
    inputs = (DataInput("a", on_store("in"), path_on_compute="train.py"),)
    status, _, _ = execute("print(1)", inputs=inputs)
    assert status.state is RunState.FAILED
    assert "Input 'a'" in status.error
    assert "overwrite" in status.error


def test_outputs_are_stored_and_registered(execute, workspace):
    name = f"made{next(_NUMBERS)}"
    outputs = (
        DataOutput("plain"),
        DataOutput("named", on_store("results/{run-id}/{output-name}"), registered_as=name),
        DataOutput("placed", path_on_compute="outputs/kept", mechanism="upload"),
    )
    places = ["$AZUREML_DATAREFERENCE_plain", "$AZUREML_DATAREFERENCE_named", "outputs/kept"]
    status, text, run_id = execute(WRITES, *places, outputs=outputs)
    assert status.state is RunState.COMPLETED, (status.error, text)
    store = Datastore(workspace)
    for place in (f"azureml/{run_id}/plain", f"results/{run_id}/named", f"azureml/{run_id}/placed"):
        assert [blob.name for blob in store.blobs(place)] == [f"{place}/sub/a.csv"]
    assert Dataset.get_by_name(workspace, name).to_path() == ["/sub/a.csv"]


def test_a_failed_script_keeps_its_outputs_and_registers_none(execute, workspace):
    outputs = (DataOutput("plain", registered_as="never"),)
    script = WRITES + "sys.exit(3)\n"
    status, _, run_id = execute(script, "$AZUREML_DATAREFERENCE_plain", outputs=outputs)
    assert status.state is RunState.FAILED
    assert Datastore(workspace).blobs(f"azureml/{run_id}/plain")
    assert "never" not in Dataset.get_all(workspace)


@pytest.mark.parametrize("target", ["local"], indirect=True)
def test_a_failed_upload_fails_the_run_by_name(execute):
    script = "import os\nopen(os.environ['AZUREML_DATAREFERENCE_o'] + '/a\\nb', 'w').close()\n"
    status, _, _ = execute(script, outputs=(DataOutput("o"),))
    assert status.state is RunState.FAILED
    assert "Output 'o'" in status.error


def test_a_table_is_registered_as_one(execute, workspace):
    name = f"table{next(_NUMBERS)}"
    reader = {"format": "delimited", "path_glob": "**/*.csv"}
    output = DataOutput(
        "o",
        registered_as=name,
        description="d",
        tags={"a": "1"},
        definition=Definition(TABULAR, [], reader).json(),
    )
    for version in (1, 2):
        status, text, _ = execute(WRITES, "$AZUREML_DATAREFERENCE_o", outputs=(output,))
        assert status.state is RunState.COMPLETED, (status.error, text)
        assert Dataset.get_by_name(workspace, name).version == version
    made = Dataset.get_by_name(workspace, name)
    assert list(made.to_pandas_dataframe()["n"]) == [1]
    assert (made.description, made.tags) == ("d", {"a": "1"})


def test_data_that_is_not_there_is_named(execute):
    missing = (DataInput("gone", on_store("nowhere")),)
    try:
        status, _, _ = execute("print(1)", inputs=missing)
    except DefinitionError as error:
        said = str(error)
    else:
        assert status.state is RunState.FAILED
        said = status.error
    assert "Input 'gone'" in said
    assert "nowhere" in said


def test_registered_data_that_is_not_there_is_refused_before_the_run_starts(execute):
    missing = (
        DataInput("gone", DataLocation("asset", "nowhere:1")),
        DataInput("old", DataLocation("asset", "folder:9")),
    )
    with pytest.raises(DefinitionError, match=r"Input 'gone'.*nowhere"):
        execute("print(1)", inputs=missing)


@pytest.mark.parametrize("target", ["local"], indirect=True)
def test_all_problems_are_found_before_anything_is_sent(execute, tmp_path):
    inputs = (
        DataInput("a", DataLocation("local", str(tmp_path / "none"))),
        DataInput("b", DataLocation("url", "ftp://x/y")),
        DataInput("c", on_store("../up")),
    )
    with pytest.raises(UsageError) as caught:
        execute(
            "print(1)", inputs=inputs, outputs=(DataOutput("o", DataLocation("url", "http://x")),)
        )
    assert str(caught.value).count("Input ") == 3
    assert "Output 'o'" in str(caught.value)


def test_without_a_workspace_local_data_and_addresses_work(tmp_path, address):
    (tmp_path / "src").mkdir()
    (tmp_path / "l.txt").write_text("local")
    target = LocalTarget(tmp_path / "home", stack="local")
    inputs = (
        DataInput("l", DataLocation("local", str(tmp_path / "l.txt"))),
        DataInput("w", DataLocation("url", address)),
    )
    run = a_run(tmp_path / "src", SHOWS, environment=None, inputs=inputs)
    check_possible(run.spec, target)
    handle = target.launch(run)
    assert ended(target, handle).state is RunState.COMPLETED
    assert set(shown(log(target, handle))["variables"].values()) == {"local", "web"}
    for spec in (
        replace(run.spec, outputs=(DataOutput("o"),)),
        replace(run.spec, inputs=(DataInput("d", DataLocation("asset", "x:1"), "direct"),)),
    ):
        with pytest.raises(NotDeployedError, match="never deployed"):
            check_possible(spec, target)


def test_microsofts_package_finds_the_data_that_has_a_usable_name(tmp_path):
    read = {"train": {}, "table": {"text": True}, "no-name": {}, "HOME": {}}
    given = {"inputs": read, "outputs": {"made": {}, "log": {}}}
    places = {f"AZUREML_DATAREFERENCE_{n}": f"/data/{n}" for n in ("train", "table", "HOME")}
    places["AZUREML_DATAREFERENCE_no-name"] = "/data/other"
    places |= {f"AZUREML_DATAREFERENCE_{n}": str(tmp_path / n) for n in given["outputs"]}
    environ = {DATA_VARIABLE: json.dumps(given), "HOME": "/root", "log": "mine", **places}
    set_ = RunData(environ, tmp_path, print).prepare()
    assert (set_[MICROSOFTS_INPUTS], set_[MICROSOFTS_OUTPUTS]) == (
        "train:mount,table:direct",
        "made",
    )
    assert (set_["train"], set_["table"]) == ("/data/train", "/data/table")
    assert not {"HOME", "log", "no-name"} & set_.keys()
