"""Errors of the service advise who submits a run, not who deploys a stack."""

import pytest

from infra.arm.faults import REMEDIES as OF_DEPLOYMENTS
from infra.arm.messages import Response
from infra.contract.errors import CredentialError, ProviderError
from runtime.targets.azureml_errors import checked_for_run


def refused(status, code):
    body = {"error": {"code": code, "message": "It says why."}}
    with pytest.raises((ProviderError, CredentialError)) as error:
        checked_for_run(Response(status, {}, body), at="/jobs/j")
    return error.value


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 429, 500])
def test_no_error_of_a_submission_speaks_of_stack_files(status):
    for code in (*OF_DEPLOYMENTS, "SomethingNew", ""):
        error = refused(status, code)
        assert "It says why." in error.detail
        for word in ("stack file", "this stack", "aml refresh", "azure-native", "--parallel"):
            assert word not in error.remedy, code


def test_a_job_that_is_refused_is_to_be_corrected_in_the_command():
    remedy = refused(400, "BadRequest").remedy
    assert (
        remedy == "Correct what the message names in the command or its options, then submit again."
    )


def test_an_error_of_credentials_stays_one():
    assert isinstance(refused(401, "InvalidAuthenticationToken"), CredentialError)
