"""Answers Pulumi's provider protocol with our provider for `azure-native`.

One instance serves one process of the plugin, which the Pulumi CLI starts for each configuration.
What is not here (components, methods, parameters) a CLI is told is not implemented.
"""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from infra.arm.provider import AzureNative
from infra.contract.errors import PartialFailure, PlatformError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import Difference, Existing
from infra.engine.deployment.session import Options
from infra.engine.model.resources import urn_name, urn_type
from infra.engine.model.values import plain
from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.engine.plugins.marks import masked
from infra.plugin import messages
from infra.plugin.clouds import CLOUD_ID, Clouds
from infra.plugin.engine_log import EngineLog
from infra.plugin.package_schema import package_schema

PACKAGE: Final = "azure-native"
_SDK: Final = "pulumi-azure-native"
_ANOTHER_CLOUD: Final = (
    "The local cloud was reset since this stack was deployed, so its resources may be gone. Run"
    " `pulumi refresh`, then `pulumi up`."
)

Answer = Callable[[Any], Message]
Answers = Mapping[str, tuple[type[Message], Answer]]
"""From the name of an RPC to its request's class and what answers it."""


@dataclass(frozen=True, slots=True)
class CallError(Exception):
    """A call that is answered with an error. ``trailer`` is a packed ``google.rpc.Status``."""

    details: str
    trailer: bytes = b""


class ProviderProtocol:
    """The RPCs of ``pulumirpc.ResourceProvider``. Safe from many threads once configured."""

    def __init__(self, clouds: Clouds, log: EngineLog) -> None:
        self._clouds, self._log = clouds, log
        self._provider: AzureNative | None = None

    def answers(self) -> Answers:
        """Return what answers each RPC; errors are raised as ``CallError``, without secrets."""
        own: Mapping[str, tuple[type[Message], Answer]] = {
            "Handshake": (provider_pb2.ProviderHandshakeRequest, self._handshake),
            "Attach": (plugin_pb2.PluginAttach, self._attach),
            "GetPluginInfo": (Empty, lambda _: plugin_pb2.PluginInfo(version=version(_SDK))),
            "GetSchema": (provider_pb2.GetSchemaRequest, _schema),
            "CheckConfig": (provider_pb2.CheckRequest, self._check_config),
            "DiffConfig": (provider_pb2.DiffRequest, self._diff_config),
            "Configure": (provider_pb2.ConfigureRequest, self._configure),
            "Check": (provider_pb2.CheckRequest, self._check),
            "Diff": (provider_pb2.DiffRequest, self._diff),
            "Create": (provider_pb2.CreateRequest, self._create),
            "Read": (provider_pb2.ReadRequest, self._read),
            "Update": (provider_pb2.UpdateRequest, self._update),
            "Delete": (provider_pb2.DeleteRequest, self._delete),
            "Invoke": (provider_pb2.InvokeRequest, self._invoke),
            "Cancel": (Empty, self._cancel),
        }
        return {rpc: (kind, self._guarded(rpc, answer)) for rpc, (kind, answer) in own.items()}

    def cancel(self) -> None:
        """Stop waiting for the service: calls that run soon fail."""
        if self._provider is not None:
            self._provider.cancel()

    def close(self) -> None:
        if self._provider is not None:
            self._provider.close()

    # The plugin itself.

    def _handshake(self, request: Any) -> Message:
        self._log.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=True
        )

    def _attach(self, request: Any) -> Message:
        self._log.attach(request.address)
        return Empty()

    def _cancel(self, _: Any) -> Message:
        self.cancel()
        return Empty()

    # Configuration.

    def _check_config(self, request: Any) -> Message:
        olds, news = from_struct(request.olds), from_struct(request.news)
        completed = self._clouds.completed(request.urn, news)
        if olds.get(CLOUD_ID) not in {None, completed.get(CLOUD_ID)}:
            self._log.say("warning", _ANOTHER_CLOUD, request.urn)
        checked = AzureNative.check_config(plain(olds), plain(completed))
        return messages.check_response(checked, completed)

    def _diff_config(self, request: Any) -> Message:
        olds, news = _inputs(request.old_inputs, request.olds), from_struct(request.news)
        if not news:  # of a provider that is deleted: its resources do not move
            return messages.diff_response(Difference(changed=False))
        return messages.diff_response(AzureNative.diff_config(plain(olds), plain(news)))

    def _configure(self, request: Any) -> Message:
        config = plain(from_struct(request.args))
        self._provider = self._clouds.provider(request.urn, config)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    # Resources.

    def _check(self, request: Any) -> Message:
        news = from_struct(request.news)
        olds = plain(from_struct(request.olds)) or None  # empty for what is new
        checked = self._configured().check_named(
            _type(request),
            urn_name(request.urn),
            olds,
            plain(news),
            request.randomSeed,
            autoname=messages.auto_name(request),
        )
        return messages.check_response(checked, news)

    def _diff(self, request: Any) -> Message:
        olds = plain(_inputs(request.old_inputs, request.olds))
        outputs, news = plain(from_struct(request.olds)), plain(from_struct(request.news))
        return messages.diff_response(
            self._configured().diff(_type(request), request.id, olds, outputs, news)
        )

    def _create(self, request: Any) -> Message:
        inputs = from_struct(request.properties)
        made = self._changed(
            request,
            inputs,
            lambda: self._configured().create(
                _type(request), plain(inputs), timeout_s=_timeout(request), preview=request.preview
            ),
        )
        return provider_pb2.CreateResponse(
            id="" if request.preview else made.id, properties=messages.outputs_of(made, inputs)
        )

    def _read(self, request: Any) -> Message:
        inputs, before = from_struct(request.inputs), from_struct(request.properties)
        found = self._configured().read(_type(request), request.id, plain(inputs))
        if found is not None and found.reasons:
            text = f"It exists but is not ready: {' '.join(found.reasons)}"
            failure = PartialFailure(
                text,
                remedy="Fix the cause; the next `pulumi up` repairs it in place.",
                resource_id=found.id,
                outputs=found.outputs,
                reasons=found.reasons,
            )
            secrets = messages.secrets_in(request)
            trailer = messages.not_ready(failure, found.inputs, secrets)
            raise CallError(messages.described(failure, secrets), trailer)
        return messages.read_response(found, inputs, before)

    def _update(self, request: Any) -> Message:
        outputs, news = from_struct(request.olds), from_struct(request.news)
        olds = _inputs(request.old_inputs, request.olds)
        made = self._changed(
            request,
            news,
            lambda: self._configured().update(
                _type(request),
                request.id,
                plain(olds),
                plain(outputs),
                plain(news),
                timeout_s=_timeout(request),
                preview=request.preview,
            ),
        )
        return provider_pb2.UpdateResponse(properties=messages.outputs_of(made, news))

    def _delete(self, request: Any) -> Message:
        inputs = plain(_inputs(request.old_inputs, request.properties))
        self._configured().delete(_type(request), request.id, inputs, timeout_s=_timeout(request))
        return Empty()

    def _invoke(self, request: Any) -> Message:
        args = plain(from_struct(request.args))
        result = self._configured().invoke(request.tok, args, preview=request.preview)
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(to_struct(result))
        return answer

    # Around a call.

    def _changed(self, request: Any, inputs: Document, call: Callable[[], Existing]) -> Existing:
        """Call the provider; say what the service ignored, and what of a failure exists."""
        try:
            made = call()
        except PartialFailure as failure:
            secrets = messages.secrets_in(request)
            trailer = messages.not_ready(failure, inputs, secrets)
            raise CallError(messages.described(failure, secrets), trailer) from failure
        for each in made.ignored:
            text = f"Azure accepted {each.path} and did not apply it; `pulumi refresh` shows it."
            self._log.say("warning", text, request.urn)
        return made

    def _configured(self) -> AzureNative:
        if self._provider is None:
            raise UsageError(
                "The provider is not configured.",
                remedy="This is a bug in the engine, which has to configure a provider first.",
            )
        return self._provider

    def _guarded(self, rpc: str, answer: Answer) -> Answer:
        """Log the call by names, and turn its errors into answers without secrets."""

        def guarded(request: Message) -> Message:
            began = time.monotonic()
            try:
                return answer(request)
            except PlatformError as error:
                raise CallError(messages.described(error, messages.secrets_in(request))) from error
            except CallError:
                raise
            except Exception as error:
                text = masked(traceback.format_exc(), messages.secrets_in(request))
                raise CallError(f"This is a bug in aml-platform, in {rpc}:\n{text}") from error
            finally:
                names = ", ".join(messages.property_names(request))
                took = time.monotonic() - began
                urn = str(getattr(request, "urn", ""))
                if rpc != "Cancel":
                    self._log.say("debug", f"{PACKAGE}: {rpc} in {took:.2f} s: {names}", urn)

        return guarded


def _schema(_: Any) -> Message:
    return provider_pb2.GetSchemaResponse(schema=package_schema(PACKAGE, version(_SDK)))


def _type(request: Any) -> str:
    """Return the type of a request's resource; older engines send it in the URN alone."""
    return str(request.type or urn_type(request.urn))


def _inputs(olds: Any, outputs: Any) -> JsonObject:
    """Return old inputs; an engine that does not send them has them among the outputs."""
    return from_struct(olds) or from_struct(outputs)


def _timeout(request: Any) -> float:
    return float(request.timeout or Options().default_timeout_s)
