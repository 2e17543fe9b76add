"""The pytest plugin that other projects use: light to import, and its local cloud answers."""

import subprocess
import sys

from infra.contract.discovery import ask


def test_the_local_cloud_answers(local_cloud):
    status = ask(local_cloud, "/aml/status")
    assert status["id"] == local_cloud.id


def test_importing_the_plugin_loads_little():
    """Every pytest run of an environment imports it."""
    program = "import sys, runtime.testing.plugin; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(said.stdout.split())
    assert not loaded & {"pydantic", "yaml", "httpx", "pulumi", "starlette", "click", "rich"}
    assert "runtime.targets.local" not in loaded
