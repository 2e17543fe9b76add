"""A real daemon over TLS (``cloud``), and the chain of handlers without a server (``chain``)."""

import json
import os
import subprocess
import sys
import textwrap
from itertools import count

import pytest

from localcloud.calls.cloud import Cloud
from localcloud.store.store import Store
from tests import processes
from tests.localcloud.harness import (
    SUB,
    Chain,
    Clock,
    make_workspace,
    running_daemon,
)

_NAMES = count()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """One daemon for the whole session; tests make names of their own in it."""
    with running_daemon(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def group(cloud) -> str:
    """An empty resource group's id."""
    made = f"{SUB}/resourceGroups/group-{next(_NAMES)}"
    assert cloud.arm("PUT", made, {"location": "westeurope"}).status_code == 201
    return made


@pytest.fixture(scope="session")
def workspace(cloud) -> str:
    """The id of a workspace with its prerequisites, for all tests of the session."""
    return make_workspace(cloud.arm, f"{SUB}/resourceGroups/shared")


@pytest.fixture
def chain(tmp_path):
    clock = Clock()
    store = Store(tmp_path / "cloud")
    yield Chain(Cloud(store, tmp_path / "cloud", "https://127.0.0.1:1", clock=clock), clock)
    store.close()


@pytest.fixture
def chain_workspace(chain) -> str:
    """The id of a workspace in the chain's cloud."""
    return make_workspace(chain.arm, f"{SUB}/resourceGroups/g")


@pytest.fixture(scope="session")
def tracked(cloud, workspace, tmp_path_factory):
    """Return a function that runs Python with mlflow pointed at the cloud; its JSON comes back.

    mlflow takes seconds to import, so one process imports it and forks another for each program.
    """
    errors = tmp_path_factory.mktemp("mlflow") / "stderr.txt"
    with (
        errors.open("w") as sink,
        processes.start(
            [sys.executable, "-W", "ignore", "-c", SERVER],
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": f"{cloud.url}/mlflow/v2.0{workspace}",
                "MLFLOW_TRACKING_SERVER_CERT_PATH": str(cloud.ca),
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        ) as server,
    ):

        def run(code: str):
            server.stdin.write(json.dumps([cloud.token, textwrap.dedent(code)]) + "\n")
            server.stdin.flush()
            lines = list(iter(server.stdout.readline, "done\n"))
            assert lines, errors.read_text()
            return json.loads(lines[-1])

        yield run
        server.stdin.close()


SERVER = """
import json, logging, math, os, sys, traceback
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
logging.disable()

def refused(work, *args):
    try:
        work(*args)
    except MlflowException as error:
        return error.error_code

def forked(program):
    try:
        exec(program, globals() | {"client": MlflowClient()})
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.environ["MLFLOW_TRACKING_TOKEN"], program = json.loads(line)
        forked(program)
    os.waitpid(child, 0)
    print("done", flush=True)
"""
