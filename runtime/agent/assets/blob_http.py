"""HTTP requests to blob storage: on connections that are kept, signed, tried again on failure.

A server of the local cloud is reached directly; for others the proxies of the environment count.
"""

import http.client
import ssl
import time
import urllib.request
import weakref
from contextlib import contextmanager
from email.utils import formatdate
from typing import IO, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union
from urllib.parse import urlsplit

from .errors import UserErrorException, WebserviceException
from .signing import authorization

Body = Union[bytes, IO[bytes], None]
VERSION = "2021-08-06"
_TIMEOUT_S = 120.0
_TRIES = 5
_PAUSE_S = 0.25
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FIRST_ERROR = 400


class Credential:
    """How requests are authorized: an account's key, a shared access signature, or a token.

    ``token`` returns one that is valid now.
    """

    def __init__(
        self,
        account: str = "",
        key: Optional[str] = None,
        sas: Optional[str] = None,
        token: Optional[Callable[[], Optional[str]]] = None,
    ) -> None:
        self.account = account
        self.key = key
        self.sas = sas.lstrip("?") if sas else None
        self.token = token


class Answer(NamedTuple):
    """An answer that was read. Header names are in lower case."""

    status: int
    reason: str
    headers: Dict[str, str]
    content: bytes = b""


class BlobHttp:
    """Sends requests, and keeps connections for the next ones. Threads may share it."""

    def __init__(self, credential: Credential, ca_file: Optional[str]) -> None:
        self._credential = credential
        self._context = ssl.create_default_context(cafile=ca_file)
        self._idle: List[Tuple[str, http.client.HTTPConnection]] = []
        # Nobody closes a datastore: its connections end with it.
        weakref.finalize(self, _close_all, self._idle)

    def send(
        self,
        method: str,
        url: str,
        headers: Optional[Dict[str, str]] = None,
        body: Body = None,
        size: int = 0,
    ) -> Answer:
        """Return the answer; an error answer as well.

        A file given as ``body`` is read from its start; ``size`` is the number of its bytes.
        Raises ``WebserviceException`` if the server does not answer.
        """
        with self.open(method, url, headers, body, size) as response:
            return _answer(response, response.read())

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        headers: Optional[Dict[str, str]] = None,
        body: Body = None,
        size: int = 0,
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the response, to be read within the block; else as ``send``."""
        netloc, connection, response = self._asked(method, url, dict(headers or {}), body, size)
        try:
            yield response
        finally:
            if response.isclosed():
                self._idle.append((netloc, connection))
            else:
                response.close()
                connection.close()

    def _asked(
        self, method: str, url: str, headers: Dict[str, str], body: Body, size: int
    ) -> Tuple[str, http.client.HTTPConnection, http.client.HTTPResponse]:
        netloc = urlsplit(url).netloc
        for attempt in range(1, _TRIES + 1):
            connection = self._connection(urlsplit(url).scheme, netloc)
            try:
                response = self._once(connection, method, url, dict(headers), body, size)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if attempt == _TRIES:
                    text = f"Storage at {netloc} does not answer: {error}."
                    raise WebserviceException(text) from error
            else:
                if response.status not in _AGAIN or attempt == _TRIES:
                    break
                response.close()
                connection.close()
            time.sleep(_PAUSE_S * 2 ** (attempt - 1))
        return netloc, connection, response

    def _once(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        headers: Dict[str, str],
        body: Body,
        size: int,
    ) -> http.client.HTTPResponse:
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        length = len(body) if isinstance(body, bytes) else size
        if method == "PUT":
            headers["Content-Length"] = str(length)
        headers["x-ms-version"] = VERSION
        headers["x-ms-date"] = formatdate(usegmt=True)
        if self._credential.sas:
            url += ("&" if "?" in url else "?") + self._credential.sas
        elif self._credential.key:
            account, key = self._credential.account, self._credential.key
            headers["Authorization"] = authorization(method, url, headers, account, key)
        elif self._credential.token:
            headers["Authorization"] = f"Bearer {self._credential.token()}"
        parts = urlsplit(url)
        target = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, target, body=body, headers=headers)
        return connection.getresponse()

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        # Of a list, `pop` and `append` need no lock.
        while self._idle:
            try:
                known, connection = self._idle.pop()
            except IndexError:
                break
            if known == netloc:
                return connection
            connection.close()
        return self._opened(scheme, netloc)

    def _opened(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        host = urlsplit("//" + netloc).hostname or netloc
        proxy = None if host in _LOOPBACK else urllib.request.getproxies().get(scheme)
        if proxy and urllib.request.proxy_bypass(host):
            proxy = None
        at = urlsplit(proxy).netloc if proxy else netloc
        if scheme == "https":
            secure = http.client.HTTPSConnection(at, timeout=_TIMEOUT_S, context=self._context)
            if proxy:
                secure.set_tunnel(netloc)
            return secure
        if proxy:
            raise UserErrorException("A proxy for http storage is not supported; use https.")
        return http.client.HTTPConnection(at, timeout=_TIMEOUT_S)


def checked(answer: Answer, what: str) -> Answer:
    """Return a successful answer. Raises ``WebserviceException`` with storage's error code."""
    if answer.status < _FIRST_ERROR:
        return answer
    code = answer.headers.get("x-ms-error-code") or answer.reason
    raise WebserviceException(f"{what}: storage answered {code}.", answer.status)


def opened(response: http.client.HTTPResponse, what: str) -> Answer:
    """Return a successful response's status and headers, its content still to be read."""
    if response.status >= _FIRST_ERROR:
        return checked(_answer(response, response.read()), what)
    return _answer(response, b"")


def _answer(response: http.client.HTTPResponse, content: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, response.reason, headers, content)


def _close_all(idle: "List[Tuple[str, http.client.HTTPConnection]]") -> None:
    for _, connection in idle:
        connection.close()
