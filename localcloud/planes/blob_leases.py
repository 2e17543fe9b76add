"""Leases of the blob plane: acquire, renew, change, release, break; and what a lease refuses.

Source: Microsoft's page "Lease Blob", its tables of outcomes. Leases of containers are not here.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Final

from localcloud.calls.messages import Call, Reply
from localcloud.planes.blob_places import Place
from localcloud.planes.blob_reading import BlobRefusedError, no_content
from localcloud.store.blobs import Blob
from localcloud.store.leases import INFINITE, BlobLease

_SHORTEST: Final = 15
_LONGEST: Final = 60
_ID: Final = "x-ms-lease-id"
_PROPOSED: Final = "x-ms-proposed-lease-id"


def lease_blob(call: Call, place: Place, blob: Blob) -> Reply:
    """Respond to ``?comp=lease``: the action is in a header."""
    action = call.headers.get("x-ms-lease-action", "").lower()
    if action not in _ACTIONS:
        raise BlobRefusedError(
            400, "InvalidHeaderValue", f"x-ms-lease-action is {action!r}: {', '.join(_ACTIONS)}."
        )
    status, decide, headers = _ACTIONS[action]
    key = (place.account, place.container, place.blob)
    lease = call.cloud.store.leases.change(*key, lambda held: decide(call, held))
    return Reply(status, headers=no_content(blob) | headers(lease))


def shown_lease(call: Call, place: Place) -> dict[str, str]:
    """Return the headers that say whether a blob is leased."""
    held = call.cloud.store.leases.get(place.account, place.container, place.blob)
    if held is None or not held.lasts(call.now):
        state = "available" if held is None else "expired"
        return {"x-ms-lease-status": "unlocked", "x-ms-lease-state": state}
    kind = "infinite" if held.seconds == INFINITE else "fixed"
    return {
        "x-ms-lease-status": "locked",
        "x-ms-lease-state": "leased",
        "x-ms-lease-duration": kind,
    }


def require_lease(call: Call, place: Place) -> None:
    """Refuse to write a leased blob without its lease, or with another one."""
    held = call.cloud.store.leases.get(place.account, place.container, place.blob)
    given = call.headers.get(_ID, "").lower()
    lasts = held is not None and held.lasts(call.now)
    if held is not None and lasts and not given:
        raise BlobRefusedError(
            412,
            "LeaseIdMissing",
            "There is currently a lease on the blob and no lease ID was specified in the request.",
        )
    if held is not None and lasts and given != held.id:
        raise BlobRefusedError(
            412,
            "LeaseIdMismatchWithBlobOperation",
            "The lease ID specified did not match the lease ID for the blob.",
        )
    if given and not lasts:
        raise BlobRefusedError(
            412, "LeaseNotPresentWithBlobOperation", "There is currently no lease on the blob."
        )


def _acquire(call: Call, held: BlobLease | None) -> BlobLease:
    wanted = _uuid(call, _PROPOSED) or str(uuid.uuid4())
    if held is not None and held.lasts(call.now) and held.id != wanted:
        raise BlobRefusedError(409, "LeaseAlreadyPresent", "There is already a lease present.")
    return BlobLease(wanted, _seconds(call), 0.0).begun(call.now)


def _renew(call: Call, held: BlobLease | None) -> BlobLease:
    return _matching(call, held).begun(call.now)


def _change(call: Call, held: BlobLease | None) -> BlobLease:
    wanted = _uuid(call, _PROPOSED)
    if wanted is None:
        raise BlobRefusedError(400, "MissingRequiredHeader", f"{_PROPOSED} is required.")
    if held is None or not held.lasts(call.now):
        raise _absent()
    kept = held if held.id == wanted else _matching(call, held)
    return BlobLease(wanted, kept.seconds, kept.until)


def _release(call: Call, held: BlobLease | None) -> None:
    _matching(call, held)


def _break(call: Call, held: BlobLease | None) -> BlobLease | None:
    """End a lease now or, with a period, when it would have ended at the latest."""
    if held is None:
        raise _absent()
    period = call.headers.get("x-ms-lease-break-period")
    if not held.lasts(call.now) or period == "0":
        return None
    until = held.until if period is None else min(held.until, call.now + _number(period))
    if until == float("inf"):
        return None
    return BlobLease(held.id, held.seconds, until)


def _matching(call: Call, held: BlobLease | None) -> BlobLease:
    if held is None:
        raise _absent()
    if _uuid(call, _ID) != held.id:
        raise BlobRefusedError(
            409,
            "LeaseIdMismatchWithLeaseOperation",
            "The lease ID specified did not match the lease ID for the blob.",
        )
    return held


def _absent() -> BlobRefusedError:
    return BlobRefusedError(
        409, "LeaseNotPresentWithLeaseOperation", "There is currently no lease on the blob."
    )


def _uuid(call: Call, header: str) -> str | None:
    text = call.headers.get(header)
    if not text:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise BlobRefusedError(400, "InvalidHeaderValue", f"{header} is not a UUID.") from None


def _seconds(call: Call) -> int:
    seconds = _number(call.headers.get("x-ms-lease-duration", ""))
    if seconds != INFINITE and not _SHORTEST <= seconds <= _LONGEST:
        raise BlobRefusedError(
            400, "InvalidHeaderValue", f"A lease lasts {_SHORTEST} to {_LONGEST} seconds, or -1."
        )
    return seconds


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BlobRefusedError(400, "InvalidHeaderValue", f"{text!r} is no number.") from None


def _with_id(lease: BlobLease | None) -> dict[str, str]:
    return {_ID: lease.id} if lease else {}


def _nothing(_: BlobLease | None) -> dict[str, str]:
    return {}


def _broken(lease: BlobLease | None) -> dict[str, str]:
    return {"x-ms-lease-time": "0" if lease is None else str(lease.seconds)}


_Decide = Callable[[Call, BlobLease | None], BlobLease | None]
_ACTIONS: Final[Mapping[str, tuple[int, _Decide, Callable[[BlobLease | None], dict[str, str]]]]] = {
    "acquire": (201, _acquire, _with_id),
    "renew": (200, _renew, _with_id),
    "change": (200, _change, _with_id),
    "release": (200, _release, _nothing),
    "break": (202, _break, _broken),
}
