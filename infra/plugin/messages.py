"""Protobuf messages of Pulumi's provider protocol for what the provider answers, secrets marked.

Pure. The Pulumi CLI keeps what it is answered: what is not marked here is in its state in clear.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from google.protobuf.any_pb2 import Any as PackedMessage
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, status_pb2

from infra.contract.errors import PartialFailure, PlatformError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import AutoName, Checked, Difference, Existing
from infra.engine.model.values import marked, marked_like
from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.engine.plugins.marks import masked, secret_texts

_UNKNOWN_CODE: Final = 2  # of google.rpc.Status, as Pulumi's own plugins use it
_KINDS: Final = {
    "add": provider_pb2.PropertyDiff.ADD,
    "add-replace": provider_pb2.PropertyDiff.ADD_REPLACE,
    "delete": provider_pb2.PropertyDiff.DELETE,
    "delete-replace": provider_pb2.PropertyDiff.DELETE_REPLACE,
    "update": provider_pb2.PropertyDiff.UPDATE,
    "update-replace": provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
_CHANGES: Final = {
    True: provider_pb2.DiffResponse.DIFF_SOME,
    False: provider_pb2.DiffResponse.DIFF_NONE,
    None: provider_pb2.DiffResponse.DIFF_UNKNOWN,
}
_NAMING: Final[Mapping[int, Literal["propose", "enforce", "disabled"]]] = {
    provider_pb2.CheckRequest.AutonamingOptions.PROPOSE: "propose",
    provider_pb2.CheckRequest.AutonamingOptions.ENFORCE: "enforce",
    provider_pb2.CheckRequest.AutonamingOptions.DISABLE: "disabled",
}
_OUR_COMMAND: Final = re.compile(r"`aml (up|preview|refresh|destroy|config|import)\b")
_STEP: Final = re.compile(r"[^.\[]+")


def check_response(checked: Checked, news: Document) -> Message:
    """Return checked inputs, marked as ``news`` are, or every failure."""
    failures = [
        provider_pb2.CheckFailure(property=each.property_path, reason=each.reason)
        for each in checked.failures
    ]
    inputs = marked_like(dict(checked.inputs), dict(news))
    return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)


def auto_name(request: Any) -> AutoName | None:
    """Return what a check says about the name, from `pulumi:autonaming`."""
    if not request.HasField("autonaming"):
        return None
    return AutoName(_NAMING[request.autonaming.mode], request.autonaming.proposed_name)


def diff_response(difference: Difference) -> Message:
    """Return a comparison of inputs; what any part of a property replaces, replaces."""
    kinds = difference.detailed
    by_kind = [_top(path) for path, kind in kinds.items() if kind.endswith("-replace")]
    return provider_pb2.DiffResponse(
        changes=_CHANGES[difference.changed],
        replaces=list(dict.fromkeys([*difference.replaces, *by_kind])),
        diffs=list(dict.fromkeys(map(_top, kinds))),
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=_KINDS[kind], inputDiff=True)
            for path, kind in kinds.items()
        },
        hasDetailedDiff=bool(kinds),
        deleteBeforeReplace=difference.delete_before_replace,
    )


def outputs_of(existing: Existing, inputs: Document, before: Document | None = None) -> Struct:
    """Return outputs, marked where the provider says so, and where inputs or old outputs are."""
    outputs = marked_like(marked(dict(existing.outputs), existing.secrets), dict(inputs))
    return to_struct(marked_like(outputs, dict(before or {})))


def read_response(existing: Existing | None, inputs: Document, before: Document) -> Message:
    """Return a resource as it was read, or that it is gone; state takes its inputs, too."""
    if existing is None:
        return provider_pb2.ReadResponse()
    return provider_pb2.ReadResponse(
        id=existing.id,
        inputs=to_struct(marked_like(dict(existing.inputs), dict(inputs))),
        properties=outputs_of(existing, inputs, before),
    )


def not_ready(failure: PartialFailure, inputs: Document, secrets: frozenset[str]) -> bytes:
    """Return the trailer of a call whose resource exists, but is not ready."""
    existing = Existing(failure.resource_id, inputs, failure.outputs, failure.secrets)
    detail = PackedMessage()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=failure.resource_id,
            properties=outputs_of(existing, inputs),
            inputs=to_struct(inputs),
            reasons=[masked(reason, secrets) for reason in failure.reasons],
        )
    )
    text = described(failure, secrets)
    status = status_pb2.Status(code=_UNKNOWN_CODE, message=text, details=[detail])
    packed: bytes = status.SerializeToString()
    return packed


def described(error: PlatformError, secrets: frozenset[str]) -> str:
    """Return an error for whoever runs the Pulumi CLI: without secrets, with its commands."""
    text = f"{error.detail}\n{error.remedy}"
    return _OUR_COMMAND.sub(r"`pulumi \1", masked(text, secrets))


def secrets_in(request: Message) -> frozenset[str]:
    """Return the texts that a request marks as secret."""
    values = [value for _, value in request.ListFields() if isinstance(value, Struct)]
    return secret_texts(*map(from_struct, values))


def property_names(request: Message) -> list[str]:
    """Return the names of the properties that a request is about, never their values."""
    fields: JsonObject = {field.name: value for field, value in request.ListFields()}
    for name in ("news", "properties", "args", "inputs"):
        if isinstance(fields.get(name), Struct):
            return sorted(fields[name].fields)
    return []


def _top(path: str) -> str:
    found = _STEP.match(path)
    return found.group() if found else path
