"""Third-party clients, each in an environment of its own, against a running cloud.

Environments are created with uv once and kept in ``.uv/clients``. If packages cannot be installed,
the tests are skipped with the reason; with ``CI=true`` they fail instead.

A test module lists its programs and their packages in ``PROGRAMS``. Those of all collected modules
run two at a time, since they mostly wait: for imports, polling intervals and jobs.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.contract.discovery import SUBSCRIPTION, TENANT
from tests.kept_environments import keep_environments
from tests.localcloud.harness import SUB, make_workspace, running_daemon

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "programs"
GROUP = "clients"
ONE_CLOUD, LIST_OF_CLOUDS = "2022-09-01", "2019-05-01"  # api-versions of the cloud's metadata
INSTALLING = threading.Lock()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """One daemon with a workspace ``demo`` in the group ``clients``."""
    home = tmp_path_factory.mktemp("home")
    keep_environments(home)
    with running_daemon(home) as running:
        make_workspace(running.arm, f"{SUB}/resourceGroups/{GROUP}")
        yield running


@pytest.fixture(scope="session")
def observe(cloud, request, tmp_path_factory):
    """Return a function that returns what a program reports.

    Each program has a workspace of its own.
    """

    def run(program: str, packages: tuple[str, ...]):
        workspace = program.replace("_", "-")
        make_workspace(cloud.arm, f"{SUB}/resourceGroups/{GROUP}", workspace)
        home = str(tmp_path_factory.mktemp(program, numbered=True))
        return reported(cloud, program, packages, workspace, home)

    wanted = {}
    for item in request.session.items:
        if request.fixturename in getattr(item, "fixturenames", ()):
            wanted |= item.module.PROGRAMS
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(run, name, packages) for name, packages in wanted.items()}
        yield lambda name: running[name].result()


def reported(cloud, program: str, packages: tuple[str, ...], workspace: str, home: str):
    """Return what a program reports that speaks to a workspace; ``home`` is its home folder."""
    metadata = LIST_OF_CLOUDS if "azureml-" in " ".join(packages) else ONE_CLOUD
    environment = {
        **os.environ,
        # Microsoft's azureml packages keep what they learn about clouds in the home folder.
        "HOME": home,
        "AZURE_CONFIG_DIR": home,
        "CLOUD_URL": cloud.url,
        "CLOUD_GROUP": GROUP,
        "CLOUD_WORKSPACE": workspace,
        "REQUESTS_CA_BUNDLE": str(cloud.ca),
        "SSL_CERT_FILE": str(cloud.ca),
        "ARM_CLOUD_METADATA_URL": f"{cloud.url}/metadata/endpoints?api-version={metadata}",
        "AZUREML_RUN_POLLING_INTERVAL_MIN": "0",
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_TENANT_ID": TENANT,
    }
    done = subprocess.run(
        [interpreter(*packages), FILES / f"{program}.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def interpreter(*packages: str) -> Path:
    """Return the Python of an environment with ``packages``, creating it if needed."""
    key = hashlib.sha256("\n".join((sys.version, *sorted(packages))).encode()).hexdigest()[:16]
    folder = ROOT / ".uv" / "clients" / key
    python = folder / "bin" / "python"
    ready = folder / "ready"
    with installing(folder):  # several programs use the same environment
        if not ready.exists():
            uv(["venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            uv(["pip", "install", "--quiet", "--python", str(python), *packages])
            ready.touch()
    return python


@contextmanager
def installing(folder: Path):
    """Keep other threads and other workers of the tests from installing at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with INSTALLING, folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def uv(arguments: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("uv")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == 0:
        return
    reason = f"packages of other clients cannot be installed: {done.stderr.strip()[-300:]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
