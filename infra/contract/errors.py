"""The errors this project raises on purpose, and the exit code of each.

PlatformError              1  base class
├── SpecError              2  the stack file cannot be used as written
├── UsageError             2  a command was called with arguments that do not fit
│   └── NoProjectError     2  the folder is in no project
├── FileAccessError    2  a file or folder that cannot be read or written
├── UnknownNameError       2  a name that does not exist; the nearest one is suggested
├── DefinitionError        2  an environment, script or snapshot that cannot be used
├── MissingExtraError      2  an extra that is not installed
├── PreflightError         2  the cloud would reject the stack
│   └── HostKeyError       2  a machine's host key is not known to be its own
├── NotDeployedError       2  the stack was never deployed, or has no such resource
├── UnreachableError       3  the cloud, or the local cloud, does not answer
│   ├── CloudStoppedError  3  the local cloud is stopped, and a reader must not start it
│   └── PluginError        1  a plugin did not start, has ended, or does not answer
├── CredentialError        3  no credential, or a rejected one
├── StateError             4  deployment state that cannot be read or trusted
│   ├── LockedError        4  another process is changing the stack
│   └── PassphraseError    4  the passphrase is missing or wrong
├── DeployError            1  a deployment failed; its errors were already reported
│   ├── ProviderError      1  one resource operation failed
│   ├── PartialFailure     1  a resource was created but is not ready
│   └── HaltedError        1  no further steps: a failure was reported, or Ctrl-C was pressed
├── UnexpectedChangesError 5  ``--expect-no-changes`` found changes
├── DriftError             6  the cloud differs from the deployed stack (`aml drift`)
├── RunFailedError         1  a training run ended ``Failed`` or ``Canceled``
├── EnvironmentBuildError  1  the packages of a run could not be installed
└── InterruptedByUserError 130  Ctrl-C

A bug is none of these: it keeps its traceback (exit code 70 at the command line).
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from infra.contract.json_types import Document

_HINT: Final = "\nhint: "


class PlatformError(Exception):
    """Base of every error this project raises on purpose.

    ``summary`` names the kind of problem without user data, so that it can be searched for.
    ``detail`` describes this occurrence. ``remedy`` is required: an error nobody can act on is a
    bug and should be an assertion. ``at`` is the place: ``file:line`` or an ARM id.
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
        return f"{self.summary}{where}: {self.detail}{_HINT}{self.remedy}"


def apart(text: str) -> tuple[str, str]:
    r"""Return what went wrong and the hint, of an error that has become text.

    >>> apart("Provider error: no quota.\nhint: Ask for more.")
    ('Provider error: no quota.', 'Ask for more.')
    >>> apart("no quota")
    ('no quota', '')
    """
    what, found, hint = text.rpartition(_HINT)
    return (what, hint) if found and "\n" not in hint else (text, "")


class SpecError(PlatformError):
    """The stack file cannot be used as written; ``detail`` lists every problem, a line each."""

    summary = "Invalid stack file"
    exit_code = 2


class UsageError(PlatformError):
    """A command was called with arguments that do not fit."""

    summary = "Invalid usage"
    exit_code = 2


class NoProjectError(UsageError):
    """A command that needs a project was called outside of one."""

    summary = "No project here"


class FileAccessError(PlatformError):
    """A file or folder that cannot be read or written."""

    summary = "File cannot be used"
    exit_code = 2


class UnknownNameError(PlatformError):
    """A name that does not exist; ``remedy`` suggests the nearest one, or lists all."""

    summary = "Unknown name"
    exit_code = 2


class DefinitionError(PlatformError):
    """The definition of a run (environment, script, snapshot) cannot be used."""

    summary = "Invalid run definition"
    exit_code = 2


class MissingExtraError(PlatformError):
    """An extra that is not installed."""

    summary = "Not installed"
    exit_code = 2


class NotDeployedError(PlatformError):
    """The stack was never deployed, or has no such resource."""

    summary = "Not deployed"
    exit_code = 2


class PreflightError(PlatformError):
    """The cloud would reject the stack; ``detail`` lists every problem."""

    summary = "Stack cannot be deployed"
    exit_code = 2


class HostKeyError(PreflightError):
    """Machines whose host keys nobody has accepted; ``places`` are their addresses and ports."""

    summary = "Unknown host key"

    def __init__(
        self, detail: str, *, remedy: str, places: Sequence[tuple[str, int]], at: str | None = None
    ) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.places = places


class UnreachableError(PlatformError):
    """The cloud does not answer."""

    summary = "Cloud not reachable"
    exit_code = 3


class CloudStoppedError(UnreachableError):
    """The local cloud is stopped, and who asks only reads, so must not start it."""

    summary = "Local cloud stopped"


class PluginError(UnreachableError):
    """A plugin did not start, has ended, or does not answer."""

    summary = "Plugin failed"
    exit_code = 1


class CredentialError(PlatformError):
    """No credential, or a rejected one."""

    summary = "Not authenticated"
    exit_code = 3


class StateError(PlatformError):
    """Deployment state that cannot be read or trusted. Its files are left untouched."""

    summary = "State cannot be read"
    exit_code = 4


class LockedError(StateError):
    """Another process is changing the stack."""

    summary = "Stack is locked"


class PassphraseError(StateError):
    """The passphrase is missing or wrong."""

    summary = "Wrong or missing passphrase"


class DeployError(PlatformError):
    """A deployment failed; each error was reported when it happened."""

    summary = "Deployment failed"


class ProviderError(DeployError):
    """An operation on one resource failed. ``code`` is the service's own error code."""

    summary = "Resource operation failed"

    def __init__(
        self, detail: str, *, remedy: str, at: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.code = code


class PartialFailure(DeployError):  # noqa: N818 - Pulumi's word for it
    """The resource was created but did not become ready.

    ``id``, ``outputs`` (plain JSON) and ``reasons`` are recorded in state as init errors, so that
    the next update repairs the resource instead of creating a second one. ``secrets`` are paths
    within the outputs; ``inputs`` are what a read found; ``refresh_first`` is as in ``Existing``.
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
        secrets: Sequence[str] = (),
        inputs: Document | None = None,
        refresh_first: bool = False,
        at: str | None = None,
    ) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.resource_id = resource_id
        self.secrets = tuple(secrets)
        self.inputs = inputs or {}
        self.refresh_first = refresh_first
        self.outputs = outputs
        self.reasons = tuple(reasons)


class HaltedError(DeployError):
    """No further steps are started; the reason (a failure, Ctrl-C) was already reported."""

    summary = "Deployment halted"


class UnexpectedChangesError(PlatformError):
    """``--expect-no-changes`` was given and there are changes."""

    summary = "Unexpected changes"
    exit_code = 5


class DriftError(PlatformError):
    """The cloud differs from the deployed stack; the differences were printed."""

    summary = "Drift detected"
    exit_code = 6


class RunFailedError(PlatformError):
    """A training run ended ``Failed`` or ``Canceled``."""

    summary = "Run did not complete"


class EnvironmentBuildError(PlatformError):
    """The packages of a run could not be installed; ``detail`` ends with the last log lines."""

    summary = "Environment could not be built"


class InterruptedByUserError(PlatformError):
    """Ctrl-C. ``detail`` says what is finished, what continues, and how to resume."""

    summary = "Interrupted"
    exit_code = 130
