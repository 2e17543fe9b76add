"""Refresh: read every resource in state and record it as it is now.

Nothing is created, changed or deleted. Reads run at the same time; what they found is recorded
afterwards, in state's order, so that an interrupted refresh has changed nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from infra.contract.errors import PlatformError
from infra.contract.provider import Existing
from infra.engine.deployment.providers import Providers, has_provider_type
from infra.engine.deployment.recovery import Recovery
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Session
from infra.engine.deployment.steps import now
from infra.engine.deployment.targeting import covered
from infra.engine.model.events import Op, Step, Summary
from infra.engine.model.paths import differences
from infra.engine.model.resources import Loaded, Resource, urn_name
from infra.engine.model.values import marked_like
from infra.engine.planning.decision import answered, bare, deletion_step, step_for
from infra.engine.planning.ledger import Ledger, StateEntry


def refresh(run: Run) -> Summary:
    """Bring state up to date with the cloud. A preview reads as well, and records nothing.

    Steps are reported as ``refresh`` and counted as what they found: ``same``, ``update`` (inputs
    or health drifted) or ``delete`` (gone). Interrupted creates that are found are adopted; others
    are kept, or forgotten with the option ``clear_pending``. Targets limit all of this; one that is
    not in state raises ``UnknownNameError``. With ``required_only``, what was interrupted is left
    to the operation that follows.
    """
    session, ledger = run.session(), Ledger(run.loaded)
    providers = Providers(run, session, ledger)
    about = _about(session, ledger, run.loaded)
    entries = [StateEntry(key, resource) for key, resource in enumerate(run.loaded.resources)]
    with ThreadPoolExecutor(max(run.options.parallel, 1), "refresh") as pool:

        def read_one(entry: StateEntry) -> Resource | None:
            resource = entry.resource
            return _read(resource, session, providers) if resource.urn in about else resource

        fresh = list(pool.map(read_one, entries))
    read = list(zip(run.loaded.resources, fresh, strict=True))
    if session.halted():
        return session.summary()
    _record(entries, without_gone(read), ledger, session)
    if not run.options.required_only:
        found = Recovery(session, ledger, providers).adopt_rest(run.options.import_pending)
        if run.options.clear_pending:
            done = {entry.resource.urn for entry in found}
            _clear_pending(run.loaded, about - done, session)
    return session.summary()


def requires_refresh(resource: Resource) -> bool:
    """Say whether a resource has to be refreshed before each update, as its provider asked."""
    return resource.refresh_before_update and not resource.delete


def _about(session: Session, ledger: Ledger, loaded: Loaded) -> set[str]:
    if not session.options.required_only:
        return covered(session, ledger, loaded, session.options.targets.read)
    # What is no target is not updated either. That a target exists, the update itself checks.
    targets = session.options.targets
    about = {each.urn for each in loaded.resources if requires_refresh(each)}
    return about & targets.read(loaded.resources) if targets else about


def _clear_pending(loaded: Loaded, undecided: Collection[str], session: Session) -> None:
    """Forget the operations of these URNs, and say which."""
    for position, operation in enumerate(loaded.pending):
        urn = operation.resource.urn
        if urn in undecided:
            text = f"Forgot that {urn_name(urn)!r} was {operation.kind}."
            session.message("info", text, urn, once=True)
            session.recorder.settle([position])


def _read(resource: Resource, session: Session, providers: Providers) -> Resource | None:
    """Return the up-to-date record, ``None`` if the resource is gone."""
    if resource.urn in session.options.forget:
        return None
    # Nothing in the cloud to read: it exists in state only, or was deleted already.
    if not resource.custom or has_provider_type(resource.type) or resource.pending_replacement:
        return resource
    if session.halted():
        return resource
    try:
        provider = providers.instance(resource.provider, resource)
        with session.slot:
            existing = provider.read(resource.type, resource.id, bare(resource.inputs))
        fresh = drifted(resource, existing)
        session.report_step(_step(resource, fresh), counts_as=counted_as(resource, fresh))
        if fresh is not None and fresh.init_errors != resource.init_errors and fresh.init_errors:
            text = f"{resource.name!r} is not ready: {' '.join(fresh.init_errors)}"
            session.message("warning", text, resource.urn)
    except PlatformError as error:
        session.report(error, resource.urn)
        return resource
    return fresh


def drifted(resource: Resource, existing: Existing | None) -> Resource | None:
    """Return a record with the inputs and outputs, id and health that were read. Pure."""
    if existing is None:
        return None
    # A provider that returns no inputs does not know them: the old ones stay.
    inputs = dict(existing.inputs) or dict(resource.inputs)
    inputs = marked_like(inputs, dict(resource.inputs))
    # `__defaults` and the like are the provider's notes to itself: no service returns them.
    kept = {key: value for key, value in resource.inputs.items() if key.startswith("__")}
    fresh = answered(replace(resource, inputs={**inputs, **kept}), existing)
    return fresh if fresh == resource else replace(fresh, modified=now())


def counted_as(old: Resource, fresh: Resource | None) -> Op:
    """Return the operation that a refreshed resource counts as. Pure."""
    if fresh is None:
        return Op.DELETE
    # Outputs change on their own (times, node counts): state records them, but it is no drift.
    was, now_ = ((each.id, each.inputs, each.init_errors) for each in (old, fresh))
    return Op.SAME if was == now_ else Op.UPDATE


def _step(old: Resource, fresh: Resource | None) -> Step:
    if fresh is None:
        return deletion_step(Op.REFRESH, old, "it is gone")
    step = step_for(Op.REFRESH, fresh, old)
    return replace(step, diffs=differences(old.inputs, fresh.inputs))


def without_gone(
    read: Sequence[tuple[Resource, Resource | None]],
) -> list[Resource | None]:
    """Return the records without any reference to a resource that is gone. Pure.

    Children of such a resource move to its nearest ancestor that is left.
    """
    gone = {old.urn: old.parent for old, fresh in read if fresh is None}
    # During a replacement two entries share a URN: references stay while one of them exists.
    gone = {
        urn: parent
        for urn, parent in gone.items()
        if all(fresh is None for old, fresh in read if old.urn == urn)
    }
    return [fresh and _cut(fresh, gone) for _, fresh in read]


def _cut(resource: Resource, gone: Mapping[str, str]) -> Resource:
    parent = resource.parent
    while parent in gone:
        parent = gone[parent]
    by_property = {
        key: tuple(urn for urn in urns if urn not in gone)
        for key, urns in resource.property_dependencies.items()
    }
    return replace(
        resource,
        parent=parent,
        dependencies=tuple(urn for urn in resource.dependencies if urn not in gone),
        property_dependencies=by_property,
        deleted_with="" if resource.deleted_with in gone else resource.deleted_with,
        replace_with=tuple(urn for urn in resource.replace_with if urn not in gone),
    )


def _record(
    entries: Sequence[StateEntry],
    fresh: Sequence[Resource | None],
    ledger: Ledger,
    session: Session,
) -> None:
    for entry, resource in zip(entries, fresh, strict=True):
        urn = entry.resource.urn
        if resource is None:
            session.recorder.forget([entry.key])
            if not entry.resource.delete:
                del ledger.olds[urn]
        else:
            kept = StateEntry(session.recorder.same(entry.key, resource), resource)
            if not resource.delete:
                ledger.olds[urn] = kept
