"""Every error this project raises on purpose, and the exit code each one ends a command with.

PlatformError              1  base: something this project refuses or could not do
├── SpecError              2  the stack file cannot be used as written
├── UsageError             2  a command was called with arguments that do not fit
├── UnknownNameError       2  a name that is not there; the nearest one is named
├── DefinitionError        2  an environment, script or snapshot that cannot be used as it is
├── MissingExtraError      2  a part of the product that is not installed
├── PreflightError         2  the cloud would refuse what the stack file wants
├── NotDeployedError       2  the stack was never deployed, or lacks what was asked for
├── UnreachableError       3  the cloud, or the local cloud, does not answer
├── CredentialError        3  no credential, or one that was refused
├── StateError             4  deployment state that cannot be read or trusted
│   ├── LockedError        4  somebody else is changing the stack
│   └── PassphraseError    4  the passphrase is missing or does not fit
├── DeployError            1  a deployment ended with failures (they were already reported)
│   ├── ProviderError      1  one resource operation failed
│   ├── PartialFailure     1  a resource exists now, but is not ready
│   └── HaltedError        1  no further steps: a failure was reported, or Ctrl-C was pressed
├── UnexpectedChangesError 5  ``--expect-no-changes`` and there are some
├── DriftError             6  the cloud is not as the stack was deployed (`aml drift`)
├── RunFailedError         1  a training run ended ``Failed`` or ``Canceled``
├── EnvironmentBuildError  1  what a run needs installed could not be installed
└── InterruptedByUserError 130  Ctrl-C

A bug is none of these: it keeps its traceback (exit code 70 at the command line).
"""

from collections.abc import Sequence
from typing import ClassVar

from infra.contract.json_types import Document


class PlatformError(Exception):
    """Base of every error this project raises on purpose.

    ``summary`` names the kind of problem and holds no user data, so it can be searched for.
    ``detail`` says what was wrong this time. ``remedy`` is required: an error nobody can act
    on is a bug and should be an assertion instead. ``at`` is where: ``file:line`` or an ARM id.
    """

    summary: ClassVar[str] = "Platform error"
    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str, *, remedy: str, at: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.at = at

    def __str__(self) -> str:
        where = f" at {self.at}" if self.at else ""
        return f"{self.summary}{where}: {self.detail}\nhint: {self.remedy}"


class SpecError(PlatformError):
    """The stack file cannot be used as written; ``detail`` lists every problem, a line each."""

    summary = "Invalid stack file"
    exit_code = 2


class UsageError(PlatformError):
    """A command was called with arguments that do not fit."""

    summary = "Invalid usage"
    exit_code = 2


class UnknownNameError(PlatformError):
    """A name that is not there; ``remedy`` names the nearest one, or all."""

    summary = "Unknown name"
    exit_code = 2


class DefinitionError(PlatformError):
    """What defines a run (environment, script, snapshot) cannot be used as it is."""

    summary = "Invalid run definition"
    exit_code = 2


class MissingExtraError(PlatformError):
    """A part of the product that is not installed."""

    summary = "Not installed"
    exit_code = 2


class NotDeployedError(PlatformError):
    """The stack was never deployed, or has nothing of the kind asked for."""

    summary = "Not deployed"
    exit_code = 2


class PreflightError(PlatformError):
    """The cloud would refuse what the stack file wants; ``detail`` lists every problem."""

    summary = "Cannot be deployed as it is"
    exit_code = 2


class UnreachableError(PlatformError):
    """The cloud does not answer."""

    summary = "Cloud not reachable"
    exit_code = 3


class CredentialError(PlatformError):
    """No credential, or one that was refused."""

    summary = "Credentials"
    exit_code = 3


class StateError(PlatformError):
    """Deployment state that cannot be read or trusted. The files are left as they are."""

    summary = "State"
    exit_code = 4


class LockedError(StateError):
    """Somebody else is changing the stack."""

    summary = "Stack is locked"


class PassphraseError(StateError):
    """The passphrase is missing or does not fit."""

    summary = "Passphrase"


class DeployError(PlatformError):
    """A deployment ended with failures, each of which was reported when it happened."""

    summary = "Deployment failed"


class ProviderError(DeployError):
    """One resource operation failed. ``code`` is the service's own error code."""

    summary = "Resource operation failed"

    def __init__(
        self, detail: str, *, remedy: str, at: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.code = code


class PartialFailure(DeployError):  # noqa: N818 - Pulumi's word for it
    """The resource exists now, but did not become ready.

    ``id``, ``outputs`` (plain JSON) and ``reasons`` go to state as init errors, so that the next
    update repairs it instead of creating a second one.
    """

    summary = "Resource is not ready"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str,
        resource_id: str,
        outputs: Document,
        reasons: Sequence[str],
        at: str | None = None,
    ) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.resource_id = resource_id
        self.outputs = outputs
        self.reasons = tuple(reasons)


class HaltedError(DeployError):
    """No further steps are begun: the reason (a failure, Ctrl-C) was already reported."""

    summary = "Deployment halted"


class UnexpectedChangesError(PlatformError):
    """``--expect-no-changes`` was asked for and there are changes."""

    summary = "Unexpected changes"
    exit_code = 5


class DriftError(PlatformError):
    """The cloud is not as the stack was deployed; what differs was printed."""

    summary = "Drift"
    exit_code = 6


class RunFailedError(PlatformError):
    """A training run ended ``Failed`` or ``Canceled``."""

    summary = "Run did not complete"


class EnvironmentBuildError(PlatformError):
    """What a run needs could not be installed; ``detail`` ends with the log's last lines."""

    summary = "Environment could not be built"


class InterruptedByUserError(PlatformError):
    """Ctrl-C. ``detail`` says what was finished, what goes on, and how to get back."""

    summary = "Interrupted"
    exit_code = 130
