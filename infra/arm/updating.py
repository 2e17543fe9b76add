"""How an in-place update is sent, and which of its changes the service ignored. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infra.arm import bodies
from infra.arm.diffing import PropertyChange, changes, plain
from infra.catalogue.documents import value_at, with_value_at
from infra.catalogue.equality import same
from infra.catalogue.types.row import ArmType
from infra.catalogue.updates.rule import Change, UpdateRule, covers, rule_at
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import Ignored


@dataclass(frozen=True, slots=True)
class UpdateRequests:
    """The requests of one update: a full PUT, if any, then one for each rule in ``partial``."""

    put: bool
    partial: tuple[UpdateRule, ...] = ()


def requests_for(row: ArmType, changed: Iterable[str]) -> UpdateRequests:
    """Return the lightest requests that carry every changed path.

    A PUT never carries a property that has an action of its own. A repair, in which nothing
    changed, is a PUT.
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
    """Return the requested changes that a read after the update does not show.

    Secrets are in no answer and properties left to the service have no expected value, so
    neither is reported.
    """
    requested = list(changes(row, olds, news))
    now = bodies.inputs_of(row, id, document, news)
    found = [
        Ignored(path, wanted, actual)
        for path, _, actual, wanted in changes(row, now, news)
        if any(covers(path, each) or covers(each, path) for each, *_ in requested)
    ]
    reported = {each.path for each in found}
    more = [
        *_still_there(row, document, requested, reported),
        *_unreported(row, document, requested, reported),
    ]
    return [*found, *more]


def _unreported(
    row: ArmType, document: Document, requested: Iterable[PropertyChange], reported: set[str]
) -> Iterator[Ignored]:
    """Yield changes the table lists as ignored and the answer does not mention."""
    outputs = bodies.outputs_of(row, document)
    for path, _, _, new in requested:
        rule = rule_at(row.updates, plain(path))
        ignores = rule is not None and rule.change is Change.IGNORED
        if ignores and path not in reported and value_at(outputs, path) is None:
            yield Ignored(path, new, None)


def not_as_requested(row: ArmType, id: str, inputs: Document, document: Document) -> list[Ignored]:
    """Return the fixed properties of a new resource that differ from the request.

    Azure has returned a recreated cluster with the VM size of the deleted one.
    """
    now = bodies.inputs_of(row, id, document, inputs)
    found = [Ignored(path, new, old) for path, _, old, new in changes(row, now, inputs)]
    rules = [rule_at(row.updates, plain(each.path)) for each in found]
    pairs = zip(found, rules, strict=True)
    return [each for each, rule in pairs if rule and rule.change is Change.REPLACE]


def _still_there(
    row: ArmType, document: Document, requested: Iterable[PropertyChange], reported: set[str]
) -> Iterator[Ignored]:
    """Yield values removed from the inputs that the answer still has."""
    outputs = bodies.outputs_of(row, document)
    for path, kind, old, _ in requested:
        actual = value_at(outputs, path)
        # The answer to an update of a secret may echo the old one; only a removal is visible.
        if kind == "delete" and path not in reported and same(plain(path), old, actual):
            yield Ignored(path, None, actual)


def as_sent(row: ArmType, olds: Document, news: Document) -> Document:
    """Return the inputs a PUT sends for a change from ``olds`` to ``news``.

    Services keep an identity that a PUT leaves out, so removing one is explicit.
    """
    gone = "identity" in olds and "identity" not in news and "identity" not in row.as_found
    return {**news, "identity": {"type": "None"}} if gone else news


def kept_inputs(
    row: ArmType, olds: Document, news: Document, left: Iterable[Ignored]
) -> JsonObject:
    """Return ``news`` with the old values of properties the table lists as ignored.

    The next plan then reports them again. Anything else the service ignored is reported once: the
    answer may only spell the value differently.
    """
    rules = (rule_at(row.updates, plain(each.path)) for each in left)
    paths = {rule.path for rule in rules if rule and rule.change is Change.IGNORED}
    inputs = dict(news)
    for path in paths:
        inputs = with_value_at(inputs, path, value_at(olds, path))
    return inputs
