"""The connection to the agent beside the script: one kept open for each thread and process.

The agent listens on loopback and gave its address and token in variables.
"""

import http.client
import io
import json
import os
import shutil
import threading
import typing
from urllib.parse import quote

from .errors import RunEnvironmentException, ServiceException, UserErrorException

_ADDRESS, _TOKEN = "AML_AGENT_URL", "AML_AGENT_TOKEN"
_API = "/aml/v1/"
_TIMEOUT_S = 600.0
_USERS = frozenset(
    [
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_ALREADY_EXISTS",
        "NO_WORKSPACE",
    ]
)
_REFUSED = 400
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)
Json = typing.Dict[str, typing.Any]
_kept = threading.local()


def in_run() -> bool:
    """Return whether this process belongs to a run."""
    return bool(os.environ.get(_ADDRESS))


def call(verb: str, **body: object) -> Json:
    """Make one call and return its answer. Raises ``UserErrorException``, ``ServiceException``."""
    if not in_run():
        raise RunEnvironmentException(
            "There is no run here: this process was not started by one. Submit the script."
        )
    content = json.dumps(body).encode()
    answer = _exchange("POST", verb, content, {"Content-Type": "application/json"})
    document = json.loads(answer.read().decode())
    return typing.cast("Json", document)


def upload(run: str, name: str, stream: typing.BinaryIO, size: int) -> None:
    """Store a file of a run; it is visible at once."""
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    _exchange("PUT", f"artifacts/{quote(run)}/{quote(name)}", stream, headers).read()


def upload_text(run: str, name: str, content: bytes) -> None:
    """Store the content of a file."""
    upload(run, name, io.BytesIO(content), len(content))


def download(run: str, name: str, sink: typing.BinaryIO) -> None:
    """Write a file of a run to ``sink``."""
    answer = _exchange("GET", f"artifacts/{quote(run)}/{quote(name)}", b"", {})
    shutil.copyfileobj(answer, sink)


def _exchange(
    method: str,
    path: str,
    body: typing.Union[bytes, typing.BinaryIO],
    headers: typing.Dict[str, str],
) -> http.client.HTTPResponse:
    headers = {"Authorization": f"Bearer {os.environ.get(_TOKEN, '')}", **headers}
    try:
        try:
            answer = _sent(method, path, body, headers)
        except _STALE:
            _close()
            if not isinstance(body, bytes):
                body.seek(0)
            answer = _sent(method, path, body, headers)
    except (OSError, http.client.HTTPException) as error:
        _close()
        raise ServiceException(f"The run's agent does not answer: {error!r}.") from error
    if answer.status >= _REFUSED:
        content = answer.read()
        _close()
        raise _refusal(answer.status, content)
    return answer


def _sent(
    method: str,
    path: str,
    body: typing.Union[bytes, typing.BinaryIO],
    headers: typing.Dict[str, str],
) -> http.client.HTTPResponse:
    connection = _connection()
    connection.request(method, _API + path, body, headers)
    return connection.getresponse()


def _connection() -> http.client.HTTPConnection:
    # A connection does not survive a fork: two processes would read each other's answers.
    if getattr(_kept, "process", None) != os.getpid():
        address = os.environ[_ADDRESS].partition("://")[2]
        _kept.connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
        _kept.process = os.getpid()
    return typing.cast("http.client.HTTPConnection", _kept.connection)


def _close() -> None:
    if getattr(_kept, "process", None) == os.getpid():
        _kept.connection.close()
    _kept.process = None


def _refusal(status: int, content: bytes) -> Exception:
    try:
        document = json.loads(content.decode())
        code, message = str(document.get("error_code")), str(document.get("message"))
    except (ValueError, AttributeError):
        return ServiceException(f"The run's agent answered with status {status}.")
    return UserErrorException(message) if code in _USERS else ServiceException(message)
