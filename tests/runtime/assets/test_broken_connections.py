"""Blob transfers over connections that break, and storage that is busy."""

import http.server
import threading
from contextlib import contextmanager

import pytest

from runtime.agent.assets.blob_http import Credential
from runtime.agent.assets.blobs import Container
from runtime.agent.assets.errors import WebserviceException

CONTENT = bytes(range(256)) * 40000


@contextmanager
def serving(answer):
    """Yield a container whose server answers requests with ``answer(handler, number)``."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append(self.headers.get("x-ms-range"))
            answer(self, len(asked))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Container(f"http://127.0.0.1:{server.server_port}/c", Credential(sas="sig=x")), asked
        server.shutdown()


def send(handler, status, headers, body=b""):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def breaking(handler, number):
    """Send a third of what is left, then close the connection."""
    start = int((handler.headers.get("x-ms-range") or "bytes=0-")[6:-1])
    rest = CONTENT[start:]
    headers = {"Content-Length": str(len(rest)), "ETag": '"1"'}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    send(handler, 206 if start else 200, headers, rest if number > 2 else rest[: len(rest) // 3])
    handler.close_connection = True


def test_a_download_continues_where_it_broke(tmp_path):
    with serving(breaking) as (container, asked):
        assert container.get("x", str(tmp_path / "x")) == len(CONTENT)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert asked[0] is None
    assert len(asked) == 3


def test_a_download_that_cannot_be_finished_leaves_nothing(tmp_path):
    def always(handler, _):
        send(handler, 200, {"Content-Length": "100", "ETag": '"1"'}, b"")
        handler.close_connection = True

    (tmp_path / "x").write_text("before")
    with serving(always) as (container, _), pytest.raises(WebserviceException, match="too often"):
        container.get("x", str(tmp_path / "x"))
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "before"


def test_busy_storage_is_asked_again():
    def busy(handler, number):
        body = b"here" if number > 2 else b""
        send(handler, 200 if number > 2 else 503, {"Content-Length": str(len(body))}, body)

    with serving(busy) as (container, asked):
        assert container.read("x") == b"here"
    assert len(asked) == 3


def test_a_refusal_names_the_blob_and_no_signature():
    def refuses(handler, _):
        send(handler, 403, {"Content-Length": "0", "x-ms-error-code": "AuthenticationFailed"})

    with serving(refuses) as (container, _), pytest.raises(WebserviceException) as caught:
        container.read("x")
    assert "AuthenticationFailed" in str(caught.value)
    assert "sig" not in str(caught.value)
    assert caught.value.status_code == 403
