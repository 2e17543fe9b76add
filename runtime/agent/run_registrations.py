"""Registers outputs of a run as data assets where a job of the service could not say all of it.

A job registers files under a name; a table, or tags, are registered by the agent when the script
has ended well.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from urllib.parse import quote

from runtime.agent.documents import JsonObject
from runtime.agent.gateway import Gateway
from runtime.agent.wire import RefusalError

_TRIES = 20
_RANKS = ("NODE_RANK", "AZUREML_CR_NODE_RANK")


def registered(gateway: Gateway, name: str, properties: JsonObject) -> str:
    """Register the next version of a data asset; return why that failed, or ``""``.

    Of a run's nodes, the first one does.
    """
    if next((os.environ[rank] for rank in _RANKS if rank in os.environ), "0") != "0":
        return ""
    try:
        for _ in range(_TRIES):
            version = _next_version(gateway, name)
            path = f"/data/{quote(name)}/versions/{version}"
            status, answer = gateway.arm("PUT", path, {"properties": properties})
            if status < HTTPStatus.BAD_REQUEST:
                return ""
            # Another run may have registered this version first.
            if gateway.arm("GET", path, None)[0] != HTTPStatus.OK:
                return _message(status, answer)
    except RefusalError as error:
        return error.message
    return "others register versions of it all the time"


def _next_version(gateway: Gateway, name: str) -> int:
    status, answer = gateway.arm("GET", f"/data/{quote(name)}/versions?listViewType=All", None)
    listed = answer.get("value") or [] if status == HTTPStatus.OK else []
    numbers = [int(each["name"]) for each in listed if str(each.get("name")).isdigit()]
    return max(numbers, default=0) + 1


def _message(status: int, answer: JsonObject) -> str:
    error = answer.get("error")
    said = error.get("message") if isinstance(error, dict) else None
    return str(said or f"the service answered with status {status}")
