"""Recovers from an interrupted run: operations that began and whose outcome was never recorded.

An interrupted create, ours or the Pulumi CLI's, is looked up at its predicted id and adopted.
An interrupted update is repeated; so is an interrupted delete, unless the program declares the
resource again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from infra.contract.errors import PlatformError
from infra.contract.json_types import Document
from infra.contract.provider import Existing, Locates
from infra.engine.deployment.providers import Providers, has_provider_type
from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import StepExecutor
from infra.engine.model.events import Op
from infra.engine.model.resources import PendingOperation, Resource
from infra.engine.planning.decision import answered, bare, step_for
from infra.engine.planning.ledger import Ledger, StateEntry


@dataclass(frozen=True, slots=True)
class Resumed:
    """What recovery found for one resource.

    ``old`` is the entry to continue from; ``names`` the checked inputs of a create that did not
    happen, whose auto-name is used again; ``update`` why an update is due even without a change.
    """

    old: StateEntry | None
    names: Document | None = None
    update: str = ""


class Recovery:
    """Finds out how interrupted operations ended."""

    def __init__(self, session: Session, ledger: Ledger, providers: Providers) -> None:
        self._session, self._ledger, self._providers = session, ledger, providers
        self._steps = StepExecutor(session, ledger)

    def resume(self, urn: str, old: StateEntry | None) -> Resumed:
        """Return what a registration of ``urn`` continues from."""
        resumed = Resumed(old)
        # The interrupted run may have known the resource under its former URN.
        for key in {urn, self._ledger.was.get(urn, urn)}:
            for position, operation in self._ledger.pending.pop(key, []):
                resumed = self._resume(position, operation, resumed)
        return resumed

    def _resume(self, position: int, operation: PendingOperation, resumed: Resumed) -> Resumed:
        match operation.kind:
            case "creating":
                return self._created(position, operation, resumed)
            case "updating" if resumed.old:
                return replace(resumed, update="an earlier update of it was interrupted")
            case "deleting" if resumed.old:
                return replace(resumed, old=self._perhaps_deleted(resumed.old))
        self._session.recorder.settle([position])
        return resumed

    def _perhaps_deleted(self, old: StateEntry) -> StateEntry:
        resource = old.resource
        # Still there: the delete never arrived, and the program wants the resource after all.
        if resource.pending_replacement or self._read(resource, resource.id) is not None:
            return old
        return replace(old, resource=replace(resource, pending_replacement=True))

    def _created(self, position: int, operation: PendingOperation, resumed: Resumed) -> Resumed:
        resource = operation.resource
        adopted = self._located(position, operation, resumed.old)
        if adopted is None:
            return replace(resumed, names=resource.inputs)
        adopted = replace(adopted, urn=self._ledger.renames.get(resource.urn, resource.urn))
        return Resumed(self._adopt(position, adopted, resumed.old))

    def _adopt(self, position: int, resource: Resource, old: StateEntry | None) -> StateEntry:
        # An old entry means that the create was half of a replacement.
        gone = old if old and old.resource.pending_replacement else None
        kept = old if old and not gone else None
        with self._session.step(step_for(Op.ADOPT, resource)):
            entry = self._steps.adopt(resource, "importing", removes=gone, deletes=kept)
            self._session.recorder.settle([position])
        if kept:
            self._ledger.replacing(resource.urn)
        return entry

    def _located(
        self, position: int, operation: PendingOperation, old: StateEntry | None
    ) -> Resource | None:
        """Return what an interrupted create made, if it exists and is ours; warn if unclear."""
        resource = operation.resource
        # Components and providers exist in state only: nothing can be left in the cloud.
        if not resource.custom or has_provider_type(resource.type):
            self._session.recorder.settle([position])
            return None
        provider = self._providers.instance(resource.provider, resource)
        id_ = None
        if isinstance(provider, Locates):
            id_ = provider.locate(resource.type, bare(resource.inputs))
        if id_ is None:
            self._warn(resource, "its provider cannot find out whether it was created")
            return None
        existing = self._read(resource, id_)
        # A replacement with the id of what it replaces: what is found is the old one.
        if existing is None or _is_known(old, id_):
            self._session.recorder.settle([position])
            return None
        # The Pulumi CLI's plugins look as well before they create, but leave no record of it.
        if not operation.absent_checked:
            text = f"The interrupted create of {resource.name!r} had made {id_}, which is adopted."
            self._session.message("info", text, resource.urn, once=True)
        return answered(replace(resource, id=id_), existing)

    def _read(self, resource: Resource, id_: str) -> Existing | None:
        provider = self._providers.instance(resource.provider, resource)
        with self._session.slot:
            return provider.read(resource.type, id_, bare(resource.inputs))

    def _warn(self, resource: Resource, why: str) -> None:
        self._session.message(
            "warning",
            f"An earlier run was interrupted while creating {resource.name!r}: {why}. "
            "Look for it in the cloud: `aml refresh --import-pending URN ID` adopts it,"
            " `aml refresh --clear-pending` forgets it.",
            resource.urn,
        )

    def adopt_rest(self, ids: Mapping[str, str]) -> list[StateEntry]:
        """Adopt every interrupted create that is found (for a refresh).

        ``ids`` says where some are, by URN; that there is nothing at such an id is reported.
        """
        entries = []
        for old, position, operation in self._rest():
            urn = operation.resource.urn
            if urn in ids and _is_known(old, ids[urn]):
                self._session.recorder.settle([position])  # it was created again meanwhile
                continue
            if urn in ids:
                found = self._at(operation, ids[urn])
            else:
                found = self._located_if_possible(position, operation, old)
            if found is not None:
                entries.append(self._adopt(position, found, old))
        return entries

    def _at(self, operation: PendingOperation, id_: str) -> Resource | None:
        resource = replace(operation.resource, id=id_)
        try:
            provider = self._providers.instance(resource.provider, resource)
            return answered(resource, self._steps.read(provider, resource, id_))
        except PlatformError as error:
            self._session.report(error, resource.urn)
            return None

    def orphans(self) -> list[StateEntry]:
        """Return what interrupted runs were creating or deleting and the program does not declare.

        It is in no entry of state, so these entries carry the operation instead of a key.
        """
        entries = []
        for old, position, operation in self._rest():
            resource: Resource | None = operation.resource
            if operation.kind == "creating":
                resource = self._located_if_possible(position, operation, old)
            if resource is not None and resource.id:
                # Key -1: it is in no entry of state, so the operation is settled instead.
                entries.append(StateEntry(-1, resource, pending=position))
        return entries

    def _located_if_possible(
        self, position: int, operation: PendingOperation, old: StateEntry | None
    ) -> Resource | None:
        """As ``_located``; if the cloud does not answer, report that and keep the operation."""
        try:
            return self._located(position, operation, old)
        except PlatformError as error:
            self._session.report(error, operation.resource.urn)
            return None

    def _rest(self) -> list[tuple[StateEntry | None, int, PendingOperation]]:
        """Return the unresumed operations that state does not cover; settle the others."""
        rest = []
        for urn, operations in self._ledger.pending.items():
            old = self._ledger.olds.get(urn)
            for position, operation in operations:
                # The delete of an orphan was interrupted: only this operation knows of it.
                lost = operation.kind == "deleting" and not self._in_state(operation.resource)
                if operation.kind == "creating" or lost:
                    rest.append((old, position, operation))
                elif not old:
                    self._session.recorder.settle([position])
        self._ledger.pending.clear()
        return rest

    def _in_state(self, resource: Resource) -> bool:
        entries = [*self._ledger.olds.values(), *self._ledger.leftovers]
        return any(
            (entry.resource.urn, entry.resource.id) == (resource.urn, resource.id)
            for entry in entries
        )


def _is_known(old: StateEntry | None, id_: str) -> bool:
    """Say whether state has what is at an id."""
    if old is None or old.resource.pending_replacement:
        return False
    return old.resource.id.casefold() == id_.casefold()
