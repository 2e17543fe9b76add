"""Error responses of the MLflow plane: MLflow's error codes in MLflow's body."""

from typing import Final

from infra.contract.json_types import Document

_LONGEST: Final = 18  # digits of a 64-bit integer
_LAST_MS: Final = 253_402_300_799_000  # the last second of the year 9999


class MlflowRefusedError(Exception):
    """The tracking service refuses a call: HTTP status, MLflow's error code, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def body(self) -> dict[str, str]:
        return {"error_code": self.code, "message": self.message}


def absent(message: str) -> MlflowRefusedError:
    """Return MLflow's 404."""
    return MlflowRefusedError(404, "RESOURCE_DOES_NOT_EXIST", message)


def count(body: Document, name: str, default: int = 0) -> int:
    """Return a field that is a number >= 0, or ``default`` if it is absent, empty or 0."""
    value = body.get(name)
    if value in (None, "", 0):
        return default
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST):
        raise MlflowRefusedError(
            400, "INVALID_PARAMETER_VALUE", f"Invalid value {digits[:40]!r} for parameter '{name}'."
        )
    return int(digits)


def moment(body: Document, name: str) -> float | None:
    """Return a field with milliseconds since the epoch as seconds; ``None`` if it is not given."""
    at = count(body, name)
    if at > _LAST_MS:
        raise MlflowRefusedError(
            400, "INVALID_PARAMETER_VALUE", f"Invalid value '{at}' for parameter '{name}'."
        )
    return at / 1000 if at else None


def needed(body: Document, name: str) -> object:
    """Return a required field of a request."""
    if body.get(name) in (None, ""):
        raise MlflowRefusedError(
            400, "INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{name}'."
        )
    value: object = body[name]
    return value
