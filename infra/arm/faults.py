"""Turns ARM's error answers into our errors, with a table of remedies by error code.

A code that is not in the table keeps its own message. Nothing is retried here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.arm.messages import Response
from infra.contract.errors import CredentialError, PlatformError, ProviderError
from infra.contract.json_types import Document

_AGAIN: Final = "Run the command again."
_LOGIN: Final = (
    "Log in again (`az login`), or check the credential variables (`AZURE_CLIENT_ID`, …)."
)
_FIX_IT: Final = "Fix the cause named in the message, then run the command again."
_OTHER_NAME: Final = "Choose another name; names of this type are unique across Azure."
_DELETED_VAULT: Final = (
    "A deleted vault may hold the name. Recover it (`aml:soft_delete: {key_vault: recover}`, or "
    '`create_mode="recover"` in a program), purge it (`az keyvault purge --name …`), or choose '
    "another name."
)
_TYPO: Final = "This is a bug in aml-platform unless the service changed; please report it."

REMEDIES: Final[Mapping[str, str]] = {
    "AlreadyInUse": _OTHER_NAME,
    "AnotherOperationInProgress": "Wait for the other operation to end, then try again.",
    "AuthenticationFailed": _LOGIN,
    "AuthorizationFailed": "Ask an owner of the scope for the role the message names.",
    "BadArgument": "Correct the value the message names in the stack file.",
    "BadRequest": "Correct the value the message names in the stack file.",
    "ComputeNotFound": "Run `aml up`; `aml targets` lists what is deployed.",
    "ConflictError": _DELETED_VAULT,
    "Conflict": "Resolve the conflict named in the message; `aml refresh` shows what exists.",
    "ExpiredAuthenticationToken": _LOGIN,
    "InvalidApiVersionParameter": _TYPO,
    "InvalidAuthenticationToken": _LOGIN,
    "InvalidAuthenticationTokenTenant": "Log in to the right tenant: `az login --tenant …`.",
    "InvalidResourceName": "Rename the resource in the stack file.",
    "InvalidResourceLocation": "It exists in another location: use that location, or another name.",
    "LinkedAuthorizationFailed": "Ask an owner of the linked resource for the role it needs.",
    "MissingApiVersionParameter": _TYPO,
    "MissingSubscriptionRegistration": (
        "Register the namespace the message names: `az provider register --namespace …`."
    ),
    "NoRegisteredProviderFound": "Choose a location in which the resource type is offered.",
    "OperationNotAllowed": "Ask for more quota, or choose a smaller VM size or fewer nodes.",
    "ParentResourceNotFound": "Deploy the parent resource first; `aml refresh` updates the state.",
    "PreconditionFailed": "Someone else changed it meanwhile: run `aml refresh`, then try again.",
    "QuotaExceeded": "Ask for more quota, or choose a smaller VM size or fewer nodes.",
    "RequestDisallowedByPolicy": "Ask the owner of the policy for an exemption.",
    "ResourceGroupBeingDeleted": "Wait until the group is gone, then run the command again.",
    "ResourceGroupNotFound": "Create the group; if it was in this stack, run `aml refresh` first.",
    "ResourceNotFound": "The resource no longer exists; `aml refresh` removes it from the state.",
    "RoleAssignmentExists": "Delete the existing assignment, or import it.",
    "ScopeLocked": "Remove the lock on the resource or its group first.",
    "SkuNotAvailable": "Choose another size or location; `az vm list-skus` lists them.",
    "StorageAccountAlreadyExists": _OTHER_NAME,
    "StorageAccountAlreadyTaken": _OTHER_NAME,
    "SubscriptionNotFound": "Set `azure-native:subscriptionId` to a subscription you can see.",
    "TooManyRequests": "Wait a minute, then run the command again with a smaller `--parallel`.",
    "VaultAlreadyExists": _DELETED_VAULT,
    "VMSizeNotSupported": "Choose a VM size the location offers for this kind of compute.",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    401: _LOGIN,
    403: "Ask an owner of the scope for a role that allows this.",
    404: "The resource no longer exists; `aml refresh` removes it from the state.",
    409: "Resolve the conflict named in the message; `aml refresh` shows what exists.",
    412: "Someone else changed it meanwhile: run `aml refresh`, then try again.",
    429: "Wait a minute, then run the command again.",
}
_UNAUTHENTICATED: Final = 401
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the service reports it: a code in PascalCase and a message."""

    code: str
    message: str


def read_fault(document: object, *, status: int = 0) -> Fault:
    """Return the error in a body, wrapped (``{"error": …}``) or bare, with its details appended."""
    body = document if isinstance(document, Mapping) else {}
    error = body.get("error")
    error = error if isinstance(error, Mapping) else body
    code = str(error.get("code") or "")
    message = str(error.get("message") or "").strip()
    details = [read_fault(detail).message for detail in _list(error.get("details"))]
    message = " ".join([message, *(text for text in details if text and text not in message)])
    if not message.strip():
        message = f"The service answered {status} without a message." if status else ""
    return Fault(code, message.strip())


def fault(response: Response, *, at: str) -> PlatformError:
    """Return the error to raise for a failed answer; ``at`` is the resource's id or URL."""
    found = read_fault(response.body, status=response.status)
    if response.status == _UNAUTHENTICATED:
        return CredentialError(_sentence(found), remedy=_remedy(found, response.status), at=at)
    return error_of(found, status=response.status, at=at)


def operation_fault(document: object, *, at: str) -> ProviderError:
    """Return the error of a long-running operation that ended ``Failed`` or ``Canceled``."""
    body = document if isinstance(document, Mapping) else {}
    properties = body.get("properties")
    found = read_fault(body.get("error") or _first_error(properties) or {})
    state = str(body.get("status") or _state(properties) or "Failed")
    message = found.message or f"The operation ended {state!r} without a message."
    return error_of(Fault(found.code or state, message), at=at)


def error_of(found: Fault, *, at: str, status: int = 0) -> ProviderError:
    """Return a fault as an error, with the table's remedy."""
    return ProviderError(
        _sentence(found), remedy=_remedy(found, status), at=at, code=found.code or None
    )


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``secrets`` redacted: services quote what they refuse."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(re.escape(secret), "[secret]", text)
    return text


def _sentence(found: Fault) -> str:
    return f"{found.code}: {found.message}" if found.code else found.message


def _remedy(found: Fault, status: int) -> str:
    fallback = _AGAIN if status >= _SERVER_ERRORS else _FIX_IT
    return REMEDIES.get(found.code) or _BY_STATUS.get(status, fallback)


def _first_error(properties: object) -> object:
    errors = _list(properties.get("provisioningErrors")) if isinstance(properties, Mapping) else []
    return errors[0].get("error", errors[0]) if errors else None


def _state(properties: object) -> object:
    return properties.get("provisioningState") if isinstance(properties, Mapping) else None


def _list(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
