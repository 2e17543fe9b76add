"""Management locks: which of them hold for a resource."""

from collections.abc import Sequence
from typing import Final

from localcloud.calls.messages import Call

TYPE: Final = "Microsoft.Authorization/locks"
CAN_NOT_DELETE: Final = "CanNotDelete"
READ_ONLY: Final = "ReadOnly"
LEVELS: Final = (CAN_NOT_DELETE, READ_ONLY)
_PART: Final = f"/providers/{TYPE}/"


def locked_scopes(call: Call, id: str, levels: Sequence[str], *, below: bool) -> list[str]:
    """Return the scopes whose locks hold for ``id``: its own and those above.

    With ``below`` also those of what it contains, which would be deleted with it.
    """
    wanted = f"{id}/".lower()
    found = []
    for lock in call.cloud.store.resources.of_type(TYPE, now=call.now):
        scope = lock.id[: lock.id.lower().rindex(_PART.lower())]
        theirs = f"{scope}/".lower()
        holds = wanted.startswith(theirs) or (below and theirs.startswith(wanted))
        if holds and lock.properties["level"] in levels:
            found.append(scope)
    return found
