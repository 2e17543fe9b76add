"""With an upstream tracking server, the agent forwards every call: over TLS, with its token."""

import datetime as dt
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.agent.backends import path_in_run
from runtime.agent.context import read_context

TRACKS = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("rmse", 0.5, step=2)
    mlflow.log_text("hello", "notes/a.txt")
print(run.info.run_id, mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/a.txt"))
"""
RUN = {
    "info": {
        "run_id": "exp_1_00000000",
        "run_name": "exp_1_00000000",
        "experiment_id": "0",
        "status": "RUNNING",
        "start_time": 1,
        "artifact_uri": "mlflow-artifacts:/0/exp_1_00000000/artifacts",
        "lifecycle_stage": "active",
    },
    "data": {},
}


class Upstream(BaseHTTPRequestHandler):
    """A tracking server that remembers what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append((self.command, self.path, self.headers["Authorization"]))
        if self.command == "PUT":
            self.server.files[self.path] = body
        if self.path in self.server.files and self.command == "GET":
            return self._answer(self.server.files[self.path])
        answers = {"experiments/get": {"experiment": {"experiment_id": "0", "name": "Default"}}}
        known = next((a for path, a in answers.items() if path in self.path), None)
        return self._answer(
            json.dumps(known or {"run": self.server.run, "run_info": RUN["info"]}).encode()
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_any  # noqa: N815 - http.server's names

    def _answer(self, content):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return a PEM file with a key and a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.fixture
def upstream(certificate):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.calls, server.files, server.run = [], {}, RUN
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def upstream_variables(upstream, certificate, tmp_path):
    return {
        "HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": f"https://127.0.0.1:{upstream.server_address[1]}/mlflow/v2.0/ws",
        "MLFLOW_TRACKING_TOKEN": "the-token",
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate),
    }


def test_calls_and_artifacts_reach_the_tracking_server(agent, upstream, upstream_variables):
    code, output = agent.run(TRACKS, **upstream_variables)
    assert (code, output.splitlines()[-1]) == (0, "exp_1_00000000 hello")
    paths = {path.partition("?")[0] for _, path, _ in upstream.calls}
    assert "/mlflow/v2.0/ws/api/2.0/mlflow/runs/log-metric" in paths
    stored = "/mlflow/v2.0/ws/api/2.0/mlflow-artifacts/artifacts/0/exp_1_00000000/artifacts/notes"
    assert upstream.files == {f"{stored}/a.txt": b"hello"}
    assert {token for _, _, token in upstream.calls} == {"Bearer the-token"}


def test_forwarded_calls_are_events_too(agent, upstream, upstream_variables):
    agent.run(TRACKS, **upstream_variables)
    metric, artifact = (e for e in agent.events if e["kind"] in ("metric", "artifact"))
    assert (metric["data"]["key"], metric["data"]["value"], metric["data"]["step"]) == (
        "rmse",
        0.5,
        2,
    )
    assert artifact["data"] == {"path": "notes/a.txt", "size": 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ExperimentRun/dcid.r/notes/a.txt", "notes/a.txt"),
        ("0/r/artifacts/artifacts/a.txt", "artifacts/a.txt"),
        ("LoggedModels/m/a.txt", "LoggedModels/m/a.txt"),
    ],
)
def test_the_path_of_an_artifact_in_its_run(path, expected):
    assert path_in_run(path, "r") == expected


def test_a_server_with_an_untrusted_certificate_gets_no_token(agent, upstream, upstream_variables):
    del upstream_variables["MLFLOW_TRACKING_SERVER_CERT_PATH"]
    script = "import mlflow\nmlflow.start_run()"
    code, _ = agent.run(script, **upstream_variables, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert code == 1
    reported = [event["data"]["text"] for event in agent.events if event["kind"] == "message"]
    assert len(reported) == 1
    assert "does not answer" in reported[0]
    assert "certificate" in reported[0]
    assert not upstream.calls


def test_ids_of_another_server_are_not_guessed(agent, upstream_variables):
    script = "import os; print(*sorted(n for n in os.environ if n.startswith('MLFLOW_')))"
    assert agent.run(script, **upstream_variables)[1].split() == [
        "MLFLOW_RUN_ID",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_URI",
    ]


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        (
            "azureml://h.net/mlflow/v1.0/subscriptions/s",
            "https://h.net/mlflow/v2.0/subscriptions/s",
        ),
        ("https://h.net/base/", "https://h.net/base"),
        ("http://127.0.0.1:5000", None),
        ("file:./mlruns", None),
        ("", None),
    ],
)
def test_only_tracking_over_tls_is_forwarded_to(uri, url):
    tracking = read_context({"MLFLOW_TRACKING_URI": uri}).tracking
    assert (tracking.url if tracking else None) == url


def test_without_a_target_the_run_is_offline():
    context = read_context({})
    assert context.offline
    assert context.experiment == "Default"


UPLOADS = """
from azureml.core import Run
run = Run.get_context()
run.upload_file("notes/a.txt", "train.py")
run.upload_file("outputs/b.txt", "train.py")
run.download_file("notes/a.txt", "copy.txt")
print(open("copy.txt").read() == open("train.py").read(), run.get_file_names())
"""


def test_files_are_kept_in_outputs_where_the_service_takes_none(
    agent, upstream, upstream_variables
):
    info = {**RUN["info"], "artifact_uri": "azureml://region.azureml.ms/artifacts/x"}
    upstream.run = {**RUN, "info": info}
    code, output = agent.run(UPLOADS, **upstream_variables)
    assert (code, output.split()[0]) == (0, "True")
    assert (agent.folder / "outputs/notes/a.txt").read_text() == UPLOADS
    assert (agent.folder / "outputs/b.txt").read_text() == UPLOADS
