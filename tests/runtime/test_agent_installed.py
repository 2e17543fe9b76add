"""What the agent reports of the environment that a service built."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from runtime.agent import installed
from runtime.environments.resolved import ResolvedLock
from runtime.model.environments import LOCK_PROPERTY


def test_the_versions_of_all_packages_are_reported():
    found = ResolvedLock(installed.installed_lock())
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.versions["pytest"] == version("pytest")
    assert not found.is_conda


def test_an_environment_of_conda_is_reported_with_its_builds(tmp_path):
    (tmp_path / "conda-meta").mkdir()
    record = {"name": "numpy", "version": "1.26.4", "build": "py311h0_0"}
    channel = "https://conda.example.org/t/planted-token/conda-forge/linux-64"
    text = json.dumps({**record, "channel": channel})
    (tmp_path / "conda-meta/numpy.json").write_text(text)
    (tmp_path / "conda-meta/broken.json").write_text("{")
    found = ResolvedLock(installed.installed_lock(str(tmp_path)))
    assert found.is_conda
    assert found.versions["numpy"] == "1.26.4=py311h0_0"
    assert found.versions["pytest"] == version("pytest")
    assert "- conda-forge\n" in found.text
    assert "planted" not in found.text


def test_the_run_names_the_report_by_its_digest(agent):
    assert agent.run("print(1)")[0] == 0
    text = (agent.folder / installed.FILE).read_text(encoding="utf-8")
    reported = [event["data"] for event in agent.events if event["kind"] == "property"]
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert reported == [{"key": LOCK_PROPERTY, "value": digest}]
    assert ResolvedLock(text).digest == digest


def test_an_environment_that_was_built_with_a_lock_reports_that(tmp_path):
    (tmp_path / installed.BUILT).write_text("# aml lock 1\n# python: 3.6.15\n")
    events = []
    report = tmp_path / "report.txt"
    installed.report_installed(lambda *event: events.append(event), report, tmp_path)
    assert ResolvedLock(report.read_text()).python == "3.6.15"
    assert events[0][1]["value"] == ResolvedLock(report.read_text()).digest


def test_where_the_agent_runs_on_another_python_it_reports_nothing(agent):
    agent.run("print(1)", "--private")
    assert not (agent.folder / installed.FILE).exists()


def test_an_address_is_reported_without_credentials(tmp_path):
    info = tmp_path / "planted_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted-package\nVersion: 1.0\n")
    origin = {
        "url": "https://me:planted-secret@example.org/x.git?token=planted-token",
        "vcs_info": {"vcs": "git", "commit_id": "0123abc"},
    }
    (info / "direct_url.json").write_text(json.dumps(origin))
    program = "from runtime.agent.installed import installed_lock; print(installed_lock())"
    root = Path(__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{root}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "planted-package @ git+https://example.org/x.git@0123abc\n" in output
    assert "planted-secret" not in output
    assert "planted-token" not in output
