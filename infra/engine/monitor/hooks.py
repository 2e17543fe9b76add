"""Hooks of a program in the SDK's form: registered by name, called back with what happens."""

from typing import Any

from pulumi.runtime.proto import resource_pb2

from infra.contract.json_types import Document
from infra.contract.provider import UNKNOWN
from infra.engine.deployment.hooks import ErrorHook, Hook
from infra.engine.model.hooks import HookCall
from infra.engine.model.resources import Resource
from infra.engine.monitor.callbacks import Callbacks
from infra.engine.monitor.protobuf import to_struct
from infra.engine.monitor.stub import ProgramStatus

_NOUN = "resource hook"


def hook_of(request: Any, callbacks: Callbacks, status: ProgramStatus) -> Hook:
    """Return the function behind one ``RegisterResourceHook``."""
    callback = request.callback

    def run(call: HookCall) -> str:
        asked = _filled(resource_pb2.ResourceHookRequest(), call)
        if call.done and call.new is not None:
            asked.new_outputs.CopyFrom(to_struct(call.new.outputs))
        answer = resource_pb2.ResourceHookResponse()
        return status.masked(callbacks.call(callback, asked, answer, noun=_NOUN).error)

    return run


def error_hook_of(request: Any, callbacks: Callbacks, status: ProgramStatus) -> ErrorHook:
    """Return the function behind one ``RegisterErrorHook``."""
    callback = request.callback

    def run(call: HookCall) -> tuple[bool, str]:
        asked = _filled(resource_pb2.ErrorHookRequest(failed_operation=call.verb), call)
        asked.errors.extend(call.errors)
        answer = callbacks.call(callback, asked, resource_pb2.ErrorHookResponse(), noun=_NOUN)
        return answer.retry, status.masked(answer.error)

    return run


def _filled(asked: Any, call: HookCall) -> Any:
    resource = call.resource
    id_ = _id(call.new if call.done else None) or _id(call.old)
    asked.urn, asked.id, asked.name, asked.type = resource.urn, id_, resource.name, resource.type
    known: list[tuple[str, Document | None]] = [
        ("new_inputs", call.new.inputs if call.new else None),
        ("old_inputs", call.old.inputs if call.old else None),
        ("old_outputs", call.old.outputs if call.old else None),
    ]
    for field, values in known:
        if values is not None:
            getattr(asked, field).CopyFrom(to_struct(values))
    return asked


def _id(resource: Resource | None) -> str:
    return "" if resource is None or resource.id == UNKNOWN else resource.id
