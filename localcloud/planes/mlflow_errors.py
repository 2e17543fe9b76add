"""How the MLflow plane refuses: MLflow's error codes in MLflow's body."""

from collections.abc import Mapping
from typing import Any


class MlflowFault(Exception):  # noqa: N818 - an answer of the service, not an error of ours
    """The tracking service refuses: HTTP status, MLflow's code, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        return {"error_code": self.code, "message": self.message}


def absent(message: str) -> MlflowFault:
    """Return MLflow's 404."""
    return MlflowFault(404, "RESOURCE_DOES_NOT_EXIST", message)


def count(body: Mapping[str, Any], name: str, default: int = 0) -> int:
    """Return a field that is a number from 0 up, ``default`` where it is absent or empty."""
    value = body.get(name)
    if value in (None, "", 0):
        return default
    if not str(value).isdecimal():
        raise MlflowFault(
            400, "INVALID_PARAMETER_VALUE", f"Invalid value {value!r} for parameter '{name}'."
        )
    return int(str(value))


def needed(body: Mapping[str, Any], name: str) -> Any:
    """Return a field a request must have."""
    if body.get(name) in (None, ""):
        raise MlflowFault(
            400, "INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{name}'."
        )
    return body[name]
