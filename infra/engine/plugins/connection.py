"""The conversation with one process of a plugin: started, greeted, asked, ended."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.runtime.proto import provider_pb2

from infra.contract.errors import PluginError, ProviderError
from infra.contract.provider import Parameterization
from infra.engine.plugins.process import PluginProcess

_SERVICE: Final = "/pulumirpc.ResourceProvider/"
_ANSWERS: Final[Mapping[str, type[Message]]] = {
    "Handshake": provider_pb2.ProviderHandshakeResponse,
    "CheckConfig": provider_pb2.CheckResponse,
    "DiffConfig": provider_pb2.DiffResponse,
    "Configure": provider_pb2.ConfigureResponse,
    "Check": provider_pb2.CheckResponse,
    "Diff": provider_pb2.DiffResponse,
    "Create": provider_pb2.CreateResponse,
    "Read": provider_pb2.ReadResponse,
    "Update": provider_pb2.UpdateResponse,
    "Delete": Empty,
    "Invoke": provider_pb2.InvokeResponse,
    "Construct": provider_pb2.ConstructResponse,
    "Call": provider_pb2.CallResponse,
    "Cancel": Empty,
}
_HANDSHAKE_S: Final = 10
_CANCEL_S: Final = 5
_GONE: Final = ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")
_GENERATE: Final = "Generate the package again with this version of the plugin."

Start = Callable[[], PluginProcess]


class NotImplementedByPluginError(Exception):
    """The plugin has no such method."""


@dataclass(slots=True)
class Connection:
    """One process of a plugin, started when it is first needed, and what it has said it can do."""

    package: str
    start: Start
    engine: Callable[[], str]
    parameterization: Parameterization | None = None
    secrets: bool = False
    resources: bool = False
    previews: bool = False
    names: bool = False
    _process: PluginProcess | None = None
    _learnt: list[Parameterization] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, rpc: str, request: Message, timeout_s: float | None = None) -> Any:
        """Send one request.

        Raise ``NotImplementedByPluginError``, or the ``grpc.RpcError`` that it ends in.
        """
        process = self._started()
        method = process.channel.unary_unary(
            f"{_SERVICE}{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_ANSWERS[rpc].FromString,
        )
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            if error.code().name == "UNIMPLEMENTED":
                raise NotImplementedByPluginError(rpc) from error
            if error.code().name in _GONE:
                raise process.crash() from error
            raise

    def extend(self, extension: Parameterization) -> None:
        """Have it learn a package beside its own, once."""
        process = self._started()
        with self._lock:
            if extension not in self._learnt:
                _told(process, extension)
                self._learnt.append(extension)

    def cancel(self) -> None:
        """Ask it to give up what it is doing."""
        if self._process is not None and not self._process.ended:
            with suppress(grpc.RpcError, NotImplementedByPluginError, PluginError):
                self.call("Cancel", Empty(), _CANCEL_S)

    def ask_to_end(self) -> None:
        self.cancel()
        if self._process is not None:
            self._process.ask_to_end()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()

    def _started(self) -> PluginProcess:
        with self._lock:
            if self._process is None:
                self._process = self.start()
                self._shake_hands(self._process)
                self._parameterize(self._process)
            return self._process

    def _shake_hands(self, process: PluginProcess) -> None:
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=self.engine(),
            configure_with_urn=True,
            supports_refresh_before_update=True,
            invoke_with_preview=True,
        )
        method = process.channel.unary_unary(
            f"{_SERVICE}Handshake",
            request_serializer=provider_pb2.ProviderHandshakeRequest.SerializeToString,
            response_deserializer=provider_pb2.ProviderHandshakeResponse.FromString,
        )
        try:
            answer = method(request, timeout=_HANDSHAKE_S, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code().name == "UNIMPLEMENTED":
                return  # older than the handshake
            raise process.failed_start() from error
        self.secrets, self.resources = answer.accept_secrets, answer.accept_resources
        self.names = answer.supports_autonaming_configuration

    def _parameterize(self, process: PluginProcess) -> None:
        parameter = self.parameterization
        if parameter is None:
            return
        answer = _told(process, parameter)
        if answer.version != parameter.version:
            raise _another(process, parameter, answer)


def _told(process: PluginProcess, parameter: Parameterization) -> provider_pb2.ParameterizeResponse:
    """Tell a plugin of a package that it has to provide; return its answer."""
    value = provider_pb2.ParameterizeRequest.ParametersValue(
        name=parameter.name, version=parameter.version, value=parameter.value
    )
    method = process.channel.unary_unary(
        f"{_SERVICE}Parameterize",
        request_serializer=provider_pb2.ParameterizeRequest.SerializeToString,
        response_deserializer=provider_pb2.ParameterizeResponse.FromString,
    )
    try:
        answer: provider_pb2.ParameterizeResponse = method(
            provider_pb2.ParameterizeRequest(value=value)
        )
    except grpc.RpcError as error:
        if error.code().name in _GONE:
            raise process.crash() from error
        said = error.details() or "it has no parameterization"
        raise ProviderError(
            f"The plugin {process.name!r} cannot provide {parameter.name!r}: {said}",
            remedy=_GENERATE,
        ) from error
    if answer.name != parameter.name:
        raise _another(process, parameter, answer)
    return answer


def _another(
    process: PluginProcess,
    parameter: Parameterization,
    answer: provider_pb2.ParameterizeResponse,
) -> ProviderError:
    return ProviderError(
        f"The plugin {process.name!r} provides {answer.name} {answer.version},"
        f" not {parameter.name} {parameter.version}.",
        remedy=_GENERATE,
    )
