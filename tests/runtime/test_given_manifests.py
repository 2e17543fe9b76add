"""Runs that were submitted with ``--manifest FILE``: whoever asks for them later finds them."""

import json
import shutil
import subprocess

import pytest

from tests.killed_submitters import AML, FINAL, STAGES, ended, killed, listed
from tests.runtime.hosts import loopback, make_key, require_hosts

pytestmark = [pytest.mark.slow, pytest.mark.needs_sshd]
SCRIPT = "import time\nprint('started', flush=True)\ntime.sleep(2)\n"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with loopback(folder) as made:
        made.account("trainer", key=make_key(folder / "key"))
        yield made


@pytest.fixture
def given(host, tmp_path):
    """A project, and a manifest of no stack of it that has a machine as `box`."""
    target = {
        "id": "/computes/box",
        "kind": "virtual_machine",
        "address": host.address,
        "port": host.port,
        "user": "trainer",
        "host_key": host.host_key,
        "credentials": {"private_key": f"file:{host.folder.parent / 'key'}"},
    }
    workspace = {"id": "/w", "name": "w", "location": "westeurope"}
    document = {"project": "p", "stack": "other", "cloud": "azure", "workspace": workspace}
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    file = tmp_path / "given.json"
    file.write_text(json.dumps({**document, "targets": {"box": target}}))
    return folder, file


def submitting(file):
    return ["--manifest", str(file), "--target", "box", "train.py"]


@pytest.mark.parametrize("stage", ["recorded", "launched", "carried"])
def test_a_killed_submission_ends_although_its_manifest_is_gone(given, stage):
    folder, file = given
    assert killed(folder / "home", folder, submitting(file), {}, STAGES[stage])
    file.unlink()
    (run,) = ended(folder / "home", {})
    assert run["state"] in FINAL
    assert run["state"] == "Completed" or run["error"]


def test_logs_and_reruns_need_no_manifest_either(given):
    folder, file = given
    environ = {"AML_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}

    def aml(*arguments):
        command = [str(AML), *arguments]
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False
        )

    assert aml("submit", "--detach", *submitting(file)).returncode == 0
    shutil.move(file, folder / "elsewhere.json")
    again = aml("run", "rerun", "last")
    assert again.returncode == 0, again.stderr
    runs = ended(folder / "home", {})
    assert [run["state"] for run in runs] == ["Completed", "Completed"]
    for run in runs:
        assert "started" in aml("run", "logs", run["run_id"]).stdout
    assert listed(folder / "home", folder, {}) == runs
