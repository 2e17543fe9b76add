"""The exceptions of ``azureml.exceptions``, which scripts catch by name."""

from ..assets.errors import (
    AzureMLException,
    DatasetExecutionError,
    DatasetTimestampMissingError,
    DatasetValidationError,
    ModelNotFoundException,
    ModelPathNotFoundException,
    UserErrorException,
    WebserviceException,
)

__all__ = [
    "AzureMLException",
    "DatasetExecutionError",
    "DatasetTimestampMissingError",
    "DatasetValidationError",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "UserErrorException",
    "WebserviceException",
]


class ServiceException(AzureMLException):
    """What the run talks to did not answer as expected."""


class ActivityFailedException(AzureMLException):
    """A run that was waited for failed."""


class AuthenticationException(AzureMLException):
    """The caller is not authenticated."""


class ComputeTargetException(AzureMLException):
    """A compute target cannot be used."""


class ExperimentExecutionException(AzureMLException):
    """A run could not be started."""


class ProjectSystemException(UserErrorException):
    """A workspace cannot be found."""


class RunConfigurationException(AzureMLException):
    """A run configuration cannot be used."""


class RunEnvironmentException(AzureMLException):
    """The script runs outside a run, where it must not."""


class SnapshotException(AzureMLException):
    """A snapshot cannot be used."""


class TrainingException(AzureMLException):
    """A training run failed."""


class WorkspaceException(AzureMLException):
    """A workspace cannot be used."""
