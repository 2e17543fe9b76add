"""Registers one custom resource: from the program's goal to its new entry in state.

The provider checks and compares, ``planning.decision`` decides, ``steps`` executes.
"""

from dataclasses import dataclass, replace

from infra.contract.errors import HaltedError, ProviderError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import (
    Adopts,
    Difference,
    Existing,
    Locates,
    Provider,
    TakesNames,
)
from infra.engine.deployment.deletion import Deletion
from infra.engine.deployment.dependents import dependents_to_replace
from infra.engine.deployment.providers import Providers
from infra.engine.deployment.recovery import Resumed
from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import StepExecutor, now
from infra.engine.model.events import Op
from infra.engine.model.goals import Goal
from infra.engine.model.paths import differences, ignoring
from infra.engine.model.resources import Resource, urn_name
from infra.engine.model.values import marked_like
from infra.engine.planning.decision import (
    Decision,
    Forced,
    Verdict,
    answered,
    bare,
    carried,
    checked_inputs,
    decide,
    refuse_protected,
    refuse_unknown_trigger,
    step_for,
    wanted,
    with_unreturned,
)
from infra.engine.planning.ledger import DependentReplacement, Ledger, StateEntry
from infra.engine.planning.naming import KEY, Naming
from infra.engine.planning.targets import Selection, refusal


@dataclass(frozen=True, slots=True)
class RegistrationContext:
    """What all registrations of one run share."""

    session: Session
    ledger: Ledger
    providers: Providers
    steps: StepExecutor
    deletion: Deletion
    selection: Selection
    naming: Naming


class Registration:
    """One ``RegisterResource`` of a custom resource that is not a provider."""

    def __init__(
        self, workplace: RegistrationContext, goal: Goal, urn: str, resumed: Resumed, seed: bytes
    ) -> None:
        self._context = workplace
        self._goal, self._urn, self._resumed, self._seed = goal, urn, resumed, seed
        self._prescribed = workplace.naming.of(goal.type, goal.name, seed)
        self._reference = workplace.providers.reference(goal, goal.type)
        new = wanted(goal, urn, self._reference, goal.inputs)
        outputs = resumed.old.resource.outputs if resumed.old else {}
        of = replace(new, outputs=outputs)
        self._provider: Provider = workplace.providers.instance(self._reference, of)

    def run(self) -> StateEntry:
        """Bring the resource to its goal; return its entry in state."""
        old = self._resumed.old
        if self._is_import(old):
            return self._imported(old)
        if old is None:
            new = self._wanted(self._check(self._resumed.names))
            found = self._adoptable(new)
            if found is not None:
                return self._adopted(new, found)
            return self._context.steps.create(self._provider, new)
        if old.resource.pending_replacement:
            return self._recreated(old)
        if old.resource.external:
            reason = "it was only read before"
            return self._recreated(old, Decision(Verdict.REPLACE, reason=reason))
        return self._existing(old)

    # What exists: same, update or replace.

    def _existing(self, old: StateEntry) -> StateEntry:
        before = old.resource
        # Undone before the check: the provider must not see a change that is to be ignored.
        inputs, nowhere = ignoring(before.inputs, self._goal.inputs, self._goal.ignore_changes)
        for path in nowhere:
            text = f"ignore_changes: {path!r} is inside a value that was added or removed."
            self._context.session.message("warning", text, self._urn)
        new = self._wanted(self._check(before.inputs, inputs))
        if not self._context.session.preview:
            refuse_unknown_trigger(new)
        decision = self._decided(before, new)
        # From here on either this thread works on the resource, or the one that replaces what it
        # depends on has claimed it; never both.
        if replacement := self._context.ledger.claim(self._urn):
            return self._recreated(self._after_deletion(replacement))
        match decision.verdict:
            case Verdict.SAME:
                return self._context.steps.same(old, new)
            case Verdict.UPDATE:
                return self._context.steps.update(self._provider, old, new, decision)
        return self._replaced(old, new, decision)

    def _decided(self, before: Resource, new: Resource) -> Decision:
        with self._context.session.slot:
            difference = self._difference(before, new)
        forced = Forced(self._forced(before), self._resumed.update)
        option = self._goal.delete_before_replace
        if self._prescribed and self._prescribed.delete_first:
            option = True
        return decide(before, new, difference, forced, delete_before_replace=option)

    def _difference(self, before: Resource, new: Resource) -> Difference:
        return self._provider.diff(
            new.type,
            before.id,
            bare(before.inputs),
            bare(before.outputs),
            bare(new.inputs),
        )

    def _forced(self, before: Resource) -> str:
        """Return why it is replaced even if its inputs are unchanged; empty if it is not."""
        ledger = self._context.ledger
        if {self._urn, before.urn} & self._context.session.options.replace:
            return "its replacement was requested"
        if before.taint:
            return "it is tainted"
        if other := next((urn for urn in self._goal.replace_with if urn in ledger.replaced), ""):
            return f"{other} is replaced"
        if self._goal.deleted_with in ledger.replaced:
            return f"{self._goal.deleted_with}, which it is deleted with, is replaced"
        if self._context.providers.moves(before.provider, self._reference):
            return "its provider changed"
        return ""

    # Replacing.

    def _replaced(self, old: StateEntry, new: Resource, decision: Decision) -> StateEntry:
        """Replace it, created first or deleted first."""
        # Removing `protect` in the same run is enough to allow the replacement.
        if old.resource.protect and new.protect:
            with self._context.session.step(step_for(Op.REPLACE, new, old.resource, decision)):
                refuse_protected(old.resource)
        # Checked again without the old inputs, so that an auto-name is a new one.
        new = self._wanted(self._check(None))
        if self._goal.delete_before_replace is None and self._collides(old.resource, new):
            decision = replace(decision, delete_first=True)
        self._context.ledger.replacing(self._urn)
        if decision.delete_first:
            self._delete_first(old)
            return self._recreated(self._as_deleted(old), decision, new)
        entry = self._context.steps.create(self._provider, new, decision=decision, deletes=old)
        self._context.session.report_step(
            step_for(Op.REPLACE, entry.resource, old.resource, decision)
        )
        return entry

    def _collides(self, old: Resource, new: Resource) -> bool:
        """Say whether the replacement would get the id of the resource it replaces."""
        if not isinstance(self._provider, Locates):
            return False
        id_ = self._provider.locate(new.type, bare(new.inputs))
        # ARM ids are case-insensitive: services return them in another case than was sent.
        return id_ is not None and id_.casefold() == old.id.casefold()

    def _delete_first(self, old: StateEntry) -> None:
        """Delete it, after the dependents that are replaced with it."""
        ledger = self._context.ledger
        urns = dependents_to_replace(
            old.resource, list(ledger.olds.values()), self._context.providers
        )
        for urn in urns:
            if not self._context.selection.may_replace(urn):
                raise refusal(ledger.olds[urn].resource)
        dependents = ledger.claim_dependents(urns, self._urn)
        entries = [ledger.olds[urn] for urn in dependents]
        try:
            # Replacing it was allowed, so deleting this half of it is.
            unprotected = replace(old, resource=replace(old.resource, protect=False))
            done = self._context.deletion.delete([*entries, unprotected], pends=True)
        except BaseException:
            done = False
            raise
        finally:
            # Whatever happened: their own registrations wait for this. ``failed`` is set first, so
            # that a thread woken by the event reads its final value.
            for dependent in dependents.values():
                dependent.failed = not done
                dependent.deleted.set()
        if not done:
            raise HaltedError(
                f"{old.resource.name!r} could not be deleted before its replacement.",
                remedy="See the failure reported above.",
                at=self._urn,
            )

    def _as_deleted(self, old: StateEntry) -> StateEntry:
        return self._context.ledger.olds.get(old.resource.urn, old)

    def _after_deletion(self, replacement: DependentReplacement) -> StateEntry:
        """Wait until the registration that claimed this resource has deleted it."""
        replacement.deleted.wait()
        entry = self._resumed.old
        if replacement.failed or entry is None:
            raise HaltedError(
                f"{self._goal.name!r} had to be deleted first, and was not.",
                remedy="See the failure reported above.",
                at=self._urn,
            )
        return self._as_deleted(entry)

    def _recreated(
        self, old: StateEntry, decision: Decision | None = None, new: Resource | None = None
    ) -> StateEntry:
        """Create the replacement of what was deleted, in this run or an earlier one."""
        new = new or self._wanted(self._check(self._resumed.names))
        decision = decision or self._replacement_of_dependent(old.resource, new)
        self._context.ledger.replacing(self._urn)
        entry = self._context.steps.create(self._provider, new, decision=decision, removes=old)
        self._context.session.report_step(
            step_for(Op.REPLACE, entry.resource, old.resource, decision)
        )
        return entry

    def _replacement_of_dependent(self, old: Resource, new: Resource) -> Decision:
        cause = self._context.ledger.cause(self._urn)
        reason = "it was deleted before its replacement"
        if cause:
            reason = f"{urn_name(cause)!r}, which it depends on, is replaced"
        return Decision(Verdict.REPLACE, differences(old.inputs, new.inputs), reason=reason)

    # Adopting.

    def _adoptable(self, new: Resource) -> Existing | None:
        """Return the existing resource that can be adopted instead of creating one."""
        provider, inputs = self._provider, bare(new.inputs)
        if not isinstance(provider, Adopts) or not isinstance(provider, Locates):
            return None
        id_ = provider.locate(new.type, inputs) if provider.adoptable(new.type, inputs) else None
        # What this stack manages under another name is renamed with an alias, not adopted.
        if id_ is None or self._context.ledger.holder(id_):
            return None
        with self._context.session.slot:
            existing = self._provider.read(new.type, id_, {})
        return existing if existing and provider.adopts(new.type, inputs, existing) else None

    def _adopted(self, new: Resource, existing: Existing) -> StateEntry:
        """Adopt it, then update what no service returns: credentials."""
        with self._context.session.provider_step(step_for(Op.ADOPT, replace(new, id=existing.id))):
            entry = self._adopt(self._wanted({}), existing, None)
        decision = self._decided(entry.resource, new)
        if decision.verdict is Verdict.SAME:
            return self._context.steps.record(entry, carried(new, entry.resource))
        return self._context.steps.update(self._provider, entry, new, decision)

    # Importing.

    def _is_import(self, old: StateEntry | None) -> bool:
        wanted_id = self._goal.import_id
        if not wanted_id:
            return False
        if old is None or old.resource.external or old.resource.pending_replacement:
            return True
        # `import_` may stay in the program: it imports once, and again only with another id.
        return wanted_id != (old.resource.import_id or old.resource.id)

    def _imported(self, old: StateEntry | None) -> StateEntry:
        """Read the resource at its id into state, then update it to the program's inputs."""
        goal, steps = self._goal, self._context.steps
        blank = self._wanted({})
        with self._context.session.provider_step(
            step_for(Op.IMPORT, replace(blank, id=goal.import_id))
        ):
            existing = steps.read_in_step(self._provider, blank, goal.import_id)
            entry = self._adopt(blank, existing, old)
        before = entry.resource
        new = self._wanted(self._check(before.inputs))
        decision = self._decided(before, new)
        if decision.verdict is not Verdict.SAME:
            # No service returns a secret: assume that it is the one in the program. Sent again, a
            # value that is not would break what works.
            paths = dict.fromkeys((*decision.replaces, *decision.diffs))
            known = with_unreturned(before.inputs, new.inputs, paths, existing.unreturned)
            before = replace(before, inputs=known)
            decision = self._decided(before, new)
        if decision.verdict is Verdict.REPLACE:
            raise ProviderError(
                f"{goal.name!r} was imported, but the program differs from it in "
                f"{', '.join(decision.replaces or decision.diffs)}, which would replace it.",
                remedy="Set these inputs in the program to the resource's values.",
                at=self._urn,
            )
        if decision.verdict is Verdict.UPDATE:
            return steps.update(self._provider, entry, new, decision)
        return steps.record(entry, carried(new, before))

    def _adopt(self, blank: Resource, existing: Existing, old: StateEntry | None) -> StateEntry:
        inputs = marked_like(dict(existing.inputs), dict(self._goal.inputs))
        resource = answered(replace(blank, inputs=inputs), existing)
        resource = replace(resource, created=now(), modified=now())
        # An entry that stands for nothing we manage is dropped; a managed one is deleted later.
        gone = old and (old.resource.external or old.resource.pending_replacement)
        return self._context.steps.adopt(
            resource,
            "importing",
            removes=old if gone else None,
            deletes=None if gone else old,
        )

    # Inputs.

    def _check(self, olds: Document | None, inputs: Document | None = None) -> JsonObject:
        news = dict(self._goal.inputs if inputs is None else inputs)
        with self._context.session.slot:
            given = (
                self._goal.type,
                self._goal.name,
                None if olds is None else bare(olds),
                bare(news),
                self._seed,
            )
            provider, prescribed = self._provider, self._prescribed
            if prescribed and isinstance(provider, TakesNames) and provider.takes_names:
                checked = provider.check_named(*given, autoname=prescribed.name)
            else:
                checked = provider.check(*given)
                self._regret_name()
        self._context.steps.refuse_failures(checked, self._goal.name)
        return checked_inputs(checked, news)

    def _regret_name(self) -> None:
        """Warn of a name that is expressly prescribed to a provider that cannot take it."""
        if self._prescribed and self._prescribed.expected:
            text = (
                f"The provider of {self._goal.name!r} does not support `pulumi:{KEY}`,"
                f" which names {self._goal.type}."
            )
            self._context.session.message("warning", text, self._urn, once=True)

    def _wanted(self, inputs: Document) -> Resource:
        return wanted(self._goal, self._urn, self._reference, inputs)
