"""Requests to the plugin of a remote component: to construct it, and to call its methods.

Only the forms of requests are changed here. The plugin registers the component, and what it is made
of, with the program's own monitor.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, resource_pb2

from infra.engine.model.resources import urn_name, urn_type
from infra.engine.model.values import RESOURCE, SIGNATURE

_SELF: Final = "__self__"
_LISTS: Final = (
    "dependencies", "additionalSecretOutputs", "ignoreChanges", "replaceOnChanges", "replace_with",
    "aliases",
)  # fmt: skip


@runtime_checkable
class Constructs(Protocol):
    """A provider of components, as Pulumi's plugins are. Errors as a provider's."""

    def construct(self, request: Message, /) -> Any:
        """Answer a ``ConstructRequest``."""

    def call(self, request: Message, /) -> Any:
        """Answer a ``CallRequest``."""


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """What a plugin is told of the program. ``config`` has secrets in plaintext."""

    project: str
    stack: str
    organization: str
    config: Mapping[str, str]
    secret_keys: Collection[str]
    parallel: int
    preview: bool


def construct_request(
    request: resource_pb2.RegisterResourceRequest, facts: ProgramFacts, monitor: str
) -> Message:
    """Return the request that makes a plugin construct the component of a registration.

    ``monitor`` is the address at which the plugin registers resources.
    """
    made = provider_pb2.ConstructRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        inputs=request.object,
        deletedWith=request.deletedWith,
        organization=facts.organization,
    )
    _tell(made, facts, monitor)
    for field in _LISTS:
        getattr(made, field).extend(getattr(request, field))
    if request.HasField("protect"):
        made.protect = request.protect
    if request.HasField("retainOnDelete"):
        made.retainOnDelete = request.retainOnDelete
    if request.HasField("replacement_trigger"):
        made.replacement_trigger.CopyFrom(request.replacement_trigger)
    if request.deleteBeforeReplaceDefined:
        made.deleteBeforeReplace = request.deleteBeforeReplace
    for verb in ("create", "update", "delete"):
        if duration := getattr(request.customTimeouts, verb):
            setattr(made.customTimeouts, verb, duration)
    for field, names in request.hooks.ListFields():
        getattr(made.resource_hooks, field.name).extend(names)
    made.providers.update(request.providers)
    for key, found in request.propertyDependencies.items():
        made.inputDependencies[key].urns.extend(found.urns)
    return made


def constructed(urn: str, answer: Any) -> Message:
    """Return what the program gets for a component: its URN, its outputs, what they depend on."""
    made = resource_pb2.RegisterResourceResponse(
        urn=urn, object=answer.state, result=resource_pb2.Result.SUCCESS
    )
    for key, found in answer.stateDependencies.items():
        made.propertyDependencies[key].urns.extend(found.urns)
    return made


def call_request(
    request: resource_pb2.ResourceCallRequest, facts: ProgramFacts, monitor: str
) -> Message:
    """Return the request that calls a method. The program names the resource by its URN alone."""
    arguments = Struct()
    arguments.CopyFrom(request.args)
    if _SELF in arguments.fields:
        this = arguments.fields[_SELF].struct_value.fields
        if this[SIGNATURE].string_value == RESOURCE:
            urn = this["urn"].string_value
            this["type"].string_value = urn_type(urn)
            this["name"].string_value = urn_name(urn)
    made = provider_pb2.CallRequest(tok=request.tok, args=arguments)
    _tell(made, facts, monitor)
    for key, found in request.argDependencies.items():
        made.argDependencies[key].urns.extend(found.urns)
    return made


def _tell(made: Any, facts: ProgramFacts, monitor: str) -> None:
    made.project, made.stack = facts.project, facts.stack
    made.parallel, made.dryRun = facts.parallel, facts.preview
    made.monitorEndpoint, made.accepts_output_values = monitor, True
    made.config.update(facts.config)
    made.configSecretKeys.extend(sorted(facts.secret_keys))
