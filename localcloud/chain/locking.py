"""Management locks: refuses what a lock at, above or (for a delete) below a resource forbids."""

from typing import Final

from localcloud.calls.locks import CAN_NOT_DELETE, READ_ONLY, TYPE, locked_scopes
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError

_READS: Final = frozenset({"GET", "HEAD"})


def respect_locks(call: Call) -> None:
    """Refuse a delete under any lock, and every other change under a read-only one.

    A POST is a change as well: Azure refuses `listKeys` under a read-only lock.
    """
    if call.method in _READS or call.collection or call.arm.type.lower() == TYPE.lower():
        return
    deletes = call.method == "DELETE"
    levels = (CAN_NOT_DELETE, READ_ONLY) if deletes else (READ_ONLY,)
    scopes = locked_scopes(call, str(call.arm), levels, below=deletes)
    if scopes:
        verb = "delete" if deletes else "write"
        # Azure's own words
        raise RefusedError(
            409,
            "ScopeLocked",
            f"The scope '{call.arm}' cannot perform {verb} operation because following scope(s) "
            f"are locked: '{', '.join(scopes)}'. Please remove the lock and try again.",
        )
