"""What an operation of a stack's history changed, from the checkpoints around it. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from infra.arm.diffing import changes
from infra.catalogue.types.table import is_type, type_of_token
from infra.contract.json_types import Document
from infra.contract.stack_console import PlannedStep
from infra.deploy.console.destroying import destroys, detaches
from infra.deploy.stack.change_lines import Changed, change_lines
from infra.deploy.stack.step_documents import MARKS, short_type
from infra.engine.model.events import Op
from infra.engine.model.resources import PROVIDER_PREFIX, Loaded, Resource
from infra.engine.planning.decision import bare


def changed_by(before: Loaded, after: Loaded, *, own_program: bool) -> Sequence[PlannedStep]:
    """Return a line for each resource that differs between two states."""
    old, new = _resources(before), _resources(after)
    return [
        step
        for urn in dict.fromkeys((*new, *old))
        for step in _steps(old.get(urn), new.get(urn), own_program=own_program)
    ]


def _resources(loaded: Loaded) -> Mapping[str, Resource]:
    return {each.urn: each for each in loaded.resources if _is_listed(each)}


def _is_listed(resource: Resource) -> bool:
    """Return whether a resource is one of a cloud's: providers and components are not."""
    provider = resource.type.startswith(PROVIDER_PREFIX)
    return resource.custom and not (resource.delete or provider)


def _steps(
    old: Resource | None, new: Resource | None, *, own_program: bool
) -> Iterator[PlannedStep]:
    if old is None or new is None:
        known = old or new
        if known is not None:
            yield _step(known, Op.DELETE if new is None else Op.CREATE)
        return
    if old.id != new.id:
        yield _step(new, Op.REPLACE)
        return
    before, after = bare(old.inputs), bare(new.inputs)
    changed = [Changed(path) for path in _paths(new.type, before, after)]
    lines = tuple(change_lines(new.type, changed, before, after, own_program=own_program))
    if lines:
        yield _step(new, Op.UPDATE, lines)


def _paths(token: str, before: Document, after: Document) -> Sequence[str]:
    if is_type(token):
        return sorted({each.path for each in changes(type_of_token(token), before, after)})
    return sorted(key for key in {*before, *after} if before.get(key) != after.get(key))


def _step(resource: Resource, op: Op, lines: Sequence[str] = ()) -> PlannedStep:
    what = op, resource.type, bare(resource.inputs)
    return PlannedStep(
        resource.urn, MARKS[op][0], str(op), short_type(resource.type), resource.name, lines,
        destroys(*what), detaches(*what),
    )  # fmt: skip
