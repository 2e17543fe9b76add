"""The exceptions of azureml-core: caught by their name, and as errors of ours."""

import pytest

from infra.contract.errors import (
    CredentialError,
    DefinitionError,
    NotDeployedError,
    PlatformError,
    RunFailedError,
    UnknownNameError,
    UnreachableError,
    UsageError,
)
from runtime.agent.assets import errors
from runtime.api import exceptions
from runtime.api.exceptions import azureml_errors

OURS = [
    (UnknownNameError, "ComputeTargetException"),
    (UnreachableError, "ServiceException"),
    (CredentialError, "AuthenticationException"),
    (CredentialError, "UserErrorException"),
    (NotDeployedError, "WorkspaceException"),
    (RunFailedError, "ActivityFailedException"),
    (DefinitionError, "RunConfigurationException"),
    (UsageError, "UserErrorException"),
]


@pytest.mark.parametrize(("ours", "name"), OURS)
def test_an_error_of_ours_is_caught_by_either_name(ours, name):
    theirs = getattr(exceptions, name)
    with pytest.raises(theirs) as caught, azureml_errors(exceptions.ComputeTargetException):
        raise ours("what", remedy="how", at="where")
    assert isinstance(caught.value, ours)
    assert (caught.value.detail, caught.value.remedy, caught.value.at) == ("what", "how", "where")
    assert caught.value.exit_code == ours.exit_code
    assert caught.value.message == "what how"


@pytest.mark.parametrize(
    "name",
    ["AzureMLException", "UserErrorException", "WebserviceException", "DatasetValidationError"],
)
def test_what_assets_raise_is_caught_too(name):
    theirs = getattr(exceptions, name)
    with pytest.raises(theirs, match="gone") as caught:
        raise getattr(errors, name)("gone")
    assert isinstance(caught.value, PlatformError)


def test_other_errors_are_left_as_they_are():
    with pytest.raises(KeyError), azureml_errors():
        raise KeyError("x")


@pytest.mark.parametrize("name", exceptions.__all__)
def test_a_script_raises_them_with_a_message_alone(name):
    error = getattr(exceptions, name)("it failed")
    assert isinstance(error, PlatformError)
    assert isinstance(error, exceptions.AzureMLException)
    assert str(error) == error.message == "it failed"
