"""A token in the URL of an index, channel, repository or wheel stands in clear nowhere in a run."""

import base64
import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.contract.errors import DefinitionError
from runtime.environments.locking import lock
from runtime.history.store import History
from runtime.model.environments import EnvironmentSpec
from runtime.model.redaction import redacted, secrets_of
from runtime.model.runs import RunSpec
from runtime.model.states import RunState
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Pace, Watcher
from runtime.targets.local import LocalTarget

SECRET = "s3cr3t-t0k3n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"--index-url https://me:{SECRET}@host/simple", "--index-url https://***@host/simple"),
        (f"--extra-index-url=https://{SECRET}@host/", "--extra-index-url=https://***@host/"),
        (f"https://me:a@{SECRET}@host/x", "https://***@host/x"),
        (f"six @ git+https://{SECRET}@host/a.git@v1", "six @ git+https://***@host/a.git@v1"),
        (f"https://host/t/{SECRET}/channel", "https://host/t/***/channel"),
        (f"https://host/conda/t/{SECRET}/channel", "https://host/conda/t/***/channel"),
        (f"https://a.blob/x.whl?sv=1&sig={SECRET}&se=2", "https://a.blob/x.whl?sv=1&sig=***&se=2"),
        (f"https://host/x?private_token={SECRET}", "https://host/x?private_token=***"),
        ("six==1.16 # me@example.org", "six==1.16 # me@example.org"),
        ("git@host:a/b.git", "git@host:a/b.git"),
        ("https://host/simple?key=", "https://host/simple?key="),
    ],
)
def test_credentials_of_urls_are_not_shown(text, shown):
    assert redacted(text) == shown


def test_what_a_url_shows_is_not_shown_elsewhere_either():
    urls = f"https://me:{SECRET}@host/ https://an0ther@host/ https://host/x?sig=th1rd"
    text = f"The token {SECRET} of user me, an0ther and th1rd are refused."
    shown = "The token *** of user me, *** and *** are refused."
    assert redacted(text, secrets_of(urls)) == shown


@pytest.mark.parametrize(
    "conda",
    [
        pytest.param(f"dependencies: [a https://x:{SECRET}@h/y]", id="package"),
        pytest.param(f"dependencies:\n- pip:\n  - -r https://x:{SECRET}@h/y", id="file"),
        pytest.param(f"dependencies: {{https://x:{SECRET}@h/y: 1}}", id="mapping"),
        pytest.param(f"channels: [https://h/t/{SECRET}/c\n  - b: ]c", id="not YAML"),
    ],
)
def test_messages_about_a_document_show_no_token(conda):
    with pytest.raises(DefinitionError) as refused:
        lock(EnvironmentSpec("conda", conda=conda))
    assert SECRET not in str(refused.value)


def wheel():
    """Return the name and content of a package `tiny`."""
    sink, info = io.BytesIO(), "tiny-1.0.dist-info"
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "tiny.py,,\n")
    return "tiny-1.0-py3-none-any.whl", sink.getvalue()


@pytest.fixture
def index():
    """Return the URL of a package index that asks for a password, with it."""
    name, content = wheel()
    link = f'<a href="/{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a>'
    bodies = {"/simple/tiny/": link.encode(), f"/{name}": content}
    expected = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = bodies.get(self.path)
            authorized = self.headers.get("Authorization") == expected
            self.send_response(200 if body and authorized else 404 if authorized else 401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "x/y")
            self.send_header("Content-Length", str(len(body or b"") if authorized else 0))
            self.end_headers()
            if body and authorized and self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_): ...

    for method in ("GET", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:{SECRET}@127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("requirements", "state"),
    [
        pytest.param("--index-url {url}/simple/\ntiny\n", RunState.COMPLETED, id="index"),
        pytest.param("tiny @ {url}/tiny-1.0-py3-none-any.whl\n", RunState.COMPLETED, id="wheel"),
        pytest.param("--index-url {url}/simple/\nabsent\n", RunState.FAILED, id="absent"),
        pytest.param("a @ git+{url}/a.git\n", RunState.FAILED, id="repository"),
    ],
)
def test_a_token_is_in_no_file_of_a_run(index, tmp_path, monkeypatch, requirements, state):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("import tiny")
    home = tmp_path / "home"
    history, target = History(home / "history.sqlite"), LocalTarget(home)
    spec = RunSpec(
        "train.py",
        tmp_path / "src",
        environment=EnvironmentSpec("pip", requirements=requirements.format(url=index)),
        variables={"PIP_INDEX_URL": index},
    )
    run_id = Submitter(home, history, environ={}).submit(spec, target).run.run_id
    for _ in Watcher(history, pace=Pace(first_s=0.02)).watch({run_id: target}):
        """It is over."""
    record = history.record(run_id)
    assert record.state is state, record.error
    assert SECRET not in (record.error or "")
    files = [file for file in home.rglob("*") if file.is_file()]
    assert [str(file) for file in files if SECRET.encode() in file.read_bytes()] == []
    shown = json.loads((home / "runs" / run_id / "run.json").read_text())
    assert "***" in shown["environment"]["requirements"]
