"""Transforms: functions of the program that change registrations and calls before we see them.

The SDK serves them in the program's own process, on its event loop. Order and fields are those of
the Pulumi CLI: a resource's own transforms, those of its parents from the nearest on, the stack's.
"""

import threading
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import Message
from pulumi.runtime.proto import resource_pb2

from infra.engine.model.resources import STACK_TYPE
from infra.engine.monitor.callbacks import Callbacks

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

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._lock = threading.Lock()
        self._stack: list[Any] = []
        self._invokes: list[Any] = []
        self._own: dict[str, list[Any]] = {}
        self._parents: dict[str, str] = {}

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

    def _inherited(self, parent: str) -> Iterable[Any]:
        with self._lock:
            found: list[Any] = []
            while parent:
                found += self._own.get(parent, ())
                parent = self._parents.get(parent, "")
            return [*found, *self._stack]

    def _ask(self, callback: Any, request: Message, answer: Any) -> Any:
        return self._callbacks.call(callback, request, answer, noun="transform")


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
