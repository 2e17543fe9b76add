"""What to do about an error of the service while a run is submitted or watched.

The errors of ARM's client advise whoever deploys: to change a stack file, to refresh the state.
Who submits a run changes the run.
"""

from collections.abc import Mapping
from typing import Final

from infra.arm.client import checked
from infra.arm.messages import Response
from infra.contract.errors import ProviderError

_AGAIN: Final = "Submit the run again."
_THE_RUN: Final = "Correct what the message names in the command or its options, then submit again."
_GONE: Final = "Run `aml targets` to see what is deployed; `aml up` deploys it again."
_BUSY: Final = "Wait a minute, then submit the run again."
REMEDIES: Final[Mapping[str, str]] = {
    "AnotherOperationInProgress": _BUSY,
    "BadArgument": _THE_RUN,
    "BadRequest": _THE_RUN,
    "ComputeNotFound": _GONE,
    "Conflict": "Wait until what the message names has ended, then submit the run again.",
    "InvalidResourceName": _THE_RUN,
    "InvalidResourceLocation": _THE_RUN,
    "NoRegisteredProviderFound": _GONE,
    "OperationNotAllowed": "Ask for fewer nodes, or ask for more quota.",
    "ParentResourceNotFound": _GONE,
    "PreconditionFailed": _AGAIN,
    "QuotaExceeded": "Ask for fewer nodes, or ask for more quota.",
    "ResourceGroupNotFound": _GONE,
    "ResourceNotFound": _GONE,
    "SubscriptionNotFound": "Log in to an account that sees the subscription of the target.",
    "TooManyRequests": _BUSY,
}
_OF_DEPLOYMENTS: Final = ("stack", "aml refresh", "aml up", "--parallel", "Run the command again")


def checked_for_run(response: Response, *, at: str) -> Response:
    """Return a good answer; raise the error of any other, with advice for a submission."""
    try:
        return checked(response, at=at)
    except ProviderError as error:
        raise for_run(error) from error


def for_run(error: ProviderError) -> ProviderError:
    """Return the error with advice for a submission."""
    remedy = REMEDIES.get(error.code or "")
    if remedy is None:
        spoken = any(word in error.remedy for word in _OF_DEPLOYMENTS)
        remedy = f"Fix the cause named in the message. {_AGAIN}" if spoken else error.remedy
    return ProviderError(error.detail, remedy=remedy, at=error.at, code=error.code)
