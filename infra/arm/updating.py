"""How a change in place is sent, and what the service did not take over of it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.arm import bodies
from infra.arm.diffing import changes, plain
from infra.catalogue.documents import value_at, with_value_at
from infra.catalogue.equality import same
from infra.catalogue.types.row import ArmType
from infra.catalogue.updates.rule import Change, UpdateRule, covers, rule_at
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import Ignored


@dataclass(frozen=True, slots=True)
class UpdateRequests:
    """The requests of one update: a full PUT first, if any, then those of a row's own."""

    put: bool
    partial: tuple[UpdateRule, ...] = ()


def requests_for(row: ArmType, changed: Iterable[str]) -> UpdateRequests:
    """Return the lightest requests that carry every changed path.

    What has an action is never left to a PUT. Where nothing changed (a repair) it is a PUT.
    """
    rules = list(dict.fromkeys(rule_at(row.updates, path) for path in changed))
    actions = tuple(rule for rule in rules if rule and rule.change is Change.ACTION)
    others = [rule for rule in rules if rule not in actions]
    match others:
        case [] if actions:
            return UpdateRequests(put=False, partial=actions)
        case [UpdateRule(change=Change.PARTIAL) as only]:
            return UpdateRequests(put=False, partial=(only, *actions))
    return UpdateRequests(put=True, partial=actions)


def ignored(
    row: ArmType,
    id: str,
    olds: Document,
    news: Document,
    document: Document,
) -> list[Ignored]:
    """Return what was to change from ``olds`` to ``news`` and did not, by the answer to a read.

    Nothing can be said of secrets, which are in no answer, nor of what is left to the service.
    """
    asked = list(changes(row, olds, news))
    now = bodies.inputs_of(row, id, document, news)
    found = [
        Ignored(path, wanted, actual)
        for path, _, actual, wanted in changes(row, now, news)
        if any(covers(path, each) or covers(each, path) for each, *_ in asked)
    ]
    told = {each.path for each in found}
    more = [*_still_there(row, document, asked, told), *_untold(row, document, asked, told)]
    return [*found, *more]


def _untold(
    row: ArmType, document: Document, asked: list[Any], told: set[str]
) -> Iterator[Ignored]:
    """Yield what the table knows to be ignored and the answer does not even name."""
    outputs = bodies.outputs_of(row, document)
    for path, _, _, new in asked:
        rule = rule_at(row.updates, plain(path))
        ignores = rule is not None and rule.change is Change.IGNORED
        if ignores and path not in told and value_at(outputs, path) is None:
            yield Ignored(path, new, None)


def not_as_asked(row: ArmType, id: str, inputs: Document, document: Document) -> list[Ignored]:
    """Return what of a new resource is fixed from now on and is not what was asked for.

    A cluster made again under its name has come back with its old VM size.
    """
    now = bodies.inputs_of(row, id, document, inputs)
    found = [Ignored(path, new, old) for path, _, old, new in changes(row, now, inputs)]
    rules = [rule_at(row.updates, plain(each.path)) for each in found]
    pairs = zip(found, rules, strict=True)
    return [each for each, rule in pairs if rule and rule.change is Change.REPLACE]


def _still_there(
    row: ArmType, document: Document, asked: list[Any], told: set[str]
) -> Iterator[Ignored]:
    """Yield what was taken out of the inputs and is in the answer as before."""
    outputs = bodies.outputs_of(row, document)
    for path, kind, old, _ in asked:
        actual = value_at(outputs, path)
        if kind != "delete" or path in told or actual is None:
            continue
        if same(plain(path), old, actual) and actual != row.defaults.get(plain(path)):
            yield Ignored(path, None, actual)


def as_sent(olds: Document, news: Document) -> Document:
    """Return the inputs a PUT sends for a change from ``olds`` to ``news``.

    A service keeps the identity that a PUT leaves out: one that is no longer wanted is sent away.
    """
    gone = "identity" in olds and "identity" not in news
    return {**news, "identity": {"type": "None"}} if gone else news


def kept_inputs(
    row: ArmType, olds: Document, news: Document, left: Iterable[Ignored]
) -> JsonObject:
    """Return ``news`` with the old values of what the table knows the service to ignore.

    So the next plan says it again. What it ignored beyond the table is told of once: it may only
    have been written otherwise in the answer.
    """
    rules = (rule_at(row.updates, plain(each.path)) for each in left)
    paths = {rule.path for rule in rules if rule and rule.change is Change.IGNORED}
    inputs = dict(news)
    for path in paths:
        inputs = with_value_at(inputs, path, value_at(olds, path))
    return inputs
