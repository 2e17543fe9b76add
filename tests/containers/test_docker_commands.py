"""The command line on runs in containers: where they are sent, entered and reached."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes
from tests.containers.conftest import until

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]

AML = Path(sys.executable).with_name("aml")
SERVES = """
import http.server
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", 6006), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
CONFIGURATION = """
script: serve.py
target: local
docker: {useDocker: true, shmSize: 64m}
environment:
  docker: {baseImage: "%s"}
  python: {userManagedDependencies: true, interpreterPath: python3}
"""


@pytest.fixture
def aml(tmp_path, base):
    """Return a function that runs a command in a project with a run configuration `docker`."""
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "docker.runconfig").write_text(CONFIGURATION % base)
    (tmp_path / "serve.py").write_text(SERVES)
    environ = {**os.environ, "AML_HOME": str(tmp_path / ".aml")}

    def run(*arguments, start=False, **how):
        how |= {"cwd": tmp_path, "env": environ, "text": True}
        command = [str(AML), *arguments]
        if start:
            return processes.start(command, stdout=subprocess.PIPE, **how)
        return subprocess.run(command, capture_output=True, check=False, **how)

    return run


def test_a_run_configuration_with_docker_is_followed_entered_and_reached(aml, base):
    planned = aml("submit", "-c", "docker", "--dry-run")
    assert "target       docker" in planned.stdout, planned.stderr
    assert f"image        {base} (there)" in planned.stdout
    submitted = aml("submit", "-c", "docker", "--detach")
    run_id = submitted.stdout.strip()
    until(lambda: "serving" in aml("run", "logs", "last").stdout)
    entered = aml("run", "exec", "-1", "sh", "-c", "cat; echo $AZUREML_RUN_ID; exit 4", input="in ")
    assert (entered.stdout, entered.returncode) == (f"in {run_id}\n", 4)
    forwarding = aml("run", "ports", run_id, "6006:0", start=True)
    try:
        address = forwarding.stdout.readline().split()[0]
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /serve.py HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.endswith(SERVES.encode())
    finally:
        forwarding.send_signal(signal.SIGINT)
        forwarding.communicate(timeout=60)
    assert "Requested cancellation" in aml("run", "cancel", run_id).stderr
    until(lambda: "Canceled" in aml("runs").stdout)
    refused = aml("run", "exec", run_id)
    assert refused.returncode == 2
    assert "has ended: Canceled" in refused.stderr
