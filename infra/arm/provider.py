"""The provider for Pulumi's ``azure-native`` package over the table of ARM types.

Joins the pure parts (checking, diffing, bodies) with the client. Decides only what follows from an
answer: whether a resource exists, was created, or was created but is not ready.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import httpx

from infra.arm import bodies, checking, diffing, invokes, updating, vault_contents
from infra.arm.client import Client, Endpoint, checked
from infra.arm.credentials import TokenCredential, claims
from infra.arm.faults import redact
from infra.arm.messages import Request, Response
from infra.arm.operations import follow, settle
from infra.arm.soft_delete import VAULT, SoftDeleteHandler, SoftDeletePolicy, recovering
from infra.catalogue.locations import location_name
from infra.catalogue.names import same_arm_id
from infra.catalogue.types.machine_learning import DETACH
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import is_type, type_of_token, variant_of_body, variant_of_inputs
from infra.catalogue.updates.rule import UpdateRule
from infra.contract.errors import (
    PartialFailure,
    PlatformError,
    ProviderError,
    UnreachableError,
    UsageError,
)
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import (
    UNKNOWN,
    AutoName,
    Checked,
    CheckFailure,
    Difference,
    DiffKind,
    Existing,
)

_OK: Final = 200
_MISSING: Final = 404
_UNAVAILABLE: Final = 500
_MOVES: Final = ("subscriptionId", "tenantId")
_REPAIR: Final = "Fix the cause above and run `aml up` again; the resource is repaired in place."
_CONFIG: Final = ("cloudId", "location", *_MOVES)


@dataclass(frozen=True, slots=True)
class _Config:
    subscription: str = ""
    tenant: str = ""
    location: str = ""


class AzureNative:
    """Creates, reads, updates and deletes what is in the table of ARM types, at one endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        credential: TokenCredential,
        *,
        transport: httpx.BaseTransport | None = None,
        soft_delete: SoftDeletePolicy | None = None,
    ) -> None:
        """Without ``soft_delete``, soft-deleted resources stay and block a create of their name."""
        self._client = Client(endpoint, credential, transport=transport)
        self._local = endpoint.local
        self._soft_delete = SoftDeleteHandler(self._client, soft_delete) if soft_delete else None
        self._config = _Config()
        # Locations of resource groups, which are requested once.
        self._locations: dict[str, str] = {}
        # Inputs of what this run deleted, to purge it before a create under the same name.
        self._deleted: dict[str, Document] = {}

    # Configuration

    @staticmethod
    def check_config(olds: Document | None, news: Document) -> Checked:
        """Accept every option of azure-native, used here or not."""
        del olds
        wrong = [key for key in _CONFIG if not isinstance(news.get(key, ""), str)]
        return Checked(dict(news), [CheckFailure(key, "It must be text.") for key in wrong])

    @staticmethod
    def diff_config(olds: Document, news: Document) -> Difference:
        """Replace everything for a new subscription or tenant; update for a new cloud id.

        ``aml cloud reset`` changes the id: the resources are gone, and a refresh finds out.
        """
        detailed: dict[str, DiffKind] = {}
        for key in _CONFIG:
            old, new = olds.get(key), news.get(key)
            if old != new:
                detailed[key] = "update-replace" if key in _MOVES and old and new else "update"
        replaces = [key for key, kind in detailed.items() if kind == "update-replace"]
        return Difference(bool(detailed), replaces, detailed)

    def configure(self, config: Document) -> None:
        """Use this subscription, tenant and default location from now on."""
        texts = {key: value for key, value in config.items() if isinstance(value, str)}
        self._config = _Config(
            texts.get("subscriptionId", ""), texts.get("tenantId", ""), texts.get("location", "")
        )

    def cancel(self) -> None:
        """Stop waiting for the service: running calls soon fail."""
        self._client.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # Resources

    def covers(self, type: str) -> bool:
        """Say whether a type is in the table; a local cloud has no other provider."""
        return self._local or is_type(type)

    takes_names: Final = True

    def check(
        self, type: str, name: str, olds: Document | None, news: Document, seed: bytes
    ) -> Checked:
        """Complete and validate inputs; asks the service only for a group's location."""
        return self.check_named(type, name, olds, news, seed, autoname=None)

    def check_named(
        self,
        type: str,
        name: str,
        olds: Document | None,
        news: Document,
        seed: bytes,
        *,
        autoname: AutoName | None,
    ) -> Checked:
        row = type_of_token(type)
        named = partial(checking.automatic_name, row, name, seed, autoname)
        return checking.checked_inputs(row, named, olds, news, locate=self._location)

    def diff(
        self, type: str, id: str, olds: Document, old_outputs: Document, news: Document
    ) -> Difference:
        """Compare inputs; outputs do not express intent."""
        del id, old_outputs
        return diffing.difference(type_of_token(type), olds, news)

    def locate(self, type: str, inputs: Document) -> str | None:
        """Return the id a create would give."""
        return bodies.resource_id(type_of_token(type), inputs, self._subscription())

    def adoptable(self, type: str, inputs: Document) -> bool:
        """Return whether the resource is an attachment, which is detached and never deleted."""
        row = variant_of_inputs(type_of_token(type), inputs)
        return row.discriminator is not None and row.delete_query == DETACH

    def made_with_parent(self, type: str) -> bool:
        """Return whether a create changes what may be there: nothing of it is lost."""
        row = type_of_token(type)
        return row.with_parent is not None or row.versioned

    def adopts(self, type: str, inputs: Document, existing: Existing) -> bool:
        """Return whether an existing attachment can become the wanted one in place."""
        row = variant_of_inputs(type_of_token(type), inputs)
        return not diffing.difference(row, existing.inputs, inputs).replaces

    def create(self, type: str, inputs: Document, *, timeout_s: float, preview: bool) -> Existing:
        """Create the resource, after checking that its id is free: a PUT would overwrite."""
        row = variant_of_inputs(type_of_token(type), inputs)
        if preview:
            return _existing(row, UNKNOWN, inputs, bodies.preview_outputs(row, inputs))
        where = self._id(row, inputs)
        with _without_secrets(row, inputs):
            if not self.made_with_parent(type):
                self._refuse_existing(row, where)
            self._purge(row, where, timeout_s)
            self._free_name(row, where, inputs, timeout_s)
            request = self._put(row, where, inputs)
            try:
                answer = self._complete(request, timeout_s)
            except (ProviderError, UnreachableError) as error:
                raise self._after_failure(row, where, inputs, error) from None
            document = self._read_back(row, where, answer)
            left = updating.not_as_requested(row, where, inputs, document)
            return replace(self._made(row, where, inputs, document), ignored=left)

    def read(self, type: str, id: str, inputs: Document) -> Existing | None:
        """Return the resource as the service has it; ``inputs`` change only where it drifted.

        Waits for an operation that an interrupted run left unfinished.
        """
        row = variant_of_inputs(type_of_token(type), inputs)
        answer = self._settled(row, id)
        if answer.status == _MISSING:
            return None
        document = checked(answer, at=id).document
        row = variant_of_body(row, document)
        _, reasons = bodies.state_of(document)
        now = bodies.inputs_of(row, id, document, inputs)
        return _existing(row, id, now, bodies.outputs_of(row, document), reasons)

    def update(
        self,
        type: str,
        id: str,
        olds: Document,
        old_outputs: Document,
        news: Document,
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        """Update the resource with the lightest requests that carry every change.

        Changes are read back, because a service may accept one and ignore it. A resource that is
        missing is created: its own creation may have been cut off.
        """
        row = variant_of_inputs(type_of_token(type), news)
        if preview:
            return _existing(row, id, news, bodies.overlay(row, old_outputs, news))
        changed = diffing.changed_paths(row, olds, news)
        plan = updating.requests_for(row, changed)
        with _without_secrets(row, news):
            answer = Response(_OK)
            if plan.put:
                request = self._put_over(row, id, olds, updating.as_sent(row, olds, news))
                answer = self._complete(request, timeout_s)
            for rule in plan.partial:
                request = _partial(row, id, rule, news)
                answer = self._send(request)
                if answer.status == _MISSING:
                    request = self._put(row, id, updating.as_sent(row, olds, news))
                    answer = self._complete(request, timeout_s)
                    break
                answer = self._client.run(follow(request, answer), timeout_s=timeout_s, at=id)
            document = self._read_back(row, id, answer, asked=bool(changed))
            left = updating.ignored(row, id, olds, news, document)
            inputs = updating.kept_inputs(row, olds, news, left)
            return replace(self._made(row, id, inputs, document), ignored=left)

    def delete(self, type: str, id: str, inputs: Document, *, timeout_s: float) -> None:
        """Delete the resource, or detach it where the table says so; already gone is fine."""
        row = variant_of_inputs(type_of_token(type), inputs)
        url = bodies.url_path(id)
        query = self._soft_delete.delete_query(row) if self._soft_delete else {}
        request = Request("DELETE", url, row.api_version, params={**row.delete_query, **query})
        if row.with_parent is not None:
            request = Request("PUT", url, row.api_version, dict(row.with_parent))
        first = self._send(request)
        if first.status != _MISSING:
            self._client.run(follow(request, first), timeout_s=timeout_s, at=id)
            self._deleted[_taken(row, id)] = dict(inputs)
        if self._soft_delete:
            self._soft_delete.after_delete(row, id, inputs)

    # Functions

    def invoke(self, token: str, args: Document, *, preview: bool) -> Document:
        """Call a function. Keys are returned in plain form; the caller marks them secret."""
        del preview
        if token == invokes.CLIENT_CONFIG:
            return invokes.client_config(
                claims(self._client.credential.token()),
                subscription=self._subscription(),
                tenant=self._config.tenant,
            )
        row, action = invokes.function(token)
        where = self._id(row, args)
        if action:
            answer = self._client.complete(
                "POST", f"{bodies.url_path(where)}/{action}", api_version=row.api_version
            )
        else:
            answer = checked(self._get(row, where), at=where)
        return invokes.result_of(variant_of_body(row, answer.document), answer.document, action)

    # Requests and answers

    def _put(self, row: ArmType, id: str, inputs: Document) -> Request:
        body = bodies.request_body(row, inputs)
        params = bodies.query(row, inputs)
        return Request("PUT", bodies.url_path(id), row.api_version, body, params)

    def _put_over(self, row: ArmType, id: str, olds: Document, news: Document) -> Request:
        """Return a PUT that keeps what the inputs do not govern, as the service has it now."""
        answer = self._get(row, id) if row.kept or row.as_found else Response(_MISSING)
        if answer.status == _MISSING:
            return self._put(row, id, news)
        existing = checked(answer, at=id).document
        news = bodies.with_found(row, news, existing)
        body = bodies.request_body(row, news)
        body = bodies.keep(row, body, existing, bodies.request_body(row, olds))
        return replace(self._put(row, id, news), body=body)

    def _read_back(
        self, row: ArmType, id: str, answer: Response, *, asked: bool = False
    ) -> Document:
        """Return the resource; read again if ``asked`` or if the answer is about something else."""
        if not asked and same_arm_id(str(answer.document.get("id", "")), id):
            return answer.document
        return checked(self._get(row, id), at=id).document

    def _made(self, row: ArmType, id: str, inputs: Document, document: Document) -> Existing:
        _, reasons = bodies.state_of(document)
        outputs = bodies.outputs_of(row, document)
        if reasons:
            raise _not_ready(id, outputs, reasons)
        return _existing(row, id, inputs, outputs)

    def _after_failure(
        self, row: ArmType, id: str, inputs: Document, error: ProviderError | UnreachableError
    ) -> PlatformError:
        """Return the error to raise for a failed create: partial if it left a resource behind.

        If the service cannot say, assume that it did: the next update then repairs or creates
        the resource, whereas a second create would be refused.
        """
        try:
            answer = self._get(row, id)
        except PlatformError:
            answer = Response(_UNAVAILABLE)
        if answer.status >= _UNAVAILABLE:
            outputs = {k: v for k, v in bodies.preview_outputs(row, inputs).items() if v != UNKNOWN}
        elif answer.ok and answer.document:
            outputs = bodies.outputs_of(row, answer.document)
        else:
            return error
        return _not_ready(id, outputs, (error.detail,), error.remedy)

    def _purge(self, row: ArmType, id: str, timeout_s: float) -> None:
        """Purge what this run deleted in order to replace it: soft-deleted, it keeps its name."""
        olds = self._deleted.pop(_taken(row, id), None)
        if olds is None or row.purge is None:
            return
        method, url = row.purge
        name, location = id.rpartition("/")[2], location_name(str(olds.get("location", "")))
        parts = {"id": id, "name": name, "location": location}
        url = url.format(**parts, subscriptionId=self._subscription())
        request = Request(method, url, row.api_version)
        first = self._send(request)
        if first.status != _MISSING:  # its retention may be off, or over
            self._client.run(follow(request, first), timeout_s=timeout_s, at=id)

    def _free_name(self, row: ArmType, id: str, inputs: Document, timeout_s: float) -> None:
        """Purge a soft-deleted resource of this name, or recover it for the create to update."""
        if self._soft_delete is None:
            return
        self._soft_delete.purge_first(row, id, inputs)
        if self._soft_delete.recovers(row, id, inputs) and row.name == VAULT:
            self._complete(self._put(row, id, recovering(inputs)), timeout_s)

    def _refuse_existing(self, row: ArmType, id: str) -> None:
        answer = self._settled(row, id)
        if answer.status == _MISSING or (answer.ok and not answer.document):
            return
        checked(answer, at=id)
        raise ProviderError(
            "It already exists, and this stack did not create it.",
            remedy="Choose another name, or adopt it with `aml import`.",
            at=id,
            code="ResourceExists",
        )

    def _location(self, group: str) -> str | None:
        """Return the default location: the configured one, else the resource group's."""
        if self._config.location or not group:
            return self._config.location or None
        if group == UNKNOWN:
            return UNKNOWN
        if group not in self._locations:
            row = type_of_token("azure-native:resources:ResourceGroup")
            answer = self._get(row, self._id(row, {"resourceGroupName": group}))
            if answer.status == _MISSING:
                return UNKNOWN  # the group may be created by this run
            self._locations[group] = str(checked(answer, at=group).document["location"])
        return self._locations[group]

    def _id(self, row: ArmType, inputs: Document) -> str:
        where = bodies.resource_id(row, inputs, self._subscription())
        if where is None:
            missing = [name for name in row.parameters if inputs.get(name) in (None, UNKNOWN)]
            raise ProviderError(
                f"{', '.join(missing)} of {row.name} is not known.",
                remedy="It comes from a resource that was not created; fix that one first.",
            )
        return where

    def _subscription(self) -> str:
        if not self._config.subscription:
            raise UsageError(
                "No Azure subscription is configured.",
                remedy="Run `aml config set azure-native:subscriptionId ID`.",
            )
        return self._config.subscription

    def _get(self, row: ArmType, id: str) -> Response:
        return self._send(Request("GET", bodies.url_path(id), row.api_version))

    def _settled(self, row: ArmType, id: str) -> Response:
        request = Request("GET", bodies.url_path(id), row.api_version)
        return self._client.run(settle(request, self._send(request)), at=id)

    def _send(self, request: Request) -> Response:
        special = vault_contents.special_answer(self._client, request)
        return special or self._client.send(
            request.method,
            request.url,
            api_version=request.api_version,
            body=request.body,
            params=request.params,
        )

    def _complete(self, request: Request, timeout_s: float) -> Response:
        return self._client.run(
            follow(request, self._send(request)), timeout_s=timeout_s, at=request.url
        )


def _existing(
    row: ArmType, id: str, inputs: Document, outputs: Document, reasons: tuple[str, ...] = ()
) -> Existing:
    secrets = bodies.secret_paths(row, outputs)
    hidden = tuple(sorted(row.secret))
    shown = _outputs(outputs, bodies.secrets_in(row, inputs))
    return Existing(id, dict(inputs), shown, secrets, reasons, unreturned=hidden)


def _taken(row: ArmType, id: str) -> str:
    """Return what a soft-deleted resource keeps: its id, or its name where names are global."""
    name = f"{row.name}/{id.rpartition('/')[2]}"
    return (name if row.purge and "{id}" not in row.purge[1] else id).lower()


def _partial(row: ArmType, id: str, rule: UpdateRule, inputs: Document) -> Request:
    """Return a PATCH of one path, or the POST of its action."""
    url = bodies.url_path(id) + (f"/{rule.action}" if rule.action else "")
    method = "POST" if rule.action else "PATCH"
    return Request(method, url, row.api_version, bodies.partial_body(row, rule, inputs))


def _not_ready(
    id: str, outputs: Document, reasons: tuple[str, ...], remedy: str | None = None
) -> PartialFailure:
    return PartialFailure(
        f"It exists but is not ready: {' '.join(reasons)}",
        remedy=remedy or _REPAIR,
        resource_id=id,
        outputs=outputs,
        reasons=reasons,
        at=id,
    )


@contextmanager
def _without_secrets(row: ArmType, inputs: Document) -> Iterator[None]:
    """Redact the secrets of ``inputs`` from errors: services quote what they refuse."""
    try:
        yield
    except PlatformError as error:
        secrets = bodies.secrets_in(row, inputs)
        error.detail = redact(error.detail, secrets)
        error.args = (error.detail,)
        if isinstance(error, PartialFailure):
            error.reasons = tuple(redact(reason, secrets) for reason in error.reasons)
            error.outputs = _outputs(error.outputs, secrets)
            error.secrets = bodies.secret_paths(row, error.outputs)
        raise


def _outputs(outputs: Document, secrets: Sequence[str]) -> JsonObject:
    """Return outputs without the secrets that a service quotes in its errors."""
    return {key: _unquoted(value, secrets, key) for key, value in outputs.items()}


def _unquoted(value: object, secrets: Sequence[str], key: str = "") -> object:
    """Return a value without secrets in the messages of errors among it."""
    match value:
        case str():
            return redact(value, secrets) if key == "message" else value
        case Mapping():
            return {name: _unquoted(item, secrets, name) for name, item in value.items()}
        case list():
            return [_unquoted(item, secrets, key) for item in value]
    return value
