"""Authentication: every call needs a bearer token of this cloud, except to open routes."""

from localcloud.calls.messages import Call, Handler
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import RouteTable
from localcloud.calls.tokens import claims_of


def authenticate(routes: RouteTable) -> Handler:
    """Return the handler that refuses a call without a valid token.

    Open routes are not checked here: the blob plane checks signatures, the others need no token.
    """

    def handler(call: Call) -> None:
        first = next(routes.candidates(call.method, call.path), None)
        if first is not None and first[0].open:
            return
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            message = "Authentication failed. The 'Authorization' header is missing or invalid."
            raise _refused(call, "AuthenticationFailed", message)
        claims = claims_of(call.cloud, token.strip())
        if claims is None:
            message = "The access token is invalid: it was not issued by this cloud."
            raise _refused(call, "InvalidAuthenticationToken", message)
        if claims["exp"] <= call.now:
            message = "The access token has expired."
            raise _refused(call, "ExpiredAuthenticationToken", message)
        call.caller = claims

    return handler


def _refused(call: Call, code: str, message: str) -> RefusedError:
    challenge = (
        f'Bearer authorization_uri="{call.origin}/common", '
        f'error="invalid_token", error_description="{message}"'
    )
    return RefusedError(401, code, message, headers={"WWW-Authenticate": challenge})
