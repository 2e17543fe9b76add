"""Block blobs and append blobs: what a request may write, and an append blob's conditions. Pure."""

from collections.abc import Mapping
from typing import Final

from localcloud.calls.messages import Call
from localcloud.planes.blob_documents import BLOB_TYPE, blob_type
from localcloud.planes.blob_reading import BlobRefusedError
from localcloud.store.blobs import Blob

BLOCK: Final = "BlockBlob"
APPEND: Final = "AppendBlob"
BLOCKS: Final = "x-ms-blob-committed-block-count"


def appended(call: Call, old: Blob, added: int) -> Mapping[str, str]:
    """Return an append blob's headers after one more block; refuse what its conditions exclude."""
    if blob_type(old) != APPEND:
        raise BlobRefusedError(
            409, "InvalidBlobType", "The blob type is invalid for this operation."
        )
    position = call.headers.get("x-ms-blob-condition-appendpos")
    if position is not None and position != str(old.size):
        raise BlobRefusedError(
            412, "AppendPositionConditionNotMet", "The append position condition is not met."
        )
    largest = call.headers.get("x-ms-blob-condition-maxsize", "")
    if largest.isdecimal() and old.size + added > int(largest):
        raise BlobRefusedError(
            412, "MaxBlobSizeConditionNotMet", "The max blob size condition is not met."
        )
    kept = {name: value for name, value in old.headers.items() if name != "content-md5"}
    return {**kept, BLOCKS: str(int(old.headers.get(BLOCKS, "0")) + 1)}


def required_kind(call: Call, *kinds: str) -> str:
    kind = call.headers.get(BLOB_TYPE, "")
    if kind not in kinds:
        known = " and ".join(kinds)
        raise BlobRefusedError(
            400, "InvalidHeaderValue", f"The local cloud supports {known} here, not {kind!r}."
        )
    return kind


def kind_of(blob: Blob) -> dict[str, str]:
    return {name: value for name, value in blob.headers.items() if name in {BLOB_TYPE, BLOCKS}}
