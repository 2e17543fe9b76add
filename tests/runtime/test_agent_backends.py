"""Contracts within the agent: backends answer and record, sources end where a body does."""

import io
import json

import pytest

from runtime.agent.artifacts import Artifacts
from runtime.agent.backends import API, PROXY, BodySource, ForwardingBackend, OwnBackend
from runtime.agent.tracking import InMemoryTracking
from runtime.agent.wire import RefusalError, TrackingCall, TrackingReply, dechunked

RUN = "exp_1_00000000"
ARTIFACT = f"{PROXY}/0/{RUN}/artifacts/notes/a.txt"


def own_backend(folder, record):
    tracking = InMemoryTracking(RUN, "exp", "0")
    return OwnBackend(
        tracking, Artifacts(folder, RUN, tracking.model_name, tracking.model_run), RUN, record
    )


def answer(backend, method, target, content=b"", rest=b""):
    """Return the reply, a refusal too; ``rest`` follows the body on the same connection."""
    source = io.BytesIO(content + rest)
    try:
        reply = backend.answer(
            TrackingCall(method, target, source, len(content), "application/json")
        )
    except RefusalError as refusal:
        reply = TrackingReply.of_refusal(refusal)
    if reply.stream is not None:
        with reply.stream as stream:
            reply = TrackingReply(reply.status, reply.kind, stream.read())
    assert source.read() == rest, "the next call of the connection was read, or this one was not"
    return reply


class BackendContract:
    """Each test calls ``self.call``; what is recorded lands in ``self.events``."""

    def make(self, folder, record):
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def backend(self, tmp_path):
        self.events = []
        self._backend = self.make(tmp_path, lambda kind, data: self.events.append((kind, data)))

    def call(self, path, **body):
        content = json.dumps({"run_id": RUN, **body}).encode()
        return answer(self._backend, "POST", API + path, content, rest=b"POST /next")

    def test_a_call_is_answered_and_recorded(self):
        assert self.call("runs/log-metric", key="rmse", value=0.5, step=2, timestamp=1).ok
        metric = {"key": "rmse", "value": 0.5, "step": 2, "timestamp": 1}
        assert self.events == [("metric", metric)]

    def test_each_part_of_a_batch_is_recorded(self):
        batch = {
            "metrics": [{"key": "rmse", "value": 1.0, "step": 0, "timestamp": 1}],
            "params": [{"key": "alpha", "value": "0.5"}],
            "tags": [{"key": "team", "value": "ml"}],
        }
        assert self.call("runs/log-batch", **batch).ok
        assert [kind for kind, _ in self.events] == ["metric", "param", "tag"]

    def test_what_a_nested_run_logs_names_that_run(self):
        made = self.call("runs/create", experiment_id="0", run_id=None)
        nested = json.loads(made.content)["run"]["info"]["run_id"]
        assert self.call("runs/set-tag", run_id=nested, key="team", value="ml").ok
        (kind, child), tag = self.events
        assert (kind, child["run"], child["parent"]) == ("child", nested, RUN)
        assert tag == ("tag", {"key": "team", "value": "ml", "run": nested})

    def test_reading_records_nothing(self):
        reply = answer(self._backend, "GET", f"{API}runs/get?run_id={RUN}")
        assert json.loads(reply.content)["run"]["info"]["run_id"] == RUN
        assert self.events == []

    def test_a_refused_call_records_nothing(self):
        self.call("runs/log-parameter", key="alpha", value="1")
        refused = self.call("runs/log-parameter", key="alpha", value="2")
        assert json.loads(refused.content)["error_code"] == "INVALID_PARAMETER_VALUE"
        assert len(self.events) == 1

    def test_an_artifact_is_stored_and_recorded(self):
        assert answer(self._backend, "PUT", ARTIFACT, b"hello", rest=b"GET /next").ok
        assert answer(self._backend, "GET", ARTIFACT).content == b"hello"
        assert self.events == [("artifact", {"path": "notes/a.txt", "size": 5})]

    def test_a_missing_artifact_is_not_found(self):
        assert answer(self._backend, "GET", ARTIFACT).status == 404
        assert self.events == []


class TestOwnBackend(BackendContract):
    def make(self, folder, record):
        return own_backend(folder, record)


class Server:
    """In the place of a ``Forwarder``: a tracking server in this process."""

    def __init__(self, folder):
        self._backend = own_backend(folder, lambda *_: None)

    def send(self, method, target, body, size, kind):
        content = body if isinstance(body, bytes) else body.read()
        assert len(content) == size
        return answer(self._backend, method, target, content)


class TestForwardingBackend(BackendContract):
    def make(self, folder, record):
        return ForwardingBackend(Server(folder), RUN, record)


class SourceContract:
    """A source of the bytes ``hello world``, on a connection that carries more."""

    @pytest.fixture
    def source(self):
        raise NotImplementedError

    def test_it_is_read_in_blocks_and_then_ends(self, source):
        assert [source.read(6) for _ in range(4)] == [b"hello ", b"world", b"", b""]

    def test_it_is_read_whole(self, source):
        assert source.read() == b"hello world"


class TestBodySource(SourceContract):
    @pytest.fixture
    def source(self):
        connection = io.BytesIO(b"hello worldGET /next")
        return BodySource(TrackingCall("PUT", ARTIFACT, connection, 11, ""))


class TestDechunked(SourceContract):
    @pytest.fixture
    def source(self):
        connection = io.BytesIO(b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\nGET /next")
        body, size = dechunked(connection)
        assert (size, connection.read()) == (11, b"GET /next")
        with body:
            yield body
