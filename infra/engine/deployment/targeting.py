"""Limits a run to its targets: what is left alone, and what is not deleted.

The stack, providers, and what is only read are in every run. What is left alone counts as
unchanged, as with the Pulumi CLI; what does not exist yet and is no target is not created.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import StepExecutor
from infra.engine.model.events import Op
from infra.engine.model.goals import Answer, Goal
from infra.engine.model.resources import PROVIDER_PREFIX, Loaded, Resource
from infra.engine.planning.decision import mentioned, step_for, wanted
from infra.engine.planning.ledger import Ledger, StateEntry
from infra.engine.planning.targets import Selection, is_implied, refusal, stranded


class Targeting:
    """The targets of one run of a program. Without targets it changes nothing."""

    def __init__(self, session: Session, ledger: Ledger, loaded: Loaded) -> None:
        self._session, self._ledger = session, ledger
        self._steps = StepExecutor(session, ledger)
        self._state: Sequence[Resource] = loaded.resources
        self.selection = Selection(session.options.targets)

    def left_alone(
        self, goal: Goal, urn: str, old: StateEntry | None, *, reads: bool
    ) -> Answer | None:
        """Return the answer to a registration that is not carried out, else ``None``.

        Raises ``UsageError`` for a target that needs what does not exist and is no target.
        """
        if self._session.options.destroys:
            return self._doomed(goal, urn, old, reads=reads)
        selection = self.selection
        if not selection.targets:
            return None
        needed = _needed(goal)
        if reads or is_implied(urn):
            if not selection.needs_skipped(needed):
                return None
        elif selection.takes(urn, needed):
            selection.refuse_skipped(urn, needed)
            return None
        return self._kept(goal, urn, old)

    def _kept(self, goal: Goal, urn: str, old: StateEntry | None) -> Answer:
        # Deleted already, and its replacement not yet made: there is nothing to refer to.
        if old is None or old.resource.pending_replacement:
            self.selection.skip(urn)
            self._session.report_step(step_for(Op.SAME, wanted(goal, urn, "", goal.inputs)))
            return Answer(urn, unknown=True)
        self.selection.keep(old.resource.urn)
        self.selection.keep(urn)
        if old.resource.urn != urn:
            self._session.recorder.rename(old.resource.urn, urn)
        entry = self._steps.record(old, replace(old.resource, urn=urn))
        self._session.report_step(step_for(Op.SAME, entry.resource))
        return _from_state(goal, urn, entry.resource)

    def _doomed(
        self, goal: Goal, urn: str, old: StateEntry | None, *, reads: bool
    ) -> Answer | None:
        """Return the answer where all is to be deleted: from state; nothing is made for that.

        Providers get what the program gives them now: credentials in state may have expired.
        """
        if old is None or old.resource.pending_replacement:
            return None if reads else Answer(urn, unknown=True)
        if goal.type.startswith(PROVIDER_PREFIX):
            return None
        return _from_state(goal, urn, old.resource)

    def leaves_outputs(self, urn: str) -> bool:
        """Say whether a component keeps the outputs that it has."""
        return self._session.options.destroys or self.selection.left(urn)

    def limit_pending(self) -> None:
        """Leave interrupted operations alone that are about no target."""
        limit_pending(self._session, self._ledger)

    def deletable(self, obsolete: Sequence[StateEntry]) -> list[StateEntry]:
        """Return what may be deleted; report what would be left without what it depends on.

        Raises ``UnknownNameError`` for a target that is no resource of program or state.
        """
        targets = self.selection.targets
        if not targets:
            return list(obsolete)
        targets.refuse_missing({*self._ledger.mentioned(), *(each.urn for each in self._state)})
        gone = self.selection.deleted([each.resource for each in obsolete], self._state)
        stays = [each.resource for each in self._ledger.current()]
        # Of a replaced resource only the old half is gone.
        lost = gone - self._ledger.news.keys()
        if report_stranded(self._session, lost, stays):
            return []
        return [each for each in obsolete if each.resource.urn in gone]


def _from_state(goal: Goal, urn: str, resource: Resource) -> Answer:
    return Answer(urn, resource.id, resource.outputs) if goal.custom else Answer(urn)


def covered(
    session: Session,
    ledger: Ledger,
    loaded: Loaded,
    limited: Callable[[Sequence[Resource]], set[str]],
) -> set[str]:
    """Return the URNs that an operation over state is about, and limit what was interrupted.

    ``limited`` returns those that the targets have.
    """
    targets = session.options.targets
    urns = {each.urn for each in loaded.resources}
    if not targets:
        return urns | ledger.pending.keys()
    targets.refuse_missing(urns | ledger.pending.keys())
    limit_pending(session, ledger)
    return limited(loaded.resources) | ledger.pending.keys()


def limit_pending(session: Session, ledger: Ledger) -> None:
    """Leave interrupted operations alone that are about no target."""
    targets = session.options.targets
    if targets:
        wanted_ = bool(targets.include)
        for urn in [urn for urn in ledger.pending if targets.names(urn) is not wanted_]:
            del ledger.pending[urn]


def report_stranded(session: Session, gone: set[str], entries: Sequence[Resource]) -> bool:
    """Report what would stay without what it depends on; say whether there is any."""
    found = stranded(gone, entries)
    for resource in found:
        session.report(refusal(resource), resource.urn)
    return bool(found)


def _needed(goal: Goal) -> set[str]:
    """Return the URNs that a goal depends on."""
    urns = {urn for name, some in mentioned(goal).items() if name != "aliases" for urn in some}
    providers = [goal.provider, *goal.providers.values()]
    return urns | {each.rpartition("::")[0] for each in providers if each}
