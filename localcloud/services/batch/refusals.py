"""Error responses of the Batch service: its codes in its own body, which is not ARM's."""

from collections.abc import Mapping
from typing import Final

from localcloud.calls.messages import Reply, answer

_METADATA: Final = "#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"
_NOUNS: Final = {"pool": "Pool", "node": "Node", "job": "Job", "task": "Task", "file": "File"}


class BatchRefusedError(Exception):
    """The service refuses a call: HTTP status, error code, a sentence, further facts."""

    def __init__(
        self, status: int, code: str, message: str, values: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.values = dict(values or {})

    @property
    def body(self) -> dict[str, object]:
        return {
            "odata.metadata": _METADATA,
            "code": self.code,
            "message": {"lang": "en-US", "value": self.message},
            "values": [{"key": key, "value": value} for key, value in self.values.items()],
        }

    def reply(self) -> Reply:
        """Return the response; its code is also a header."""
        return answer(self.body, self.status, {"x-ms-error-code": self.code})


def absent(kind: str, id: str) -> BatchRefusedError:
    """Return the 404 for a pool, node, job, task or file that does not exist."""
    noun = _NOUNS[kind]
    return BatchRefusedError(
        404, f"{noun}NotFound", f"The specified {noun.lower()} '{id}' does not exist."
    )


def wrong_value(name: str, value: object, reason: str) -> BatchRefusedError:
    """Return the 400 for a property or parameter with a value that it cannot have."""
    return BatchRefusedError(
        400,
        "InvalidPropertyValue",
        f"The value provided for the property '{name}' is invalid: {reason}",
        {"PropertyName": name, "PropertyValue": str(value)[:200], "Reason": reason},
    )


def unsupported(name: str, instead: str) -> BatchRefusedError:
    """Return the 400 for a part of the service that the local cloud does not have."""
    return BatchRefusedError(
        400,
        "NotSupported",
        f"The local cloud's Batch does not support '{name}'. {instead}",
        {"PropertyName": name},
    )
