"""The exceptions of datastores, datasets and models, named as in azureml-core."""

from typing import ClassVar, Dict, Optional


class AzureMLException(Exception):
    """Base of the exceptions here. ``message`` says what is wrong and what to do."""

    richer: ClassVar[Dict[type, type]] = {}
    """Class → the subclass that is raised in its place.

    The submitting side's exceptions are errors of other kinds as well; inside a run they are not.
    """

    def __new__(cls, *arguments: object, **named: object) -> "AzureMLException":
        return super().__new__(cls.richer.get(cls, cls))

    def __init__(self, exception_message: str) -> None:
        super().__init__(exception_message)
        self.message = exception_message


class UserErrorException(AzureMLException):
    """An argument, a name or a path that cannot be used."""


class DatasetValidationError(UserErrorException):
    """A dataset whose data cannot be found or whose definition does not fit."""


class DatasetExecutionError(UserErrorException):
    """The data of a dataset cannot be read."""


class DatasetTimestampMissingError(AzureMLException):
    """A filter by time on a dataset that has no timestamp column."""


class WebserviceException(AzureMLException):
    """The workspace's service refused a request; ``status_code`` is its HTTP status."""

    def __init__(self, exception_message: str, status_code: Optional[int] = None) -> None:
        super().__init__(exception_message)
        self.status_code = status_code


class ModelNotFoundException(AzureMLException):
    """The workspace has no such model."""


class ModelPathNotFoundException(AzureMLException):
    """The path given for a model, or the place of its files, does not exist."""


class MissingPackageError(ImportError):
    """A package that reading or writing needs is not installed in this Python."""


def not_offered(what: str, instead: str) -> UserErrorException:
    """Return the exception of something that azureml-core has and that is not available here."""
    return UserErrorException(f"{what} is not available here. {instead}")
