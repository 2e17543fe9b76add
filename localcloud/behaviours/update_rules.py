"""The catalogue's update rules applied to a PUT or PATCH: refused changes, and ignored ones.

Pure, except that it raises the refusal. Documents are ARM bodies with their secrets in place.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import variant_of_body
from infra.catalogue.updates.rule import Change, UpdateRule, covers, rule_at
from infra.contract.json_types import JsonObject
from localcloud.calls.refusals import RefusedError

# The service accepts a PUT that changes such a property and keeps the old value.
_IGNORED: Final = frozenset({Change.IGNORED, Change.ACTION})
_IDENTITIES: Final = "identity.userAssignedIdentities"


def ignored_changes(row: ArmType) -> Callable[[JsonObject, JsonObject], frozenset[str]]:
    """Return a function of a resource's document before and after a request.

    It returns the body paths whose change is ignored. Changes that need a new resource are refused
    with 400, all of them at once.
    """

    def compare(before: JsonObject, after: JsonObject) -> frozenset[str]:
        kind = variant_of_body(row, before)
        rules = _by_body_path(kind)
        changed = [
            (path, rule)
            for path, old, new in _differences(kind, before, after)
            if (rule := rule_at(rules, path)) is not None
            and not (rule.only_if and not rule.only_if(old, new))
        ]
        fixed = [path for path, rule in changed if rule.change is Change.REPLACE]
        if fixed:
            raise _refusal(row, fixed)
        return frozenset(rule.path for _, rule in changed if rule.change in _IGNORED)

    return compare


def _by_body_path(row: ArmType) -> Mapping[str, UpdateRule]:
    """Return the rules with body paths in place of input paths."""
    in_body = (rule for rule in row.updates.values() if rule.path.partition(".")[0] in row.inputs)
    paths = {row.body_path(rule.path): rule for rule in in_body}
    return {
        path: UpdateRule(path, rule.change, rule.source, rule.action, rule.only_if)
        for path, rule in paths.items()
    }


def _differences(
    row: ArmType, before: JsonObject, after: JsonObject
) -> Iterator[tuple[str, object, object]]:
    defaults = {row.body_path(path): value for path, value in row.defaults.items()}
    read_only = [row.body_path(path) for path in row.read_only]
    olds, news = dict(_leaves(before, "")), dict(_leaves(after, ""))
    for path in sorted({*olds, *news}):
        default = defaults.get(path)
        old, new = olds.get(path, default), news.get(path, default)
        if _plain(old) != _plain(new) and not any(covers(each, path) for each in read_only):
            yield path, old, new


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every value that is not an object; lists as a whole, identities by their ids only."""
    if path == _IDENTITIES:
        ids = value if isinstance(value, dict | list) else ()
        yield path, sorted(str(key).lower() for key in ids)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _plain(value: object) -> object:
    """Return a value as the service compares it.

    Case and a trailing slash do not count; empty and false are the same as null. A GET fills in
    what a PUT left out with empty strings, objects and lists, and clients put the whole answer
    back: none of that is a change.
    """
    if isinstance(value, str):
        return value.rstrip("/").lower() or None
    return value or None


def _refusal(row: ArmType, paths: list[str]) -> RefusedError:
    noun = row.name.rpartition("/")[2]
    return RefusedError(
        400,
        "PropertyChangeNotAllowed",
        f"{', '.join(paths)} cannot be changed after a resource of type '{noun}' has been created. "
        "Delete it and create it again.",
        target=paths[0],
    )
