"""Transforms: functions of the program that change registrations and calls before we see them.

The SDK serves them in the program's own process, on its event loop. Order and fields are those of
the Pulumi CLI: a resource's own transforms, those of its parents from the nearest on, the stack's.
"""

import re
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from pulumi.runtime.proto import callback_pb2, resource_pb2

from infra.contract.errors import UsageError
from infra.engine.model.resources import STACK_TYPE

_INVOKE: Final = "/pulumirpc.Callbacks/Invoke"
_SDK_WORDS: Final = re.compile(r"^Invoke callback \S+ error: ")
_LISTS: Final = {
    "dependencies": "depends_on",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "additionalSecretOutputs": "additional_secret_outputs",
    "aliases": "aliases",
    "hideDiffs": "hide_diff",
    "replace_with": "replace_with",
}
_TEXTS: Final = {
    "version": "version",
    "provider": "provider",
    "pluginDownloadURL": "plugin_download_url",
    "deletedWith": "deleted_with",
    "importId": "import",
}
_FLAGS: Final = {"protect": "protect", "retainOnDelete": "retain_on_delete"}
_MESSAGES: Final = {
    "customTimeouts": "custom_timeouts",
    "replacement_trigger": "replacement_trigger",
    "hooks": "hooks",
}


class Transforms:
    """The transforms of one run of a program. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: list[Any] = []
        self._invokes: list[Any] = []
        self._own: dict[str, list[Any]] = {}
        self._parents: dict[str, str] = {}
        self._callers: dict[str, Callable[..., Any]] = {}
        self._channels: list[Any] = []

    def add(self, callback: Message) -> None:
        """Add a transform of all resources of the stack."""
        with self._lock:
            self._stack.append(callback)

    def add_of_invokes(self, callback: Message) -> None:
        """Add a transform of all calls of functions."""
        with self._lock:
            self._invokes.append(callback)

    def registered(self, urn: str, request: Any) -> None:
        """Note a resource, whose transforms hold for its children, too."""
        with self._lock:
            self._parents[urn] = request.parent
            if request.transforms:
                self._own[urn] = list(request.transforms)

    def applied(self, request: Any) -> Any:
        """Return the registration after all transforms that hold for it."""
        wanted = [*request.transforms, *self._inherited(request.parent)]
        if not wanted or request.type == STACK_TYPE:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in wanted:
            asked = resource_pb2.TransformRequest(
                type=changed.type,
                name=changed.name,
                custom=changed.custom,
                parent=changed.parent,
                properties=changed.object,
                options=_options(changed),
            )
            answer = self._ask(callback, asked, resource_pb2.TransformResponse())
            changed.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                _take(changed, answer.options)
        for key in set(changed.propertyDependencies) - set(changed.object.fields):
            del changed.propertyDependencies[key]
        return changed

    def applied_to_invoke(self, request: Any) -> Any:
        """Return the call of a function after all transforms of calls."""
        with self._lock:
            wanted = list(self._invokes)
        if not wanted:
            return request
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        for callback in wanted:
            asked = resource_pb2.TransformInvokeRequest(
                token=changed.tok,
                args=changed.args,
                options=resource_pb2.TransformInvokeOptions(
                    provider=changed.provider,
                    version=changed.version,
                    plugin_download_url=changed.pluginDownloadURL,
                ),
            )
            answer = self._ask(callback, asked, resource_pb2.TransformInvokeResponse())
            changed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                changed.provider = answer.options.provider
                changed.version = answer.options.version
                changed.pluginDownloadURL = answer.options.plugin_download_url
        return changed

    def close(self) -> None:
        """Close the connections to the program's callbacks."""
        for channel in self._channels:
            channel.close()

    def _inherited(self, parent: str) -> Iterable[Any]:
        with self._lock:
            found: list[Any] = []
            while parent:
                found += self._own.get(parent, ())
                parent = self._parents.get(parent, "")
            return [*found, *self._stack]

    def _ask(self, callback: Any, request: Message, answer: Any) -> Any:
        asked = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        try:
            answer.ParseFromString(self._caller(callback.target)(asked).response)
        except grpc.RpcError as error:
            raise UsageError(
                f"A transform of the program failed: {_SDK_WORDS.sub('', error.details())}",
                remedy="Correct the transform.",
            ) from error
        return answer

    def _caller(self, target: str) -> Callable[..., Any]:
        with self._lock:
            if target not in self._callers:
                channel: Any = grpc.insecure_channel(target)
                self._channels.append(channel)
                self._callers[target] = channel.unary_unary(
                    _INVOKE,
                    request_serializer=callback_pb2.CallbackInvokeRequest.SerializeToString,
                    response_deserializer=callback_pb2.CallbackInvokeResponse.FromString,
                )
            return self._callers[target]


def _options(request: Any) -> resource_pb2.TransformResourceOptions:
    options = resource_pb2.TransformResourceOptions()
    for ours, theirs in _LISTS.items():
        getattr(options, theirs).extend(getattr(request, ours))
    for urn in request.aliasURNs:
        options.aliases.add().urn = urn
    for ours, theirs in _TEXTS.items():
        setattr(options, theirs, getattr(request, ours))
    for ours, theirs in _FLAGS.items():
        if request.HasField(ours):
            setattr(options, theirs, getattr(request, ours))
    for ours, theirs in _MESSAGES.items():
        if request.HasField(ours):
            getattr(options, theirs).CopyFrom(getattr(request, ours))
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    options.providers.update(request.providers)
    return options


def _take(request: Any, options: Any) -> None:
    """Put the options that a transform returned into a registration."""
    request.ClearField("aliasURNs")
    for ours, theirs in _LISTS.items():
        request.ClearField(ours)
        getattr(request, ours).extend(getattr(options, theirs))
    for ours, theirs in _TEXTS.items():
        setattr(request, ours, getattr(options, theirs))
    for ours, theirs in (*_FLAGS.items(), *_MESSAGES.items()):
        request.ClearField(ours)
        if options.HasField(theirs):
            value = getattr(options, theirs)
            if isinstance(value, Message):
                getattr(request, ours).CopyFrom(value)
            else:
                setattr(request, ours, value)
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
    request.ClearField("providers")
    request.providers.update(options.providers)
