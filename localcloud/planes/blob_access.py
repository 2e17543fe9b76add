"""Who may send a request to the blob plane: an account's key, a signature, or an identity.

Every identity of this cloud may do everything: it has no roles for data.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from infra.contract.json_types import Document
from localcloud.calls.messages import Call, Reply
from localcloud.calls.network_access import storage_refusal
from localcloud.calls.shared_access import (
    account_keys,
    account_named,
    delegation_fields,
    delegation_key,
    keys_open,
)
from localcloud.calls.tokens import claims_of
from localcloud.planes.blob_documents import key_document, read_key_times
from localcloud.planes.blob_places import Place
from localcloud.planes.blob_reading import BlobRefusedError
from localcloud.planes.signing import (
    BlobOperation,
    SignedRequest,
    allows,
    sas_problem,
    shared_key_problem,
)

_KEY_NAMES: Final = (
    "SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion",
)  # fmt: skip
"""The parts of a user delegation key, in the order of the fields of a signature."""


def authorize(call: Call, place: Place, keys: Sequence[str], operation: BlobOperation) -> None:
    """Refuse a request to an account whose keys are ``keys``, in storage's words.

    First by who signed it, then by the network that it comes from.
    """
    if not keys:
        raise BlobRefusedError(
            404, "ResourceNotFound", f"There is no storage account {place.account!r}."
        )
    _require_network(call, place.account, _signed_in(call, place, keys, operation))


def _signed_in(call: Call, place: Place, keys: Sequence[str], operation: BlobOperation) -> Document:
    """Return the claims of the token, none if a key signed; refuse what nobody signed for."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if "sig" in call.query:
        _require_keys_or_delegation(call, place)
        _require_valid(call, call.query, place)
        if not allows(call.query, operation):
            raise BlobRefusedError(
                403,
                "AuthorizationPermissionMismatch",
                f"The signature's permissions ({call.query.get('sp', '')}) do not cover"
                f" {operation}.",
            )
    elif scheme.lower() == "bearer":
        claims = claims_of(call.cloud, token.strip())
        if claims is None or claims["exp"] <= call.now:
            message = "The access token is not one of this cloud, or has expired."
            raise BlobRefusedError(401, "InvalidAuthenticationInfo", message)
        return claims
    elif scheme.lower() == "sharedkey":
        _require_keys(call, place)
        request = SignedRequest(call.method, call.path, call.query, call.headers)
        problems = [shared_key_problem(request, key) for key in keys]
        if all(problems):
            raise BlobRefusedError(403, "AuthenticationFailed", problems[0] or "")
    else:
        raise BlobRefusedError(
            401,
            "NoAuthenticationInformation",
            "Sign the request with the account's key or a shared access signature, or send a"
            " token.",
            {"WWW-Authenticate": "SharedKey"},
        )
    return {}


def _require_network(call: Call, account: str, claims: Document) -> None:
    found = account_named(call.cloud, account)
    refusal = storage_refusal(call, found, claims) if found else None
    if refusal:
        raise BlobRefusedError(403, refusal.code, refusal.message)


def require_signed(call: Call, query: Mapping[str, str], source: Place) -> None:
    """Refuse to copy from a URL that is not signed for reading, or from a closed account."""
    unsigned = all(problem for problem in _problems(call, query, source))
    if unsigned or not allows(query, "read"):
        raise BlobRefusedError(403, "CannotVerifyCopySource", "The source URL is not signed.")
    _require_network(call, source.account, {})


def user_delegation_key(call: Call, _: Place) -> Reply:
    """Respond with a key that signs in the name of whoever asked, for as long as they ask."""
    try:
        start, expiry = read_key_times(call.body)
    except ValueError as error:
        message = "The body must have a Start and an Expiry, which are times."
        raise BlobRefusedError(400, "InvalidXmlDocument", message) from error
    fields = delegation_fields(start, expiry)
    values = dict(zip(_KEY_NAMES, fields.values(), strict=True))
    text = key_document({**values, "Value": delegation_key(call.cloud, fields)})
    return Reply(200, text.encode(), media_type="application/xml")


def _require_keys(call: Call, place: Place) -> None:
    if not keys_open(call.cloud, place.account):
        raise BlobRefusedError(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        )


def _require_keys_or_delegation(call: Call, place: Place) -> None:
    if "skoid" not in call.query:
        _require_keys(call, place)


def _require_valid(call: Call, query: Mapping[str, str], place: Place) -> None:
    problems = _problems(call, query, place)
    if all(problems):
        raise BlobRefusedError(403, "AuthenticationFailed", problems[0] or "")


def _problems(call: Call, query: Mapping[str, str], place: Place) -> list[str | None]:
    """Return what each of the possible keys says against a signature; ``None`` for nothing."""
    keys = (
        (delegation_key(call.cloud, query),)
        if "skoid" in query
        else account_keys(call.cloud, place.account)
    )
    return [
        sas_problem(
            query,
            key,
            accounts=(place.account, place.shown, f"{call.cloud.authority}/{place.account}"),
            container=place.container,
            blob=place.blob,
            now=datetime.fromtimestamp(call.now, UTC),
        )
        for key in keys
    ]
