"""The exceptions of azureml-core, which are errors of ours too: ``except`` works for either name.

AzureMLException                 base class; ``message`` is what happened
├── UserErrorException           wrong arguments, or a definition that cannot be used
│   └── AuthenticationException  no credential, or a rejected one
├── WorkspaceException           no such workspace
├── ProjectSystemException       no such workspace, where older releases looked for a project
│   └── WorkspaceNotFoundException   what ``Workspace.from_config`` and ``get`` raise: all three
├── ComputeTargetException       no such compute, or an operation on it failed
├── WebserviceException          an asset that does not exist
│   └── ModelNotFoundException, ModelPathNotFoundException
├── ActivityFailedException      a run ended ``Failed`` or ``Canceled``
├── ExperimentExecutionException, RunConfigurationException, RunEnvironmentException,
│   SnapshotException, TrainingException    a run that cannot be submitted
└── ServiceException             the cloud does not answer, or not as it should

A script may raise them itself, with a message alone. Those of datastores, datasets and models are
subclasses of what is raised inside a run, and raised in its place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infra.contract.errors import (
    CredentialError,
    DefinitionError,
    EnvironmentBuildError,
    FileAccessError,
    NotDeployedError,
    PlatformError,
    ProviderError,
    RunFailedError,
    UnknownNameError,
    UnreachableError,
    UsageError,
)
from runtime.agent.assets import errors as of_assets

__all__ = [
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTargetException",
    "DatasetExecutionError",
    "DatasetTimestampMissingError",
    "DatasetValidationError",
    "DiscoveryUrlNotFoundException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ParallelRunException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
    "WorkspaceNotFoundException",
    "WorkspacePrivateEndpointException",
]
_THEIR_OWN: Final = "The message says what to do; see the line that raised it."


class AzureMLException(of_assets.AzureMLException, PlatformError):
    """Base of azureml-core's exceptions. ``inner_exception`` is the cause, where there is one."""

    def __init__(
        self,
        exception_message: str,
        inner_exception: BaseException | None = None,
        *,
        remedy: str = _THEIR_OWN,
        at: str | None = None,
        **details: object,
    ) -> None:
        PlatformError.__init__(self, exception_message, remedy=remedy, at=at)
        self.message = exception_message + ("" if remedy == _THEIR_OWN else f" {remedy}")
        self.inner_exception = inner_exception
        self.details = details

    def __str__(self) -> str:
        return self.detail if self.remedy == _THEIR_OWN else super().__str__()


class AzureMLAggregatedException(AzureMLException):
    """Several errors in one."""


class UserErrorException(AzureMLException, of_assets.UserErrorException, UsageError):
    """Wrong arguments, or something that is not offered."""


class AuthenticationException(UserErrorException, CredentialError):
    """No credential, or a rejected one."""

    summary = CredentialError.summary
    exit_code = CredentialError.exit_code


class WorkspaceException(AzureMLException, NotDeployedError):
    """No such workspace."""


class WorkspacePrivateEndpointException(WorkspaceException):
    """A private endpoint that cannot be used."""


class ProjectSystemException(AzureMLException, NotDeployedError):
    """No such workspace, in the words of older releases."""


class WorkspaceNotFoundException(WorkspaceException, ProjectSystemException, UserErrorException):
    """The workspace is not one that a stack of the project deployed."""


class ComputeTargetException(AzureMLException, UnknownNameError):
    """No such compute, or an operation on it failed."""


class WebserviceException(AzureMLException, of_assets.WebserviceException, UnknownNameError):
    """An asset that does not exist. ``status_code`` is HTTP's, if the service answered."""

    def __init__(
        self,
        exception_message: str,
        status_code: int | None = None,
        logger: object = None,
        *,
        remedy: str = _THEIR_OWN,
        at: str | None = None,
        **details: object,
    ) -> None:
        super().__init__(exception_message, None, remedy=remedy, at=at, **details)
        self.status_code = status_code
        self.logger = logger


class ModelNotFoundException(WebserviceException, of_assets.ModelNotFoundException):
    """No such model."""


class ModelPathNotFoundException(WebserviceException, of_assets.ModelPathNotFoundException):
    """No such file of a model."""


class DiscoveryUrlNotFoundException(AzureMLException, UnreachableError):
    """A workspace without an address."""


class ActivityFailedException(AzureMLException, RunFailedError):
    """A run ended ``Failed`` or ``Canceled``. ``error_details`` is the run's own error."""

    def __init__(
        self,
        exception_message: str = "The run failed.",
        inner_exception: BaseException | None = None,
        *,
        error_details: str | None = None,
        remedy: str = _THEIR_OWN,
        at: str | None = None,
        **details: object,
    ) -> None:
        super().__init__(exception_message, inner_exception, remedy=remedy, at=at, **details)
        self.error_details = error_details


class ExperimentExecutionException(AzureMLException, UsageError):
    """A run that cannot be submitted."""


class TrainingException(AzureMLException, UsageError):
    """Training that cannot be configured like this."""


class RunConfigurationException(AzureMLException, DefinitionError):
    """The definition of a run cannot be used."""


class RunEnvironmentException(AzureMLException, EnvironmentBuildError):
    """The environment of a run cannot be built, or is not there."""


class SnapshotException(AzureMLException, FileAccessError):
    """A folder whose snapshot cannot be taken."""


class ParallelRunException(AzureMLException):
    """A parallel step that failed."""


class ServiceException(AzureMLException, UnreachableError):
    """The cloud does not answer. ``status_code`` is HTTP's, if it did."""

    status_code: int | None = None


class DatasetValidationError(UserErrorException, of_assets.DatasetValidationError):
    """A dataset that cannot be read as it was declared."""


class DatasetExecutionError(UserErrorException, of_assets.DatasetExecutionError):
    """Reading a dataset failed."""


class DatasetTimestampMissingError(UserErrorException, of_assets.DatasetTimestampMissingError):
    """A dataset without the timestamp column that was asked for."""


# What datastores, datasets and models raise is the class of the same name here.
_OF_ASSETS: Final = (
    AzureMLException,
    UserErrorException,
    DatasetValidationError,
    DatasetExecutionError,
    DatasetTimestampMissingError,
    WebserviceException,
    ModelNotFoundException,
    ModelPathNotFoundException,
)
of_assets.AzureMLException.richer.update(
    {getattr(of_assets, each.__name__): each for each in _OF_ASSETS}
)
# Error of ours → the exception that azureml-core would raise. The first that fits is taken.
_THEIRS: Final[tuple[tuple[type[PlatformError], type[AzureMLException]], ...]] = (
    (UnreachableError, ServiceException),
    (CredentialError, AuthenticationException),
    (NotDeployedError, WorkspaceException),
    (RunFailedError, ActivityFailedException),
    (EnvironmentBuildError, RunEnvironmentException),
    (DefinitionError, RunConfigurationException),
    (FileAccessError, SnapshotException),
    (UsageError, UserErrorException),
    (ProviderError, ServiceException),
)


@contextmanager
def azureml_errors(unknown_name: type[AzureMLException] = UserErrorException) -> Iterator[None]:
    """Turn errors of ours into azureml-core's, which are errors of ours as well.

    ``unknown_name`` is for a name that does not exist, which azureml-core reports differently for
    each kind of thing. Errors that no row names are left as they are.
    """
    try:
        yield
    except AzureMLException:
        raise
    except PlatformError as error:
        theirs = exception_for(error, unknown_name)
        if theirs is None:
            raise
        raise theirs(error.detail, remedy=error.remedy, at=error.at) from error


def exception_for(
    error: PlatformError, unknown_name: type[AzureMLException] = UserErrorException
) -> type[AzureMLException] | None:
    """Return azureml-core's exception for an error of ours, ``None`` where it has none."""
    rows = ((UnknownNameError, unknown_name), *_THEIRS)
    return next((theirs for ours, theirs in rows if isinstance(error, ours)), None)
