"""The exceptions of ``azureml.exceptions``, which scripts catch by name."""

import typing


class AzureMLException(Exception):
    """The base of all; ``message`` is what went wrong."""

    def __init__(
        self,
        exception_message: str = "",
        inner_exception: typing.Optional[Exception] = None,
        **_: object,
    ) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = inner_exception


class UserErrorException(AzureMLException):
    """The script asked for something that cannot be."""


class ServiceException(AzureMLException):
    """What the run talks to did not answer as expected."""


class ActivityFailedException(AzureMLException):
    """A run that was waited for failed."""


class AuthenticationException(AzureMLException):
    """The caller is not authenticated."""


class ComputeTargetException(AzureMLException):
    """A compute target cannot be used."""


class DatasetValidationError(UserErrorException):
    """A dataset cannot be read."""


class DatasetExecutionError(AzureMLException):
    """Reading a dataset failed."""


class ExperimentExecutionException(AzureMLException):
    """A run could not be started."""


class ModelNotFoundException(AzureMLException):
    """There is no such model."""


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


class WebserviceException(AzureMLException):
    """A web service cannot be used."""


class WorkspaceException(AzureMLException):
    """A workspace cannot be used."""
