"""The blob plane: block and append blobs as ``azure-storage-blob`` uses them, at ``/{account}/…``.

``blob_access`` says who may send a request, ``blob_leases`` who may write. Page blobs, leases of
containers, snapshots, tiers and batches are not implemented.
"""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.api_versions import BLOB_SERVICE
from localcloud.calls.containers import declared
from localcloud.calls.messages import METADATA, Call, Reply
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.shared_access import account_keys
from localcloud.calls.times import http_date
from localcloud.planes import blob_documents as documents
from localcloud.planes.blob_access import authorize, require_signed, user_delegation_key
from localcloud.planes.blob_documents import BLOB_TYPE
from localcloud.planes.blob_kinds import APPEND, BLOCK, BLOCKS, appended, kind_of, required_kind
from localcloud.planes.blob_leases import lease_blob, require_lease, shown_lease
from localcloud.planes.blob_places import (
    SOURCE,
    Place,
    account_of,
    check_source,
    is_base64,
    place_of,
    source_of,
)
from localcloud.planes.blob_reading import BlobRefusedError, no_content, read_blob
from localcloud.planes.signing import BlobOperation
from localcloud.store.blobs import Blob, BlobExistsError, BlobStore

_CONTAINER_NAME: Final = re.compile(
    r"(\$root|\$logs|\$web|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9])"
)
_MAX_RESULTS: Final = 5000
_LARGEST: Final = 5000 << 20  # bytes of one Put Blob; a block has fewer
_LONGEST: Final = 9  # digits of maxresults


_Action = Callable[[Call, Place], Reply]


def answer_blob_call(call: Call) -> Reply | None:
    """Respond to any request below ``/{account}``; ``None`` if there is no such account.

    A request with ``x-ms-version`` is the storage client's, and gets storage's 404 instead.
    """
    account = account_of(call.params["account"])
    keys = account_keys(call.cloud, account)
    if not keys and "x-ms-version" not in call.headers:
        return None
    try:
        place = place_of(call.params)
        operation, action = _action(call, place)
        authorize(call, place, keys, operation)
        reply = action(call, place)
    except BlobRefusedError as refusal:
        reply = refusal.reply()
    reply.headers.setdefault("x-ms-version", call.headers.get("x-ms-version", BLOB_SERVICE))
    return reply


def _action(call: Call, place: Place) -> tuple[BlobOperation, _Action]:
    level = (
        "blob"
        if place.blob
        else call.query.get("restype", "container" if place.container else "account")
    )
    key = f"{level} {call.method} {call.query.get('comp', '')}".rstrip()
    if key == "blob PUT" and SOURCE in call.headers:
        # Put Blob From URL names the type of the new blob, Copy Blob does not.
        key = "blob PUT url" if "x-ms-blob-type" in call.headers else "blob PUT copy"
    if key not in _ACTIONS:
        raise BlobRefusedError(501, "NotImplemented", f"The local cloud does not support {key!r}.")
    return _ACTIONS[key]


def _blobs(call: Call) -> BlobStore:
    return call.cloud.store.blobs


def _require_container(call: Call, place: Place) -> None:
    if _blobs(call).container(place.account, place.container) is not None:
        return
    if not declared(call.cloud, place.account, place.container):
        raise BlobRefusedError(404, "ContainerNotFound", "The specified container does not exist.")
    _blobs(call).ensure_container(place.account, place.container, now=call.now)


def _existing(call: Call, place: Place) -> Blob:
    blob = _blobs(call).get(place.account, place.container, place.blob)
    if blob is None:
        _require_container(call, place)
        raise BlobRefusedError(404, "BlobNotFound", "The specified blob does not exist.")
    return blob


def _check_write_conditions(call: Call, place: Place) -> None:
    """Refuse if ``If-Match`` or ``If-None-Match`` does not hold, or another one's lease does."""
    require_lease(call, place)
    wanted, unwanted = call.headers.get("if-match"), call.headers.get("if-none-match")
    if not wanted and not unwanted:
        return
    blob = _blobs(call).get(place.account, place.container, place.blob)
    if unwanted == "*" and blob is not None:
        raise BlobRefusedError(409, "BlobAlreadyExists", "The specified blob already exists.")
    mismatch = wanted and (blob is None or wanted not in ("*", blob.etag))
    if mismatch or (unwanted and blob is not None and unwanted == blob.etag):
        raise BlobRefusedError(
            412, "ConditionNotMet", "The condition specified in the headers is not met."
        )


def list_containers(call: Call, place: Place) -> Reply:
    prefix = call.query.get("prefix", "")
    found = [c for c in _blobs(call).containers(place.account) if c.name.startswith(prefix)]
    return _xml(
        documents.container_listing(
            found,
            endpoint=f"{call.origin}/{place.shown}",
            prefix=prefix,
            with_metadata="metadata" in call.query.get("include", ""),
        )
    )


def create_container(call: Call, place: Place) -> Reply:
    if not _CONTAINER_NAME.fullmatch(place.container):
        raise BlobRefusedError(
            400,
            "InvalidResourceName",
            f"{place.container!r} is not a container name: use 3-63 lower-case letters, digits or "
            "single hyphens.",
        )
    if not _blobs(call).ensure_container(
        place.account, place.container, now=call.now, metadata=_metadata(call)
    ):
        raise BlobRefusedError(
            409, "ContainerAlreadyExists", "The specified container already exists."
        )
    return Reply(201, headers=_container_headers(call, place))


def show_container(call: Call, place: Place) -> Reply:
    _require_container(call, place)
    return Reply(200, headers=_container_headers(call, place))


def delete_container(call: Call, place: Place) -> Reply:
    _require_container(call, place)
    _blobs(call).delete_container(place.account, place.container)
    return Reply(202)


def list_blobs(call: Call, place: Place) -> Reply:
    query = call.query
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    above = ""
    if not place.container:
        # The reader of azureml-dataprep takes the first segment of a path for the container: ours
        # is the account, so that the container is the first folder of what it asks for.
        place = replace(place, container=prefix.partition("/")[0])
        above = f"{place.container}/"
        prefix, marker = prefix.removeprefix(above), marker.removeprefix(above)
    _require_container(call, place)
    page = documents.page_of(
        _blobs(call).listing(place.account, place.container, prefix),
        prefix=prefix,
        delimiter=query.get("delimiter", ""),
        marker=marker,
        limit=_limit(query.get("maxresults") or str(_MAX_RESULTS)),
    )
    leased = call.cloud.store.leases.lasting(place.account, place.container, call.now)
    return _xml(
        documents.blob_listing(
            page.below(above),
            endpoint=f"{call.origin}/{place.shown}",
            container=place.container,
            asked=query,
            with_metadata="metadata" in query.get("include", ""),
            leased=frozenset(f"{above}{name}" for name in leased),
        )
    )


def _limit(asked: str) -> int:
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= _LONGEST and int(asked)):
        raise BlobRefusedError(
            400, "OutOfRangeQueryParameterValue", f"maxresults is {asked!r}: use 1 to 5000."
        )
    return min(int(asked), _MAX_RESULTS)


def get_blob(call: Call, place: Place) -> Reply:
    try:
        reply = read_blob(_existing(call, place), call.method, call.headers)
    except FileNotFoundError:
        # The file of a live blob is removed when its run is collected; the blob now has a copy.
        reply = read_blob(_existing(call, place), call.method, call.headers)
    reply.headers |= shown_lease(call, place)
    return reply


def put_blob(call: Call, place: Place) -> Reply:
    kind = required_kind(call, BLOCK, APPEND)
    if kind == BLOCK:
        return _write(call, place, _content(call))
    return _write(call, place, (), {BLOB_TYPE: APPEND, BLOCKS: "0"})


def append_block(call: Call, place: Place) -> Reply:
    _require_container(call, place)
    _check_write_conditions(call, place)
    data = b"".join(_content(call))
    before = 0

    def decide(old: Blob | None) -> Mapping[str, str]:
        nonlocal before
        if old is None:
            raise BlobRefusedError(404, "BlobNotFound", "The specified blob does not exist.")
        _check_write_conditions(call, place)
        before = old.size
        return appended(call, old, len(data))

    key = (place.account, place.container, place.blob)
    blob = _blobs(call).append(*key, data, now=call.now, decide=decide)
    headers = {"x-ms-blob-append-offset": str(before), BLOCKS: blob.headers[BLOCKS]}
    return Reply(201, headers=no_content(blob) | headers)


def lease(call: Call, place: Place) -> Reply:
    return lease_blob(call, place, _existing(call, place))


def _content(call: Call) -> Iterator[bytes]:
    """Yield a blob's content as it arrives; refuse it at its end if its hash is another one."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        for chunk in call.chunks(_LARGEST):
            digest.update(chunk)
            yield chunk
    except RefusedError as error:
        raise BlobRefusedError(413, "RequestBodyTooLarge", error.message) from error
    expected = call.headers.get("content-md5")
    if expected and expected != base64.b64encode(digest.digest()).decode():
        raise BlobRefusedError(
            400, "Md5Mismatch", "The content does not match the Content-MD5 header."
        )


def put_blob_from_url(call: Call, place: Place) -> Reply:
    """Copy within this cloud. The source's URL must be signed, also in the same account."""
    required_kind(call, BLOCK)
    source = _source(call, place, key_suffices=False)
    return _copy(call, place, source)


def copy_blob(call: Call, place: Place) -> Reply:
    """Copy within this cloud, at once; the source's URL must be signed or in the same account."""
    source = _source(call, place, key_suffices=True)
    reply = _copy(call, place, source)
    reply.status = 202
    reply.headers |= {"x-ms-copy-id": str(uuid.uuid4()), "x-ms-copy-status": "success"}
    return reply


def _source(call: Call, place: Place, *, key_suffices: bool) -> Blob:
    source, query = source_of(call.headers)
    if source.account != place.account or "sig" in query or not key_suffices:
        require_signed(call, query, source)
    blob = _existing(call, source)
    check_source(call.headers, blob)
    return blob


def _copy(call: Call, place: Place, source: Blob) -> Reply:
    return _written(
        call,
        place,
        lambda **given: _blobs(call).copy(
            source,
            place.account,
            place.container,
            place.blob,
            headers={**source.headers, **_given_headers(call)},
            metadata=_metadata(call) or source.metadata,
            **given,
        ),
    )


def _write(
    call: Call, place: Place, chunks: Iterable[bytes], kind: Mapping[str, str] | None = None
) -> Reply:
    return _written(
        call,
        place,
        lambda **given: _blobs(call).put(
            place.account,
            place.container,
            place.blob,
            chunks,
            headers=_content_headers(call) | dict(kind or {}),
            metadata=_metadata(call),
            **given,
        ),
    )


def _written(call: Call, place: Place, write: Callable[..., Blob]) -> Reply:
    _require_container(call, place)
    _check_write_conditions(call, place)
    try:
        blob = write(
            now=call.now,
            only_if_absent=call.headers.get("if-none-match") == "*",
            # Again: another request may have written while the content arrived.
            allow=lambda _: _check_write_conditions(call, place),
        )
    except BlobExistsError:
        raise BlobRefusedError(
            409, "BlobAlreadyExists", "The specified blob already exists."
        ) from None
    headers = no_content(blob) | {"x-ms-request-server-encrypted": "true"}
    return Reply(201, headers=headers)


def put_metadata(call: Call, place: Place) -> Reply:
    blob = _existing(call, place)
    _check_write_conditions(call, place)
    changed = _blobs(call).set_metadata(blob, _metadata(call), now=call.now)
    return Reply(200, headers=no_content(changed))


def put_headers(call: Call, place: Place) -> Reply:
    blob = _existing(call, place)
    _check_write_conditions(call, place)
    changed = _blobs(call).set_metadata(
        blob, blob.metadata, now=call.now, headers=_content_headers(call) | kind_of(blob)
    )
    return Reply(200, headers=no_content(changed))


def put_block(call: Call, place: Place) -> Reply:
    _require_container(call, place)
    block = call.query.get("blockid", "")
    if not is_base64(block):
        raise BlobRefusedError(400, "InvalidQueryParameterValue", "blockid is not base64.")
    _blobs(call).put_block(place.account, place.container, place.blob, block, _content(call))
    return Reply(201, headers={"x-ms-request-server-encrypted": "true"})


def put_block_list(call: Call, place: Place) -> Reply:
    try:
        ids = documents.read_block_list(call.body)
    except ValueError as error:
        raise BlobRefusedError(400, "InvalidXmlDocument", str(error)) from error
    store, key = _blobs(call), (place.account, place.container, place.blob)
    if not set(ids) <= set(store.block_sizes(*key)):
        raise BlobRefusedError(400, "InvalidBlockList", "A block in the list was not uploaded.")
    reply = _write(call, place, store.block_chunks(*key, ids))
    store.forget_blocks(*key)
    return reply


def get_block_list(call: Call, place: Place) -> Reply:
    sizes = _blobs(call).block_sizes(place.account, place.container, place.blob)
    if not sizes:
        _existing(call, place)
    return _xml(documents.block_listing(sizes, call.query.get("blocklisttype", "committed")))


def delete_blob(call: Call, place: Place) -> Reply:
    _existing(call, place)
    _check_write_conditions(call, place)
    _blobs(call).delete(place.account, place.container, place.blob)
    call.cloud.store.leases.change(place.account, place.container, place.blob, lambda _: None)
    return Reply(202, headers={"x-ms-delete-type-permanent": "true"})


def _container_headers(call: Call, place: Place) -> dict[str, str]:
    container = _blobs(call).container(place.account, place.container)
    if container is None:  # deleted by another request since it was looked up
        raise BlobRefusedError(404, "ContainerNotFound", "The specified container does not exist.")
    return {
        "ETag": f'"0x{int(container.created * 1e6):X}"',
        "Last-Modified": http_date(container.created),
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
        **{f"{METADATA}{name}": value for name, value in container.metadata.items()},
    }


def _given_headers(call: Call) -> dict[str, str]:
    return {
        name: call.headers[f"x-ms-blob-{name}"]
        for name in documents.HEADER_NAMES
        if call.headers.get(f"x-ms-blob-{name}")
    }


def _content_headers(call: Call) -> dict[str, str]:
    headers = _given_headers(call)
    if call.query.get("comp") is None:  # a whole blob: Content-Type is the blob's too
        headers.setdefault(
            "content-type", call.headers.get("content-type") or "application/octet-stream"
        )
    return headers


def _metadata(call: Call) -> dict[str, str]:
    """Return the metadata of a request. Names keep their case and compare ignoring it."""
    found = {
        call.header_names.get(header, header)[len(METADATA) :]: value
        for header, value in call.headers.items()
        if header.startswith(METADATA)
    }
    wrong = next((name for name in found if not name.isidentifier()), None)
    if wrong is not None:
        raise BlobRefusedError(
            400,
            "InvalidMetadata",
            f"The metadata name {wrong!r} is invalid: use letters, digits and underscores, and "
            "begin with a letter.",
        )
    return found


def _xml(text: str) -> Reply:
    return Reply(200, text.encode(), media_type="application/xml")


def _fixed(text: str) -> _Action:
    return lambda _call, _place: _xml(text)


def _account_information(_call: Call, _place: Place) -> Reply:
    headers = {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2"}
    return Reply(200, headers=headers)


_ACTIONS: Final[Mapping[str, tuple[BlobOperation, _Action]]] = {
    "account GET list": ("containers", list_containers),
    "account GET properties": ("read", _account_information),
    "account HEAD properties": ("read", _account_information),
    "service POST userdelegationkey": ("delegate", user_delegation_key),
    "service GET properties": ("read", _fixed(documents.SERVICE_PROPERTIES)),
    "container PUT": ("containers", create_container),
    "container GET": ("read", show_container),
    "container HEAD": ("read", show_container),
    "container GET metadata": ("read", show_container),
    "container GET acl": ("read", _fixed(documents.NO_POLICIES)),
    "container GET list": ("list", list_blobs),
    "container DELETE": ("delete", delete_container),
    "blob GET": ("read", get_blob),
    "blob HEAD": ("read", get_blob),
    "blob GET metadata": ("read", get_blob),
    "blob HEAD metadata": ("read", get_blob),
    "blob GET blocklist": ("read", get_block_list),
    "blob PUT": ("create", put_blob),
    "blob PUT copy": ("create", copy_blob),
    "blob PUT url": ("create", put_blob_from_url),
    "blob PUT block": ("write", put_block),
    "blob PUT blocklist": ("write", put_block_list),
    "blob PUT appendblock": ("write", append_block),
    "blob PUT lease": ("write", lease),
    "blob PUT metadata": ("write", put_metadata),
    "blob PUT properties": ("write", put_headers),
    "blob DELETE": ("delete", delete_blob),
}

ROUTES: Final = (
    Route("*", "/{account:account}", answer_blob_call, open=True),
    Route("*", "/{account:account}/", answer_blob_call, open=True),
    Route("*", "/{account:account}/{container}", answer_blob_call, open=True),
    Route("*", "/{account:account}/{container}/{blob:path}", answer_blob_call, open=True),
)
