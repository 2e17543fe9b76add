"""Error responses of Databricks: an error code and a sentence."""

from collections.abc import Iterable, Mapping

from infra.contract.json_types import Document
from localcloud.calls.messages import Reply, answer


class DatabricksRefusedError(Exception):
    """The workspace refuses a call: HTTP status, error code, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def reply(self) -> Reply:
        return answer({"error_code": self.code, "message": self.message}, self.status)


def absent(what: str) -> DatabricksRefusedError:
    """Return the 404 for what does not exist, named by ``what``."""
    return DatabricksRefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist.")


def wrong(message: str) -> DatabricksRefusedError:
    """Return the 400 for a parameter that cannot be used."""
    return DatabricksRefusedError(400, "INVALID_PARAMETER_VALUE", message)


def unsupported(what: str, instead: str) -> DatabricksRefusedError:
    """Return the 400 for a part of Databricks that the local cloud does not have."""
    message = f"The local cloud's Databricks does not support {what}. {instead}"
    return DatabricksRefusedError(400, "FEATURE_DISABLED", message)


def require_known(
    body: Document, known: Iterable[str], refused: Mapping[str, str], *, noun: str
) -> None:
    """Refuse fields that would otherwise be ignored, each with what to do instead."""
    names = frozenset(known)
    for name, value in body.items():
        if name not in names and value not in (None, "", [], {}, False):
            raise unsupported(f"'{noun}.{name}'", refused.get(name, "Leave it out."))
