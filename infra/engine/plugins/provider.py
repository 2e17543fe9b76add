"""A plugin as a provider: Pulumi's provider protocol, spoken as the CLI speaks it.

Which fields of a request are set, and what a missing answer means, follows recordings of the Pulumi
CLI 3.260.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message
from pulumi.runtime.proto import errors_pb2, provider_pb2, status_pb2

from infra.contract.errors import PartialFailure, PlatformError, ProviderError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import (
    UNKNOWN,
    AutoName,
    Checked,
    CheckFailure,
    Difference,
    DiffKind,
    Existing,
    Parameterization,
)
from infra.engine.model.resources import urn_name
from infra.engine.model.values import marked_like, plain
from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.engine.plugins.connection import Connection, NotImplementedByPluginError
from infra.engine.plugins.marks import masked, secret_paths, secret_texts, sent

_DETAILS: Final = "grpc-status-details-bin"
_KINDS: Final[Mapping[int, DiffKind]] = {
    provider_pb2.PropertyDiff.ADD: "add",
    provider_pb2.PropertyDiff.ADD_REPLACE: "add-replace",
    provider_pb2.PropertyDiff.DELETE: "delete",
    provider_pb2.PropertyDiff.DELETE_REPLACE: "delete-replace",
    provider_pb2.PropertyDiff.UPDATE: "update",
    provider_pb2.PropertyDiff.UPDATE_REPLACE: "update-replace",
}
_NAMING: Final = {
    "propose": provider_pb2.CheckRequest.AutonamingOptions.PROPOSE,
    "enforce": provider_pb2.CheckRequest.AutonamingOptions.ENFORCE,
    "disabled": provider_pb2.CheckRequest.AutonamingOptions.DISABLE,
}
_CHANGED: Final[Mapping[int, bool | None]] = {
    provider_pb2.DiffResponse.DIFF_NONE: False,
    provider_pb2.DiffResponse.DIFF_SOME: True,
    provider_pb2.DiffResponse.DIFF_UNKNOWN: None,
}


@dataclass(frozen=True, slots=True)
class PluginProvider:
    """A plugin's provider, for one resource after ``at``.

    ``inputs`` and ``outputs`` are the resource's, secrets marked: the contract's methods get plain
    ones. Errors: ``ProviderError`` is what the plugin answered; ``PluginError`` that it is
    gone, so that nobody knows whether the call had an effect.
    """

    connection: Connection
    fresh: Callable[[], Connection]
    urn: str = ""
    inputs: Document = field(default_factory=dict)
    outputs: Document = field(default_factory=dict)

    def at(self, urn: str, inputs: Document, outputs: Document) -> "PluginProvider":
        return replace(self, urn=urn, inputs=inputs, outputs=outputs)

    def extend(self, extension: Parameterization) -> None:
        self.connection.extend(extension)

    def another(self) -> "PluginProvider":
        return PluginProvider(self.fresh(), self.fresh)

    def cancel(self) -> None:
        self.connection.cancel()

    # Configuration.

    def check_config(self, olds: Document | None, news: Document, /) -> Checked:
        request = provider_pb2.CheckRequest(
            olds=to_struct(olds or {}), news=to_struct(news), **self._named()
        )
        return self._checked("CheckConfig", request, news)

    def diff_config(self, olds: Document, news: Document, /) -> Difference:
        request = provider_pb2.DiffRequest(
            olds=to_struct(olds), old_inputs=to_struct(olds), news=to_struct(news), **self._named()
        )
        return self._difference("DiffConfig", request)

    def configure(self, config: Document, /) -> None:
        package = self.connection.package
        request = provider_pb2.ConfigureRequest(
            variables={f"{package}:config:{key}": _text(item) for key, item in config.items()},
            args=to_struct(sent(config, self.inputs, secrets=True, resources=True)),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            **self._named(),
        )
        try:
            answer = self._call("Configure", request)
        except NotImplementedByPluginError:
            return
        self.connection.secrets |= answer.acceptSecrets
        self.connection.resources |= answer.acceptResources
        self.connection.previews = answer.supportsPreview
        self.connection.names |= answer.supports_autonaming_configuration

    # Resources.

    @property
    def takes_names(self) -> bool:
        return self.connection.names

    def check(
        self, type: str, name: str, olds: Document | None, news: Document, seed: bytes, /
    ) -> Checked:
        return self.check_named(type, name, olds, news, seed, autoname=None)

    def check_named(
        self,
        _type: str,
        _name: str,
        olds: Document | None,
        news: Document,
        seed: bytes,
        /,
        *,
        autoname: AutoName | None,
    ) -> Checked:
        request = provider_pb2.CheckRequest(
            olds=self._sent(olds or {}), news=self._sent(news), randomSeed=seed, **self._named()
        )
        if autoname is not None:
            request.autonaming.mode = _NAMING[autoname.mode]
            request.autonaming.proposed_name = autoname.proposed
        return self._checked("Check", request, news)

    def diff(
        self, _type: str, id: str, olds: Document, old_outputs: Document, news: Document, /
    ) -> Difference:
        request = provider_pb2.DiffRequest(
            id=id,
            olds=self._sent(old_outputs, self.outputs),
            old_inputs=self._sent(olds),
            news=self._sent(news),
            **self._named(),
        )
        return self._difference("Diff", request)

    def create(
        self, _type: str, inputs: Document, /, *, timeout_s: float, preview: bool
    ) -> Existing:
        if preview and not self.connection.previews:
            return Existing("", inputs, {})
        request = provider_pb2.CreateRequest(
            properties=self._sent(inputs), timeout=timeout_s, preview=preview, **self._named()
        )
        answer = self._call("Create", request)
        if not answer.id and not preview:
            raise ProviderError(
                f"The plugin of {self.connection.package!r} created it and returned no id.",
                remedy="This is a bug in the plugin; report it there.",
                at=self.urn,
            )
        return self._existing("Create", answer.id, inputs, answer)

    def read(self, _type: str, id: str, inputs: Document, /) -> Existing | None:
        request = provider_pb2.ReadRequest(
            id=id,
            inputs=self._sent(inputs),
            properties=to_struct(self._marked(plain(dict(self.outputs)), self.outputs)),
            **self._named(),
        )
        try:
            answer = self._call("Read", request)
        except PartialFailure as unhealthy:
            return Existing(
                unhealthy.resource_id,
                unhealthy.inputs,
                unhealthy.outputs,
                unhealthy.secrets,
                unhealthy.reasons or (unhealthy.detail,),
                refresh_first=unhealthy.refresh_first,
            )
        if not answer.id:
            return None
        return self._existing("Read", answer.id, _plain(answer.inputs), answer)

    def update(
        self,
        _type: str,
        id: str,
        olds: Document,
        old_outputs: Document,
        news: Document,
        /,
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        if preview and not self.connection.previews:
            return Existing(id, news, {})
        request = provider_pb2.UpdateRequest(
            id=id,
            olds=self._sent(old_outputs, self.outputs),
            old_inputs=self._sent(olds),
            news=self._sent(news),
            timeout=timeout_s,
            preview=preview,
            **self._named(),
        )
        answer = self._call("Update", request)
        return self._existing("Update", id, news, answer)

    def delete(self, _type: str, id: str, inputs: Document, /, *, timeout_s: float) -> None:
        request = provider_pb2.DeleteRequest(
            id=id,
            properties=to_struct(self._marked(plain(dict(self.outputs)), self.outputs)),
            old_inputs=self._sent(inputs),
            timeout=timeout_s,
            **self._named(),
        )
        self._call("Delete", request)

    # Functions.

    def invoke(self, token: str, args: Document, /, *, preview: bool) -> Document:
        request = provider_pb2.InvokeRequest(tok=token, args=self._sent(args), preview=preview)
        answer = self._call("Invoke", request)
        if answer.failures:
            lines = [f"  {each.property}: {each.reason}" for each in answer.failures]
            raise ProviderError(
                f"The function {token} refuses its arguments:\n" + "\n".join(lines),
                remedy="Correct the arguments named above.",
            )
        return from_struct(getattr(answer, "return"))

    # Components.

    def construct(self, request: Message, /) -> Any:
        return self._call("Construct", request)

    def call(self, request: Message, /) -> Any:
        return self._call("Call", request)

    # The protocol.

    def _call(self, rpc: str, request: Message) -> Any:
        try:
            return self.connection.call(rpc, request)
        except grpc.RpcError as error:
            raise self._translated(rpc, error) from error

    def _named(self) -> dict[str, Any]:
        """Return the fields that name the resource. The type is that of the URN, as in the CLI."""
        if not self.urn:
            return {}
        type_ = self.urn.split("::")[2].rpartition("$")[2]
        return {"urn": self.urn, "name": urn_name(self.urn), "type": type_}

    def _sent(self, values: Document, pattern: Document | None = None) -> Any:
        return to_struct(self._marked(values, self.inputs if pattern is None else pattern))

    def _marked(self, values: Document, pattern: Document) -> JsonObject:
        to = self.connection
        return sent(values, pattern, secrets=to.secrets, resources=to.resources)

    def _checked(self, rpc: str, request: Message, news: Document) -> Checked:
        try:
            answer = self._call(rpc, request)
        except NotImplementedByPluginError:
            return Checked(news)
        failures = [CheckFailure(each.property, each.reason) for each in answer.failures]
        return Checked(_plain(answer.inputs), failures)

    def _difference(self, rpc: str, request: Message) -> Difference:
        try:
            answer = self._call(rpc, request)
        except NotImplementedByPluginError:
            return Difference(None)
        return Difference(
            True if answer.replaces else _CHANGED[answer.changes],
            list(answer.replaces),
            {path: _KINDS[each.kind] for path, each in answer.detailedDiff.items()},
            answer.deleteBeforeReplace,
        )

    def _existing(self, rpc: str, id: str, inputs: Document, answer: Any) -> Existing:
        outputs, secrets = self._outputs(rpc, answer.properties)
        first = answer.refresh_before_update
        return Existing(id, inputs, outputs, secrets, refresh_first=first)

    def _outputs(self, rpc: str, properties: Any) -> tuple[JsonObject, Sequence[str]]:
        """Return plain outputs, and the paths of those that are secret."""
        outputs = from_struct(properties)
        if rpc == "Read":
            # Plugins may forget on a read what is secret: state remembers.
            outputs = marked_like(outputs, dict(self.outputs))
        return dict(plain(outputs)), secret_paths(outputs)

    def _translated(self, rpc: str, error: Any) -> PlatformError:
        """Return the error for people. What it was sent as a secret is not in it."""
        secrets = secret_texts(self.inputs, self.outputs)
        text = masked(error.details() or error.code().name, secrets)
        refused = _detail(error, errors_pb2.InputPropertiesError())
        if refused is not None:
            lines = [f"  {each.property_path}: {each.reason}" for each in refused.errors]
            text = masked("\n".join([text, *lines]).strip(), secrets)
        failed = _detail(error, provider_pb2.ErrorResourceInitFailed())
        if failed is None or not failed.id:
            who = f"The plugin of {self.connection.package!r}"
            remedy = f"{who} answered this to {rpc}. Correct what it names."
            return ProviderError(text, remedy=remedy, at=self.urn or None)
        outputs, paths = self._outputs(rpc, failed.properties)
        return PartialFailure(
            text,
            remedy="Correct what it names; the next deployment tries again.",
            resource_id=failed.id,
            outputs=outputs,
            secrets=paths,
            inputs=_plain(failed.inputs),
            reasons=[masked(reason, secrets) for reason in failed.reasons],
            refresh_first=failed.refresh_before_update,
            at=self.urn,
        )


def _detail(error: Any, message: Any) -> Any:
    """Return the detail of an answer that is of a message's class, if it has one."""
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS:
            continue
        with suppress(DecodeError):
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(message):
                    return message
    return None


def _plain(struct: Any) -> JsonObject:
    return dict(plain(from_struct(struct)))


def _text(value: object) -> str:
    """Return a configuration value as text, as `variables` has it."""
    return UNKNOWN if value == UNKNOWN else value if isinstance(value, str) else json.dumps(value)
