"""The service's errors, ours, and their remedies."""

import pytest

from infra.arm.faults import REMEDIES, fault, operation_fault, read_fault, redact
from infra.arm.messages import Response
from infra.contract.errors import CredentialError, ProviderError

AT = "/subscriptions/1/resourceGroups/rg"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param({"error": {"code": "A", "message": "B."}}, "A", "B.", id="wrapped"),
        pytest.param({"code": "A", "message": "B."}, "A", "B.", id="bare"),
        pytest.param(
            {"error": {"code": "A", "message": "B.", "details": [{"message": "C."}, "odd"]}},
            "A",
            "B. C.",
            id="details",
        ),
        pytest.param(
            {"error": {"code": "A", "message": "B. C.", "details": [{"message": "C."}]}},
            "A",
            "B. C.",
            id="details said already",
        ),
        pytest.param({"error": {"code": "A"}}, "A", "The service answered 400", id="code alone"),
        pytest.param("<html>", "", "The service answered 400 without a message.", id="no JSON"),
        pytest.param(None, "", "The service answered 400 without a message.", id="nothing"),
        pytest.param({"error": "odd"}, "", "The service answered 400", id="odd"),
    ],
)
def test_error_bodies(body, code: str, message: str) -> None:
    found = read_fault(body, status=400)
    assert found.code == code
    assert found.message.startswith(message)


@pytest.mark.parametrize("code", sorted(REMEDIES))
def test_a_known_code_has_its_remedy(code: str) -> None:
    error = fault(Response(400, {}, {"error": {"code": code, "message": "No."}}), at=AT)
    assert isinstance(error, ProviderError)
    assert error.code == code
    assert error.detail == f"{code}: No."
    assert error.remedy == REMEDIES[code]
    assert error.at == AT


@pytest.mark.parametrize("remedy", sorted(set(REMEDIES.values())))
def test_remedies_are_sentences_without_their_subject(remedy: str) -> None:
    assert remedy[0].isupper()
    assert remedy.endswith((".", "…`."))


def test_an_unknown_code_passes_through() -> None:
    error = fault(Response(400, {}, {"error": {"code": "Odd", "message": "Why?"}}), at=AT)
    assert isinstance(error, ProviderError)
    assert (error.code, error.detail) == ("Odd", "Odd: Why?")
    assert error.remedy


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (403, "role"),
        (404, "refresh"),
        (409, "the conflict"),
        (412, "Someone else"),
        (429, "Wait"),
        (500, "Run the command again"),
        (418, "in the message"),
    ],
)
def test_without_a_known_code_the_status_decides(status: int, remedy: str) -> None:
    assert remedy in fault(Response(status), at=AT).remedy


def test_a_401_is_a_credential_error() -> None:
    body = {"error": {"code": "InvalidAuthenticationToken", "message": "Expired."}}
    error = fault(Response(401, {}, body), at=AT)
    assert isinstance(error, CredentialError)
    assert "az login" in error.remedy


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"status": "Failed", "error": {"code": "A", "message": "B"}}, "A"),
        ({"status": "Canceled"}, "Canceled"),
        ({"properties": {"provisioningState": "Failed"}}, "Failed"),
        ({"properties": {"provisioningErrors": [{"error": {"code": "A"}}]}}, "A"),
        ({"properties": {"provisioningErrors": [{"code": "A"}]}}, "A"),
        ("odd", "Failed"),
        ({"properties": "odd"}, "Failed"),
    ],
)
def test_operations_that_failed(document, code: str) -> None:
    error = operation_fault(document, at=AT)
    assert error.code == code
    assert error.detail.startswith(code)


def test_secrets_are_redacted_longest_first() -> None:
    text = "password 'hunter22' of hunter2 (hunter2)"
    assert redact(text, ["hunter2", "hunter22", ""]) == (
        "password '[secret]' of [secret] ([secret])"
    )
