"""Executes one step: events around it, ``begin`` before and ``ok`` after the provider call.

Nothing is decided here. The order is the journal's rule: ``begin`` is durable before the call,
``ok`` is durable before the program or a listener receives the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from infra.contract.errors import PartialFailure, ProviderError
from infra.contract.provider import (
    UNKNOWN,
    Checked,
    Existing,
    Locates,
    Provider,
    WithParents,
)
from infra.engine.deployment.session import Session
from infra.engine.model.events import Op
from infra.engine.model.hooks import HookCall
from infra.engine.model.resources import OperationKind, Resource
from infra.engine.planning.decision import (
    Decision,
    answered,
    bare,
    carried,
    step_for,
    with_ignored,
)
from infra.engine.planning.ledger import Ledger, StateEntry

T = TypeVar("T")


def now() -> str:
    """Return the current time in state's format: RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class StepExecutor:
    """Executes the steps of one run. Every entry it returns is already in the ledger."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session, self._ledger = session, ledger
        self._recorder = session.recorder
        self._hooks = session.hooks

    # Without a provider call.

    def record(self, old: StateEntry | None, resource: Resource) -> StateEntry:
        """Record a resource that needs no provider call."""
        entry = StateEntry(self._recorder.same(old.key if old else None, resource), resource)
        self._ledger.settle(resource.urn, entry)
        return entry

    def same(self, old: StateEntry, new: Resource) -> StateEntry:
        """Keep id and outputs; options that only the engine knows (`protect`) still reach state."""
        kept = carried(new, old.resource)
        with self._session.step(step_for(Op.SAME, kept, old.resource)):
            return self.record(old, kept)

    def replace_provider(
        self, new: Resource, old: StateEntry, decision: Decision, *, silent: bool
    ) -> StateEntry:
        """Replace a provider resource by a new one; the old one is deleted at the end."""
        with self._session.step(step_for(Op.REPLACE, new, old.resource, decision), silent=silent):
            operation = self._recorder.begin("creating", new)
            return self._done(operation, new, deletes=old)

    def deleted_without_call(self, entry: StateEntry) -> StateEntry:
        """Keep a retained or external resource, marked as awaiting its replacement."""
        operation = self._recorder.begin("deleting", entry.resource)
        self._recorder.ok(operation, None, pends=[entry.key])
        return replace(entry, resource=replace(entry.resource, pending_replacement=True))

    # With a provider call.

    def create(
        self,
        provider: Provider,
        new: Resource,
        *,
        decision: Decision | None = None,
        removes: StateEntry | None = None,
        deletes: StateEntry | None = None,
    ) -> StateEntry:
        """Create a resource, new or replacing ``removes`` (gone) or ``deletes`` (still there).

        A provider that can predict the id first checks, before ``begin``, that nothing exists
        there. Only then may recovery from an interrupted create adopt what it finds at that id.
        """
        old = removes or deletes
        op = Op.CREATE_REPLACEMENT if old else Op.CREATE
        timeout_s = new.custom_timeouts.get("create", self._session.options.default_timeout_s)
        new = replace(new, created=now(), modified=now())
        step = step_for(op, new, old.resource if old else None, decision)
        with self._session.provider_step(step):
            call = HookCall("create", new, None)
            self._hooks.before(call)
            checked = self._absent(provider, new)
            operation = self._recorder.begin("creating", new, absent_checked=checked)
            existing, failure = self._called(
                operation,
                call,
                lambda: provider.create(
                    new.type, bare(new.inputs), timeout_s=timeout_s, preview=self._session.preview
                ),
            )
            new, ignored = with_ignored(new, existing)
            made = answered(new, existing)
            made = replace(made, id=made.id or UNKNOWN) if self._session.preview else made
            entry = self._done(operation, made, removes=removes, deletes=deletes)
            step.records.became(made)
            self._warn_ignored(ignored, new.urn)
            # Only now: the resource exists, so it must be in state before the step fails.
            if failure:
                raise failure
            self._hooks.after(replace(call, new=made, done=True))
        return entry

    def update(
        self, provider: Provider, old: StateEntry, new: Resource, decision: Decision
    ) -> StateEntry:
        """Change a resource in place."""
        before = old.resource
        new = replace(carried(new, before), modified=now())
        timeout_s = new.custom_timeouts.get("update", self._session.options.default_timeout_s)
        step = step_for(Op.UPDATE, new, before, decision)
        with self._session.provider_step(step):
            call = HookCall("update", new, before)
            self._hooks.before(call)
            operation = self._recorder.begin("updating", new)
            existing, failure = self._called(
                operation,
                call,
                lambda: provider.update(
                    new.type,
                    before.id,
                    bare(before.inputs),
                    bare(before.outputs),
                    bare(new.inputs),
                    timeout_s=timeout_s,
                    preview=self._session.preview,
                ),
            )
            new, ignored = with_ignored(new, existing)
            entry = self._done(operation, answered(new, existing), removes=old)
            step.records.became(entry.resource)
            self._warn_ignored(ignored, new.urn)
            # Only now: the resource exists, so it must be in state before the step fails.
            if failure:
                raise failure
            self._hooks.after(replace(call, new=entry.resource, done=True))
        return entry

    def _warn_ignored(self, lines: Sequence[str], urn: str) -> None:
        for line in lines:
            self._session.message("warning", line, urn)

    def delete_call(
        self, provider: Provider, entry: StateEntry, *, pends: bool = False
    ) -> StateEntry:
        """Delete a resource; ``pends`` keeps the entry, marked as awaiting its replacement.

        The caller holds a slot and reports the step.
        """
        old = entry.resource
        timeout_s = old.custom_timeouts.get("delete", self._session.options.default_timeout_s)
        call = HookCall("delete", None, old)
        self._hooks.before(call)
        operation = self._recorder.begin("deleting", old)
        # A preview deletes nothing; its recorder keeps nothing either.
        if not self._session.preview:
            self._guarded(
                operation,
                call,
                lambda: provider.delete(old.type, old.id, bare(old.inputs), timeout_s=timeout_s),
            )
        # An orphan of an interrupted run is in no entry: its operation is settled instead.
        keys = [] if entry.pending is not None else [entry.key]
        self._recorder.ok(
            operation, None, removes=[] if pends else keys, pends=keys if pends else []
        )
        if entry.pending is not None:
            self._recorder.settle([entry.pending])
        self._hooks.after(replace(call, done=True))
        return replace(entry, resource=replace(old, pending_replacement=pends))

    def read(self, provider: Provider, resource: Resource, id_: str) -> Existing:
        """Read an existing resource; its absence is an error."""
        with self._session.slot:
            return self.read_in_step(provider, resource, id_)

    def read_in_step(self, provider: Provider, resource: Resource, id_: str) -> Existing:
        """Read it within a step that holds a slot: waiting for a second one might never end."""
        existing = provider.read(resource.type, id_, bare(resource.inputs))
        if existing is not None:
            return existing
        raise ProviderError(
            f"{resource.name!r} should exist as {id_!r}, but there is no such resource.",
            remedy="Correct the id, or let the program create the resource.",
            at=resource.urn,
        )

    def refuse_failures(self, checked: Checked, name: str) -> None:
        """Report every input the provider refused, in one error."""
        if not checked.failures:
            return
        lines = [f"  {failure.property_path}: {failure.reason}" for failure in checked.failures]
        raise ProviderError(
            f"{len(lines)} problem{'s' * (len(lines) != 1)} in the inputs of {name!r}:\n"
            + "\n".join(lines),
            remedy="Correct the inputs named above.",
        )

    def adopt(
        self,
        resource: Resource,
        kind: OperationKind,
        *,
        removes: StateEntry | None = None,
        deletes: StateEntry | None = None,
    ) -> StateEntry:
        """Record a resource that was read, in place of an old entry or beside its old half."""
        operation = self._recorder.begin(kind, resource)
        return self._done(operation, resource, removes=removes, deletes=deletes)

    def _absent(self, provider: Provider, new: Resource) -> bool:
        """Refuse if the id is taken already; say whether the provider could predict the id."""
        if self._session.preview or not isinstance(provider, Locates):
            return False
        id_ = provider.locate(new.type, bare(new.inputs))
        if id_ is None:
            return False
        shared = isinstance(provider, WithParents) and provider.made_with_parent(new.type)
        if not shared and provider.read(new.type, id_, {}) is None:
            return True
        # Most likely it was renamed in the program: what is missing is an alias.
        holder = self._ledger.holder(id_)
        if holder:
            raise ProviderError(
                f"{new.name!r} cannot be created: {id_} is {holder!r} of this stack.",
                remedy="Give the resource that URN as an alias, or choose another name in Azure.",
                at=new.urn,
            )
        if shared:
            return True
        raise ProviderError(
            f"{new.name!r} cannot be created: {id_} exists already and is not part of this stack.",
            remedy="Choose another name, or adopt it: give that id to the option `import_`.",
            at=new.urn,
        )

    def _called(
        self, operation: int, hooked: HookCall, call: Callable[[], Existing]
    ) -> tuple[Existing, PartialFailure | None]:
        """Return the resource, and the failure if it exists but is not ready."""
        try:
            return self._guarded(operation, hooked, call), None
        except PartialFailure as failure:
            reasons = failure.reasons or (failure.detail,)
            made = Existing(
                failure.resource_id,
                {},
                failure.outputs,
                failure.secrets,
                reasons,
                refresh_first=failure.refresh_first,
            )
            return made, failure

    def _guarded(self, operation: int, hooked: HookCall, call: Callable[[], T]) -> T:
        """Call the provider; a ``ProviderError`` is recorded as a failed operation.

        Before that, error hooks of the program may request that the same is tried again.
        """
        errors: list[str] = []

        def again(error: ProviderError) -> bool:
            errors.insert(0, error.detail)
            stopped = self._session.cancellation.stopped
            return not stopped and self._hooks.retries(replace(hooked, errors=tuple(errors)))

        try:
            while True:
                try:
                    return call()
                except ProviderError as error:
                    if not again(error):
                        raise
        # After any other error (the cloud stopped answering, the run was abandoned, a bug) it is
        # not known whether the call had an effect: the operation stays pending, and the next run
        # finds out. An abandoned provider raises ``ProviderError`` as well.
        except ProviderError:
            if not self._session.cancellation.abandoned:
                self._recorder.fail(operation)
            raise

    def _done(
        self,
        operation: int,
        resource: Resource,
        *,
        removes: StateEntry | None = None,
        deletes: StateEntry | None = None,
    ) -> StateEntry:
        self._recorder.ok(operation, resource, removes=_keys(removes), deletes=_keys(deletes))
        # Only now that it is recorded: a leftover that state does not know would be lost.
        if deletes:
            self._ledger.leave(replace(deletes, resource=replace(deletes.resource, delete=True)))
        entry = StateEntry(operation, resource)
        self._ledger.settle(resource.urn, entry)
        return entry


def _keys(entry: StateEntry | None) -> Sequence[int]:
    return [entry.key] if entry else []
