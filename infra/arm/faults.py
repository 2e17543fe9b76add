"""ARM's error answers as our errors: a table from error code to what a person can do about it.

A code that is not in the table passes through with its own message. Nothing is retried here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.arm.messages import Response
from infra.contract.errors import CredentialError, PlatformError, ProviderError

_AGAIN: Final = "Run the command again; what was done is kept."
_LOGIN: Final = (
    "Log in again (`az login`), or check the credential variables (`AZURE_CLIENT_ID`, …)."
)
_OTHER_NAME: Final = "Choose another name; this one is unique across all of Azure."
_TYPO: Final = "This is a bug in aml-platform unless the service changed; please report it."

REMEDIES: Final[Mapping[str, str]] = {
    "AlreadyInUse": _OTHER_NAME,
    "AnotherOperationInProgress": "Wait until the other operation has ended, then run it again.",
    "AuthenticationFailed": _LOGIN,
    "AuthorizationFailed": "Ask an owner of the scope for the role the message names.",
    "BadArgument": "Correct the value the message names in the stack file.",
    "BadRequest": "Correct the value the message names in the stack file.",
    "ComputeNotFound": "Run `aml up`; `aml targets` lists what is deployed.",
    "Conflict": "Read what the message says is in the way; `aml refresh` shows what really exists.",
    "ExpiredAuthenticationToken": _LOGIN,
    "InvalidApiVersionParameter": _TYPO,
    "InvalidAuthenticationToken": _LOGIN,
    "InvalidAuthenticationTokenTenant": "Log in to the right tenant: `az login --tenant …`.",
    "InvalidResourceName": "Rename the resource in the stack file.",
    "InvalidResourceLocation": "The resource exists elsewhere: give its location, or another name.",
    "LinkedAuthorizationFailed": "Ask an owner of the linked resource for the role it needs.",
    "MissingApiVersionParameter": _TYPO,
    "MissingSubscriptionRegistration": (
        "Register the namespace the message names: `az provider register --namespace …`."
    ),
    "NoRegisteredProviderFound": "Choose a location in which the resource type is offered.",
    "OperationNotAllowed": "Ask for more quota, or choose a smaller VM size or fewer nodes.",
    "ParentResourceNotFound": "Deploy the resource that contains it first; `aml refresh` may help.",
    "PreconditionFailed": "Somebody else changed it meanwhile: run `aml refresh`, then again.",
    "QuotaExceeded": "Ask for more quota, or choose a smaller VM size or fewer nodes.",
    "RequestDisallowedByPolicy": "Read which policy forbids it; its owner can make an exception.",
    "ResourceGroupBeingDeleted": "Wait until the group is gone, then run it again.",
    "ResourceGroupNotFound": "Create the group, or let the stack do it; `aml refresh` may help.",
    "ResourceNotFound": "It is not there (any more): `aml refresh` takes note of it.",
    "RoleAssignmentExists": "Delete the assignment that is there, or import it.",
    "ScopeLocked": "Remove the lock on the resource or its group first.",
    "SkuNotAvailable": "Choose another size or location; `az vm list-skus` lists what there is.",
    "StorageAccountAlreadyExists": _OTHER_NAME,
    "StorageAccountAlreadyTaken": _OTHER_NAME,
    "SubscriptionNotFound": "Set `azure-native:subscriptionId` to a subscription you can see.",
    "TooManyRequests": "Wait a minute, then run it again, with a smaller `--parallel`.",
    "VaultAlreadyExists": (
        "Choose another name, or purge the deleted vault: `az keyvault purge --name …`."
    ),
    "VMSizeNotSupported": "Choose a VM size the location offers for this kind of compute.",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    401: _LOGIN,
    403: "Ask an owner of the scope for a role that allows it.",
    404: "It is not there (any more): `aml refresh` takes note of it.",
    409: "Read what the message says is in the way; `aml refresh` shows what really exists.",
    412: "Somebody else changed it meanwhile: run `aml refresh`, then again.",
    429: "Wait a minute, then run it again.",
}
_UNAUTHENTICATED: Final = 401
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the service says it: a code in PascalCase and a message for people."""

    code: str
    message: str


def read_fault(document: Any, *, status: int = 0) -> Fault:
    """Return the error in a body, wrapped (``{"error": …}``) or bare; details are appended."""
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
    """Return the error to raise for an answer that is one; ``at`` is the resource's id or URL."""
    found = read_fault(response.body, status=response.status)
    if response.status == _UNAUTHENTICATED:
        return CredentialError(_sentence(found), remedy=_remedy(found, response.status), at=at)
    return error_of(found, status=response.status, at=at)


def operation_fault(document: Any, *, at: str) -> ProviderError:
    """Return the error of a long-running operation that ended ``Failed`` or ``Canceled``."""
    body = document if isinstance(document, Mapping) else {}
    properties = body.get("properties")
    found = read_fault(body.get("error") or _first_error(properties) or {})
    state = str(body.get("status") or _state(properties) or "Failed")
    message = found.message or f"The operation ended {state!r} without a message."
    return error_of(Fault(found.code or state, message), at=at)


def error_of(found: Fault, *, at: str, status: int = 0) -> ProviderError:
    """Return one fault as an error, with the table's remedy."""
    return ProviderError(
        _sentence(found), remedy=_remedy(found, status), at=at, code=found.code or None
    )


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without any of ``secrets``: services quote what they refuse."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(re.escape(secret), "[secret]", text)
    return text


def _sentence(found: Fault) -> str:
    return f"{found.code}: {found.message}" if found.code else found.message


def _remedy(found: Fault, status: int) -> str:
    fallback = _AGAIN if status >= _SERVER_ERRORS else "Read the message above; then run it again."
    return REMEDIES.get(found.code) or _BY_STATUS.get(status, fallback)


def _first_error(properties: Any) -> Any:
    errors = _list(properties.get("provisioningErrors")) if isinstance(properties, Mapping) else []
    return errors[0].get("error", errors[0]) if errors else None


def _state(properties: Any) -> Any:
    return properties.get("provisioningState") if isinstance(properties, Mapping) else None


def _list(value: Any) -> list[Any]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
