"""The same classes beside a script of an old Python, with nothing else installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runtime.agent.assets.dataset

PROGRAM = """
import json, os, ssl, sys, urllib.error, urllib.request
sys.path.insert(0, sys.argv[1])
from carried.dataset import Dataset
from carried.datastore import Datastore
from carried.errors import MissingPackageError, WebserviceException
from carried.model import Model
from carried.transport import Transport


class Https(Transport):
    def __init__(self, url, token, ca, workspace):
        self.ca_file, self.workspace_id, self._url, self._token = ca, workspace, url, token
        handler = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)

    def arm(self, method, path, body=None):
        url = path if "://" in path else self._url + self.workspace_id + path
        url += ("&" if "?" in url else "?") + "api-version=2025-12-01"
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, content, headers, method=method)
        try:
            with self._opener.open(request) as answer:
                return answer.status, json.loads(answer.read().decode() or "{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read().decode() or "{}")


class Workspace:
    transport = Https(*sys.argv[2:6])


workspace, here = Workspace(), sys.argv[6]
store = Datastore(workspace)
store.upload(os.path.join(here, "in"), "old", show_progress=False)
dataset = Dataset.File.from_files((store, "old/**")).register(workspace, "old")
found = dataset.download(os.path.join(here, "out"))
large = os.path.getsize(found[-1])
made = [Model.register(workspace, found[0], "old").version for _ in range(2)]
try:
    Model(workspace, "none")
except WebserviceException as error:
    absent = error.message
try:
    rows = len(Dataset.Tabular.from_delimited_files((store, "old/a.csv")).to_pandas_dataframe())
except MissingPackageError as error:
    rows = str(error)
print(json.dumps({"paths": dataset.to_path(), "large": large, "versions": made,
                  "absent": absent, "rows": rows}))
"""


def pythons():
    """Return old Pythons by version, those that are here."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {
        v: next(iter(sorted(versions.glob(f"{v}.*/bin/python"))), None) for v in ("3.6", "3.7")
    }
    return {**found, "this": Path(sys.executable)}


@pytest.mark.parametrize("version", ["3.6", "3.7", "this"])
def test_data_and_models_from_an_old_python(version, cloud, workspace, tmp_path):
    python = pythons()[version]
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    shutil.copytree(
        Path(runtime.agent.assets.dataset.__file__).parent, tmp_path / "lib" / "carried"
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("n\n1\n2\n")
    (tmp_path / "in" / "large").write_bytes(b"x" * (2 << 20))
    arguments = [tmp_path / "lib", cloud.url, cloud.token, cloud.ca, workspace.id, tmp_path]
    done = subprocess.run(
        [python, "-W", "error", "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.defpath},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["paths"] == ["/a.csv", "/large"]
    assert (said["large"], said["versions"]) == (2 << 20, [1, 2])
    assert "ModelNotFound" in said["absent"]
    assert said["rows"] == 2 or "add it to the packages of the environment" in said["rows"]
