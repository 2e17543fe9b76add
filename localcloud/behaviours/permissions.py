"""What the caller may do at a scope, as Azure lists it: everything, for there is one identity."""

from typing import Final

from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route

_PATH: Final = "/providers/Microsoft.Authorization/permissions"
_SCOPES: Final = ("/subscriptions/{subscription}", "/subscriptions/{subscription}/{scope:path}")


def _everything(_: Call) -> Reply:
    owner = {"actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": []}
    return answer({"value": [owner]})


ROUTES: Final = tuple(Route("GET", f"{scope}{_PATH}", _everything) for scope in _SCOPES)
