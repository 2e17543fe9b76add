"""The workspace's client inside a run: the agent sends the requests, with its credentials."""

import typing

from ..assets.transport import Transport
from . import connection
from .connection import Json


class RunTransport(Transport):
    """Requests to the run's workspace. Raises ``UserErrorException`` if there is none."""

    def __init__(self) -> None:
        found = connection.call("workspace")
        self.workspace_id = str(found["id"]).rstrip("/")
        self.ca_file = typing.cast("typing.Optional[str]", found.get("ca_file"))
        self.location = typing.cast("typing.Optional[str]", found.get("location"))

    def arm(
        self, method: str, path: str, body: typing.Optional[Json] = None
    ) -> typing.Tuple[int, Json]:
        answer = connection.call("arm", method=method, path=path, body=body)
        return int(answer["status"]), typing.cast("Json", answer["body"])

    def storage_token(self) -> typing.Optional[str]:
        token = connection.call("storageToken").get("token")
        return str(token) if token else None
