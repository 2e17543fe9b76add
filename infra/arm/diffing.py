"""What changed between old and new inputs, and which changes force a replacement. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from infra.arm.bodies import by_name
from infra.catalogue.equality import IDENTITIES, identities, same
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import variant_of_inputs
from infra.catalogue.updates.rule import Change, covers, rule_at
from infra.contract.json_types import Document
from infra.contract.provider import UNKNOWN, Difference, DiffKind

# Marks inputs with a generated name: their replacement can exist beside the old resource.
CREATE_FIRST: Final = "__createBeforeDelete"


class PropertyChange(NamedTuple):
    """One path that differs; ``old`` or ``new`` is ``None`` where it is absent."""

    path: str
    kind: Literal["add", "delete", "update"]
    old: object
    new: object


def difference(row: ArmType, olds: Document, news: Document) -> Difference:
    """Compare two sets of checked inputs property by property."""
    row = variant_of_inputs(row, news)
    detailed: dict[str, DiffKind] = {}
    for path, kind, old, new in changes(row, olds, news):
        detailed[path] = _as_replace(kind) if _replaces(row, path, old, new) else kind
    replaced = sorted(
        {re.split(r"[.\[]", path)[0] for path, kind in detailed.items() if kind.endswith("replace")}
    )
    return Difference(
        changed=bool(detailed),
        replaces=replaced,
        detailed=detailed,
        delete_before_replace=bool(replaced)
        and (row.delete_before_replace or not news.get(CREATE_FIRST)),
        # A replacement applies the ignored changes as well.
        notes={} if replaced else _notes(row, detailed, news),
    )


def _notes(row: ArmType, paths: Document, news: Document) -> dict[str, str]:
    """Return a note for each path whose change Azure ignores, with the option that applies it."""
    note = f"ignored by Azure; `--replace {news.get(row.name_input)}` replaces it"
    ignored = {path: note for path in paths if _change_at(row, plain(path)) is Change.IGNORED}
    left = [p for p, kind in paths.items() if kind == "delete" and plain(p) in row.shared]
    return ignored | dict.fromkeys(left, "stays on Azure until it is deleted by itself")


def _change_at(row: ArmType, path: str) -> Change:
    rule = rule_at(row.updates, path)
    return rule.change if rule else Change.IN_PLACE


def changed_paths(row: ArmType, olds: Document, news: Document) -> list[str]:
    """Return the paths that differ, without list indices."""
    return [plain(path) for path, _, _, _ in changes(variant_of_inputs(row, news), olds, news)]


def changes(row: ArmType, olds: Document, news: Document) -> Iterator[PropertyChange]:
    """Yield every path that differs, as deep as both sides are known."""
    for name in sorted(row.known):
        yield from _compare(row, name, olds.get(name), news.get(name))


def plain(path: str) -> str:
    """Return a path without list indices, as the type table writes it."""
    return re.sub(r"\[\d+\]", "", path)


def _compare(row: ArmType, path: str, old: object, new: object) -> Iterator[PropertyChange]:
    if new is None and plain(path) in row.as_found:
        return
    # An absent input means its default, which the SDK may send and the service returns.
    default = row.defaults.get(plain(path))
    given_old, given_new = old, new
    old, new = default if old is None else old, default if new is None else new
    if UNKNOWN in (old, new):
        # A preview must show what may turn out to differ.
        yield PropertyChange(path, "add" if given_old is None else "update", old, new)
    elif plain(path).endswith(IDENTITIES):
        if identities(old) != identities(new):
            yield PropertyChange(path, "update", old, new)
    elif isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
        old, new = old or {}, new or {}  # absent is the same as empty
        for key in sorted({*old, *new}):
            yield from _compare(row, f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list | None) and isinstance(new, list | None):
        yield from _compare_lists(row, path, old or [], new or [])
    elif not (_left_to_service(row, path, new) or _same_leaf(row, path, old, new)):
        yield PropertyChange(path, _kind(given_old, given_new), old, new)


def _compare_lists(
    row: ArmType, path: str, old: Sequence[object], new: Sequence[object]
) -> Iterator[PropertyChange]:
    if path in row.shared and by_name(old).keys() & by_name(new).keys():
        yield from _compare_shared(row, path, by_name(old), by_name(new))
        return
    for index in range(max(len(old), len(new))):
        here = f"{path}[{index}]"
        if index < min(len(old), len(new)):
            yield from _compare(row, here, old[index], new[index])
        elif index < len(new):
            yield PropertyChange(here, "add", None, new[index])
        else:
            yield PropertyChange(here, "delete", old[index], None)


def _compare_shared(
    row: ArmType, path: str, old: Document, new: Document
) -> Iterator[PropertyChange]:
    """Compare the items of a list by name, at their place in the new list or else the old one."""
    added = {name: f"{path}[{at}]" for at, name in enumerate(new)}
    removed = {f"{path}[{at}]": each for at, (name, each) in enumerate(old.items())
               if name not in new}  # fmt: skip
    for name, here in added.items():
        if name in old:
            yield from _compare(row, here, old[name], new[name])
        else:
            before = removed.pop(here, None)
            yield PropertyChange(here, _kind(before, new[name]), before, new[name])
    for here, item in removed.items():
        yield PropertyChange(here, "delete", item, None)


def _same_leaf(row: ArmType, path: str, old: object, new: object) -> bool:
    """Compare two leaves; names in an id are compared without case."""
    if not old and not new and {type(old), type(new)} <= {str, type(None)}:
        return True  # no text is the same as none
    if path in row.parameters:
        return str(old).strip("/").lower() == str(new).strip("/").lower()
    return same(plain(path), old, new)


def _left_to_service(row: ArmType, path: str, new: object) -> bool:
    return bool(row.open_ended.get(plain(path), UNKNOWN) == new)


def _kind(old: object, new: object) -> Literal["add", "delete", "update"]:
    if old is None:
        return "add"
    return "delete" if new is None else "update"


def _as_replace(kind: Literal["add", "delete", "update"]) -> DiffKind:
    kinds: dict[str, DiffKind] = {
        "add": "add-replace",
        "delete": "delete-replace",
        "update": "update-replace",
    }
    return kinds[kind]


def _replaces(row: ArmType, indexed: str, old: object, new: object) -> bool:
    path = plain(indexed)
    if path in row.parameters:
        return True
    if path in row.shared and indexed.endswith("]") and UNKNOWN not in (old, new):
        return False  # a named item comes beside the others, or stays
    rule = rule_at(row.updates, path)
    if rule and rule.only_if and UNKNOWN not in (old, new):
        return rule.only_if(old, new)
    if rule and rule.change is Change.REPLACE:
        return True
    # A whole object was added or removed, or is unknown: an immutable property in it may differ.
    below = (rule for at, rule in row.updates.items() if covers(path, at))
    return any(rule.change is Change.REPLACE for rule in below)
