"""What a PUT or PATCH may not change, and what it asks for in vain: the table of updates, applied.

Pure but for the refusal. Documents are ARM's, with the secrets in their places.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import variant_of_body
from infra.catalogue.updates.rule import Change, UpdateRule, covers, rule_at
from infra.contract.json_types import JsonObject
from localcloud.calls.faults import RefusedError

_IN_VAIN: Final = frozenset({Change.IGNORED, Change.ACTION})
_IDENTITIES: Final = "identity.userAssignedIdentities"


def taken_over(row: ArmType) -> Callable[[JsonObject, JsonObject], frozenset[str]]:
    """Return the function that compares a resource before and after a request.

    It returns the body paths whose change is ignored, and refuses with 400 what only a new
    resource can have otherwise, all of it at once.
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
        return frozenset(rule.path for _, rule in changed if rule.change in _IN_VAIN)

    return compare


def _by_body_path(row: ArmType) -> Mapping[str, UpdateRule]:
    """Return the rows by where their inputs are in the body, with that as their path."""
    in_body = (rule for rule in row.updates.values() if rule.path.partition(".")[0] in row.inputs)
    paths = {row.body_path(rule.path): rule for rule in in_body}
    return {
        path: UpdateRule(path, rule.change, rule.source, rule.action, rule.only_if)
        for path, rule in paths.items()
    }


def _differences(
    row: ArmType, before: JsonObject, after: JsonObject
) -> Iterator[tuple[str, Any, Any]]:
    defaults = {row.body_path(path): value for path, value in row.defaults.items()}
    read_only = [row.body_path(path) for path in row.read_only]
    olds, news = dict(_leaves(before, "")), dict(_leaves(after, ""))
    for path in sorted({*olds, *news}):
        default = defaults.get(path)
        old, new = olds.get(path, default), news.get(path, default)
        if _plain(old) != _plain(new) and not any(covers(each, path) for each in read_only):
            yield path, old, new


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is no object; lists as a whole, identities by their ids alone."""
    if path == _IDENTITIES:
        yield path, sorted(str(key).lower() for key in value or ())
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _plain(value: Any) -> Any:
    """Return a value as far as the service tells values apart: without case, nothing is nothing."""
    if isinstance(value, str):
        return value.rstrip("/").lower() or None
    return value or None


def _refusal(row: ArmType, paths: list[str]) -> RefusedError:
    noun = row.name.rpartition("/")[2]
    return RefusedError(
        400,
        "PropertyChangeNotAllowed",
        f"Changing {', '.join(paths)} is not allowed: it cannot be changed once one of the "
        f"'{noun}' has been created. Delete it and create it again.",
        target=paths[0],
    )
