"""Requests to the workspace's ARM resources, by whatever client this process has.

Inside a run and on the submitting machine there are different clients; datastores, datasets and
models use either through ``Transport``.
"""

import abc
import sys
from typing import Dict, Iterator, List, Optional, Tuple
from urllib.parse import quote

from .errors import WebserviceException

if sys.version_info >= (3, 8):
    from typing import Protocol
else:
    Protocol = object

Json = Dict[str, "object"]
NOT_FOUND = 404
CONFLICT = 409
_FIRST_ERROR = 400


class Transport(abc.ABC):
    """A client of one workspace. May be used from several threads at once.

    ``workspace_id`` is the workspace's ARM id; ``ca_file`` a PEM file that the workspace's servers
    and storage need to be trusted, ``None`` for the usual authorities. ``local_port`` is where
    a local cloud listens on this machine.
    """

    ca_file: Optional[str] = None
    local_port: Optional[int] = None
    workspace_id = ""

    @abc.abstractmethod
    def arm(
        self, method: str, path: str, body: Optional[Json] = None
    ) -> Tuple[int, Dict[str, "object"]]:
        """Send one request and return the status and the JSON object of the answer, or ``{}``.

        ``path`` is relative to the workspace's ARM id (``/data/n/versions/1``) and may have a
        query; or it is an absolute URL from an earlier answer, which is used as it is. The
        transport adds the api-version where there is none. A long-running operation has ended
        when it returns. An error answer is returned; no answer at all is an exception.
        """

    def storage_token(self) -> Optional[str]:
        """Return a token of Entra ID for storage that is valid now, ``None`` without an identity.

        For datastores without a secret; asked for again with every request.
        """
        return None


class HasTransport(Protocol):
    """A workspace, of the submitting side or of a run."""

    @property
    def transport(self) -> Transport:
        """Return the workspace's client."""


def segment(name: "object") -> str:
    """Return a name as one segment of a path."""
    return quote(str(name), safe="")


def request(
    transport: Transport, method: str, path: str, body: Optional[Json] = None
) -> Dict[str, "object"]:
    """Return the answer to a request. Raises ``WebserviceException`` for an error answer."""
    status, answer = transport.arm(method, path, body)
    if status >= _FIRST_ERROR:
        raise refused(status, answer)
    return answer


def found(transport: Transport, path: str) -> Optional[Dict[str, "object"]]:
    """Return a resource, ``None`` if there is none."""
    status, answer = transport.arm("GET", path)
    if status == NOT_FOUND:
        return None
    if status >= _FIRST_ERROR:
        raise refused(status, answer)
    return answer


def items(transport: Transport, path: str) -> Iterator[Dict[str, "object"]]:
    """Yield the resources of a list, page by page; none if what they belong to is not there."""
    following = path
    while following:
        page = found(transport, following) or {}
        yield from objects(page.get("value"))
        following = str(page.get("nextLink") or "")


def objects(value: "object") -> List[Dict[str, "object"]]:
    """Return the objects of a JSON list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def section(document: Dict[str, "object"], name: str) -> Dict[str, "object"]:
    """Return an object within a JSON object; an empty one if it is not there."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def texts(value: "object") -> Dict[str, str]:
    """Return a JSON object of strings, such as tags."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(key): "" if each is None else str(each) for key, each in pairs}


def refused(status: int, answer: Dict[str, "object"]) -> WebserviceException:
    """Return the exception for an error answer."""
    error = section(answer, "error") or answer
    text = str(error.get("message") or f"The service answered with status {status}.")
    code = error.get("code")
    return WebserviceException(f"{code}: {text}" if code else text, status)
