"""Deletes undeclared resources, old halves of replacements, and whole stacks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from infra.contract.errors import HaltedError, PlatformError, UsageError
from infra.engine.deployment.providers import Providers, has_provider_type, is_default
from infra.engine.deployment.recovery import Recovery
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import StepExecutor
from infra.engine.deployment.targeting import covered, report_stranded
from infra.engine.deployment.walk import walk
from infra.engine.model.events import Op, Summary
from infra.engine.model.hooks import HookCall
from infra.engine.model.resources import Loaded, Resource
from infra.engine.planning.decision import deletion_step
from infra.engine.planning.graph import needs
from infra.engine.planning.ledger import Ledger, StateEntry


class Deletion:
    """Deletes entries of state, dependents first, independent branches at the same time."""

    def __init__(self, session: Session, ledger: Ledger, providers: Providers) -> None:
        self._session, self._ledger, self._providers = session, ledger, providers
        self._steps = StepExecutor(session, ledger)

    def delete(self, entries: Sequence[StateEntry], *, pends: bool = False) -> bool:
        """Delete ``entries``; say whether all of them were deleted.

        If any is protected, nothing is deleted and each protected one is reported. When a delete
        fails, what it depends on is kept. ``pends`` keeps deleted entries, marked as awaiting a
        replacement.
        """
        # A preview shows the rest of the plan as well.
        if self._refuse_protected(entries) and not self._session.preview:
            return False
        resources = [entry.resource for entry in entries]
        urns = {resource.urn for resource in resources}
        failures = []

        def work(position: int) -> bool:
            try:
                self._delete_one(entries[position], urns, pends=pends)
            except HaltedError:
                failures.append(position)
                return False
            except PlatformError as error:  # no provider, no state: belongs to no step
                self._session.report(error, entries[position].resource.urn)
                failures.append(position)
                return False
            return True

        needed = needs(resources, self._ledger.renames)
        kept = walk(needed, work, self._session.options.parallel)
        return not failures and not kept

    def delete_all(self, recovery: Recovery, loaded: Loaded) -> None:
        """Delete everything that there is now, or all targets of it.

        Raises ``UnknownNameError`` for a target that was not in state.
        """
        about = covered(
            self._session, self._ledger, loaded, self._session.options.targets.destroyed
        )
        now = {**self._ledger.olds, **self._ledger.news}
        entries = [*now.values(), *self._ledger.leftovers, *recovery.orphans()]
        if self._session.options.targets:
            entries = [entry for entry in entries if entry.resource.urn in about]
            if report_stranded(self._session, about, loaded.resources):
                return
        self.delete(entries)

    def _refuse_protected(self, entries: Iterable[StateEntry]) -> bool:
        # The old half of a replacement may go: its replacement was allowed when it was made.
        protected = [e.resource for e in entries if e.resource.protect and not e.resource.delete]
        for resource in protected:
            self._session.report(
                UsageError(
                    f"{resource.name!r} is protected and would have to be deleted.",
                    remedy=f"Keep it in the program, or run `aml unprotect '{resource.urn}'`.",
                    at=resource.urn,
                ),
                resource.urn,
            )
        return bool(protected)

    def _delete_one(self, entry: StateEntry, urns: set[str], *, pends: bool) -> None:
        resource = entry.resource
        op, why = _without_call(resource, urns)
        now = self._ledger.renames.get(resource.urn, resource.urn)
        if pends or (resource.delete and now in self._ledger.replaced):
            op = Op.DELETE_REPLACED
        step = deletion_step(op, resource, why)
        if why or not resource.custom or has_provider_type(resource.type):
            with self._session.step(step, silent=is_default(resource)):
                deleted = self._forget(entry, pends=pends, discards=op is Op.DISCARD)
        else:
            # Outside the step: without a provider nothing has begun that could fail.
            provider = self._providers.instance(resource.provider, resource)
            with self._session.provider_step(step):
                deleted = self._steps.delete_call(provider, entry, pends=pends)
        if pends:
            self._ledger.deleted_early(deleted)

    def _forget(self, entry: StateEntry, *, pends: bool, discards: bool) -> StateEntry:
        if pends:
            return self._steps.deleted_without_call(entry)
        call = HookCall("delete", None, entry.resource)
        if not discards:
            self._session.hooks.before(call)
        self._session.recorder.forget([entry.key])
        if not discards:
            self._session.hooks.after(replace(call, done=True))
        return entry


def _without_call(resource: Resource, urns: set[str]) -> tuple[Op, str]:
    """Return the operation, and why no provider is called; an empty reason: one is."""
    if resource.external:
        return Op.DISCARD, "this stack only reads it"
    if resource.pending_replacement:
        return Op.DISCARD, "it was deleted before"
    if resource.retain_on_delete:
        return Op.DISCARD, "it is retained (`retain_on_delete`)"
    if resource.deleted_with and resource.deleted_with in urns:
        return Op.DELETE, "it is deleted with the resource that contains it (`deleted_with`)"
    return Op.DELETE, ""


def destroy(run: Run) -> Summary:
    """Delete what is in state, without the program: providers are configured from state.

    Resources that an interrupted run was creating are looked for and deleted as well. Raises
    ``UnknownNameError`` for a target that is not in state.
    """
    session, ledger = run.session(), Ledger(run.loaded)
    providers = Providers(run, session, ledger)
    deletion = Deletion(session, ledger, providers)
    deletion.delete_all(Recovery(session, ledger, providers), run.loaded)
    return session.summary()
