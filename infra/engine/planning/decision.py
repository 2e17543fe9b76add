"""Decides what happens to one resource: goal, old state and the provider's difference → a decision.

Pure: no provider is called, nothing is recorded, nothing is waited for.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import cast

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import UNKNOWN, Checked, Difference, DiffKind, Existing
from infra.engine.model.events import HIDDEN, Op, Records, Step
from infra.engine.model.goals import Goal
from infra.engine.model.paths import covers, differences, found, ignoring, masked, parse
from infra.engine.model.resources import Resource
from infra.engine.model.values import (
    has_secret,
    has_unknown,
    hashed_like,
    hidden,
    marked,
    marked_like,
    plain,
    same,
    secret,
)

INIT_ERROR = "#initerror"
"""Stands for the value of a property in ``hide_diffs``."""


class Verdict(Enum):
    """What an existing resource needs."""

    SAME = "same"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an existing resource needs, and why. ``diffs`` maps a path to Pulumi's kind."""

    verdict: Verdict
    diffs: Mapping[str, DiffKind] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    delete_first: bool = False
    reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forced:
    """Reasons other than changed inputs: each is a text, empty if it does not apply."""

    replace: str = ""
    update: str = ""


def inherited(goal: Goal, parent: Goal | None) -> Goal:
    """Return ``goal`` with unset options inherited from its parent, and dependencies by property.

    Without any property dependencies, every input is assumed to depend on every dependency.
    """
    by_property = goal.property_dependencies or dict.fromkeys(goal.inputs, goal.dependencies)
    goal = replace(goal, property_dependencies={k: tuple(v) for k, v in by_property.items()})
    if parent is None:
        return goal
    return replace(
        goal,
        # Options that guard a resource pass from parent to child (`Providers` has its own rule).
        protect=parent.protect if goal.protect is None else goal.protect,
        retain_on_delete=(
            parent.retain_on_delete if goal.retain_on_delete is None else goal.retain_on_delete
        ),
        deleted_with=goal.deleted_with or parent.deleted_with,
    )


def mentioned(goal: Goal) -> dict[str, Sequence[str]]:
    """Return the URNs each option of a goal names, by the option's name."""
    by_property = [urn for urns in goal.property_dependencies.values() for urn in urns]
    return {
        "parent": [goal.parent] if goal.parent else [],
        "depends_on": goal.dependencies,
        "property dependencies": by_property,
        "deleted_with": [goal.deleted_with] if goal.deleted_with else [],
        "replace_with": goal.replace_with,
        "aliases": [alias.urn for alias in goal.aliases if alias.urn],
    }


def wanted(goal: Goal, urn: str, provider: str, inputs: Document) -> Resource:
    """Return the record that the program wants: no id, no outputs yet."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=inputs,
        parent=goal.parent,
        protect=bool(goal.protect),
        dependencies=tuple(goal.dependencies),
        provider=provider,
        property_dependencies=goal.property_dependencies,
        additional_secret_outputs=tuple(goal.additional_secret_outputs),
        custom_timeouts=dict(goal.custom_timeouts),
        import_id=goal.import_id,
        retain_on_delete=bool(goal.retain_on_delete),
        deleted_with=goal.deleted_with,
        replace_with=tuple(goal.replace_with),
        source_position=goal.source_position,
        ignore_changes=tuple(goal.ignore_changes),
        hide_diffs=tuple(goal.hide_diffs),
        replace_on_changes=tuple(goal.replace_on_changes),
        replacement_trigger=goal.replacement_trigger,
        hooks=goal.hooks,
        extension=goal.extension,
    )


def carried(new: Resource, old: Resource) -> Resource:
    """Return the wanted record with the identity and outputs of the old one."""
    outputs = guarded(old.outputs, new)
    return replace(
        new,
        id=old.id,
        outputs=outputs,
        created=old.created,
        modified=old.modified,
        # Kept after `import_` was removed from the program: it would count as a new import later.
        import_id=new.import_id or old.import_id,
        # It stays unhealthy until an update of it succeeds.
        init_errors=old.init_errors,
        refresh_before_update=old.refresh_before_update,
        extra=old.extra,
    )


def checked_inputs(checked: Checked, news: Document) -> JsonObject:
    """Return checked inputs with the secret marks, and hashes of assets, that the program's had."""
    inputs = cast("JsonObject", hashed_like(dict(checked.inputs), dict(news)))
    return dict(marked_like(inputs, dict(news)))


def answered(resource: Resource, existing: Existing) -> Resource:
    """Return ``resource`` with the id, outputs and health the provider returned, secrets marked."""
    outputs = marked(dict(existing.outputs), existing.secrets)
    return replace(
        resource,
        # Empty in a preview, or from a provider that does not repeat it.
        id=existing.id or resource.id,
        outputs=guarded(outputs, resource),
        init_errors=tuple(existing.reasons),
        refresh_before_update=existing.refresh_first,
    )


def guarded(outputs: Document, resource: Resource) -> JsonObject:
    """Return outputs marked secret where an input is, and at ``additional_secret_outputs``."""
    result = dict(marked_like(dict(outputs), dict(resource.inputs)))
    for key in resource.additional_secret_outputs:
        # There is nothing to hide in a null.
        if key in result and result[key] is not None:
            result[key] = secret(result[key])
    return result


def with_ignored(resource: Resource, existing: Existing) -> tuple[Resource, list[str]]:
    """Return a resource after a step, and a line for each input the service ignored.

    Only if it ignored one are the resource's inputs replaced by those the provider returned.
    """
    if not existing.ignored:
        return resource, []
    lines = []
    for each in existing.ignored:
        secret_ = _is_secret(resource.inputs, each.path)
        wanted_, actual = ("[secret]" if secret_ else json.dumps(value, default=str)
                           for value in (each.wanted, each.actual))  # fmt: skip
        lines.append(
            f"{resource.name!r}: the service accepted {each.path} and ignored it:"
            f" wanted {wanted_}, it is {actual}."
        )
    inputs = marked_like(dict(existing.inputs), dict(resource.inputs))
    return replace(resource, inputs=dict(inputs)), lines


def with_unreturned(
    inputs: Document, wanted_: Document, paths: Iterable[str], never_returned: Sequence[str] = ()
) -> JsonObject:
    """Return inputs that were read, with the wanted secrets at ``paths``: reads return none.

    Nor do they return what is at or below ``never_returned``, secret or not.
    """

    def absent(path: str) -> bool:
        return found(inputs, parse(path)) in ([], [None])

    def below(path: str, above: str) -> bool:
        steps = parse(above)
        return parse(path)[: len(steps)] == steps

    unreturned = []
    for path in paths:
        above = next((each for each in never_returned if below(path, each)), None)
        if above is not None and absent(above):
            unreturned.append(above)
        elif absent(path) and (above is not None or _is_secret(wanted_, path)):
            unreturned.append(path)
    return ignoring(wanted_, inputs, dict.fromkeys(unreturned))[0]


def _is_secret(inputs: Document, path: str) -> bool:
    """Say whether the value at ``path`` is secret, or may have been if it is gone."""
    seen = found(hidden(dict(inputs)), parse(path))
    return "[secret]" in seen or (not seen and has_secret(inputs.get(_top(path))))


def decide(
    old: Resource,
    new: Resource,
    difference: Difference,
    forced: Forced,
    *,
    delete_before_replace: bool | None,
) -> Decision:
    """Decide about a resource that exists. ``new`` holds the checked inputs.

    Order of reasons: forced from outside, the replacement trigger, the provider's own difference,
    ``replace_on_changes`` on top of it, init errors of an earlier attempt.
    """
    # A provider that cannot decide leaves it to a comparison of inputs, as Pulumi's engine does.
    own = differences(old.inputs, new.inputs)
    changed = bool(own) if difference.changed is None else difference.changed
    diffs = (dict(difference.detailed) or own) if changed else {}
    replaces = _replaced_keys(old, new, difference, diffs) if changed else ()
    # The first of several reasons is the one that is shown.
    reason = forced.replace or _triggered(old, new) or _unhealthy(old, new)
    if reason or replaces:
        # The program's option wins over the provider's wish, in both directions.
        delete_first = (
            difference.delete_before_replace
            if delete_before_replace is None
            else delete_before_replace
        )
        said = reason or f"{', '.join(replaces)} cannot be changed in place"
        return Decision(Verdict.REPLACE, diffs, replaces, delete_first, said)
    # An unhealthy resource is updated even without a change: that is how it is repaired.
    repair = forced.update or ("it did not become ready" if old.init_errors else "")
    if changed or repair:
        # A provider may have remarks on paths that `ignore_changes` took out of the difference.
        notes = {path: note for path, note in difference.notes.items() if path in diffs}
        return Decision(Verdict.UPDATE, diffs, reason="" if changed else repair, notes=notes)
    return Decision(Verdict.SAME)


def _replaced_keys(
    old: Resource, new: Resource, difference: Difference, diffs: Mapping[str, DiffKind]
) -> tuple[str, ...]:
    named = [path for path, kind in difference.detailed.items() if kind.endswith("-replace")]
    # A provider often names both a path and its top-level key: the path is more precise.
    tops = [key for key in difference.replaces if not any(_top(p) == key for p in named)]
    # `#initerror` is no path: `_unhealthy` looks at it.
    listed = [
        path
        for path in diffs
        for on in new.replace_on_changes
        if on == "*" or (on != INIT_ERROR and _touches(on, path, old, new))
    ]
    return tuple(dict.fromkeys([*named, *tops, *listed]))


def _top(path: str) -> str:
    return str(parse(path)[0])


def _touches(listed: str, changed: str, old: Resource, new: Resource) -> bool:
    """Say whether a change at ``changed`` changes ``listed``: at it, below it, or above it."""
    on, at = parse(listed), parse(changed)
    if covers(on, at):
        return True
    # The provider reported something that contains `listed`: did that part of it change?
    return covers(at, on) and not same(found(old.inputs, on), found(new.inputs, on))


def _triggered(old: Resource, new: Resource) -> str:
    # Adding or removing the option is no change of its value.
    if old.replacement_trigger is None or new.replacement_trigger is None:
        return ""
    if same(old.replacement_trigger, new.replacement_trigger):
        return ""
    return "its replacement trigger changed"


def _unhealthy(old: Resource, new: Resource) -> str:
    if old.init_errors and {"*", INIT_ERROR} & set(new.replace_on_changes):
        return "it did not become ready"
    return ""


def refuse_unknown_trigger(new: Resource) -> None:
    """Refuse a replacement trigger that is unknown even in an update."""
    # In a preview an unknown trigger counts as changed; an update has to know.
    if has_unknown(new.replacement_trigger):
        raise UsageError(
            f"The replacement trigger of {new.name!r} is not known.",
            remedy="Use values that are known, or outputs of resources that did not fail.",
            at=new.urn,
        )


def refuse_protected(old: Resource) -> None:
    """Refuse to replace a protected resource; unprotecting it in the same run is enough."""
    raise UsageError(
        f"{old.name!r} is protected and would have to be replaced.",
        remedy=f"Remove `protect` from it, or run `aml unprotect '{old.urn}'`.",
        at=old.urn,
    )


def step_for(
    op: Op, new: Resource, old: Resource | None = None, decision: Decision | None = None
) -> Step:
    """Return the step for events, with secrets hidden."""
    decision = decision or Decision(Verdict.SAME)
    return Step(
        op,
        new.urn,
        new.type,
        # A resource that is about to be replaced has no new id yet: show the old one.
        id=_shown_id(new.id) or (old.id if old else ""),
        diffs=dict(decision.diffs),
        replaces=decision.replaces,
        old=displayed(old, new.hide_diffs) if old else None,
        new=displayed(new, new.hide_diffs),
        parent=new.parent,
        protect=new.protect,
        reason=decision.reason,
        notes=decision.notes,
        after=(new.parent, *new.dependencies),
        records=Records(old, new),
    )


def displayed(resource: Resource, hide_diffs: Iterable[str]) -> JsonObject:
    """Return inputs as they may be shown: without secrets, and without what the program hides."""
    return masked(hidden(dict(resource.inputs)), hide_diffs, HIDDEN)


def _shown_id(id_: str) -> str:
    return "" if id_ == UNKNOWN else id_


def deletion_step(op: Op, old: Resource, reason: str) -> Step:
    """Return the step of a resource that is deleted or dropped from state."""
    return Step(
        op,
        old.urn,
        old.type,
        id=old.id,
        old=displayed(old, old.hide_diffs),
        parent=old.parent,
        protect=old.protect,
        after=(old.parent, *old.dependencies),
        reason=reason,
        records=Records(old),
    )


def bare(inputs: Document) -> JsonObject:
    """Return inputs in plain form, as a provider receives them."""
    return dict(plain(dict(inputs)))
