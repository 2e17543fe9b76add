"""Writes drift into the stack file, keeping its comments.

Pure but for the text it edits. What the file has no key for is reported, so that the next `aml up`
surprises nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.arm.diffing import plain
from infra.catalogue.documents import value_at, with_value_at
from infra.catalogue.names import qualified, same_arm_id
from infra.catalogue.updates.rule import covers
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.deploy.drift.comparison import COMPUTE, GONE, Drift, DriftedResource
from infra.deploy.stack.change_lines import has_key
from infra.deploy.stack.file_entries import (
    IMPLIED,
    NO_KEYS,
    WORKSPACE_KEYS,
    Row,
    described,
    kind_of,
    rows_of,
    rows_of_resource,
)
from infra.engine.planning.decision import bare
from infra.spec.editing import StackFile, parse_path
from infra.spec.problems import Location
from infra.spec.stack import StackSpec

_WORKSPACE: Final = "azure-native:machinelearningservices:Workspace"
_ONLY: Final = {
    "azure-native:storage:StorageAccount": "aml:storage_account",
    "azure-native:storage:BlobServiceProperties": "aml:storage_account",
    "azure-native:keyvault:Vault": "aml:key_vault",
    "azure-native:containerregistry:Registry": "aml:container_registry",
}
"""Types of which a stack file creates one, with its place there."""
_LISTED: Final = {
    "azure-native:machinelearningservices:Registry": ("registries", "registryName"),
    "azure-native:containerservice:ManagedCluster": ("kubernetes_clusters", "resourceName"),
    "azure-native:machinelearningservices:WorkspaceConnection": ("connections", "connectionName"),
    "azure-native:machinelearningservices:Datastore": ("datastores", "name"),
}
"""Types that a stack file lists, with the list and the property of their names."""
_OTHERWISE: Final = frozenset(
    {
        "name", "resource_group", "location", "tags", "workspace", "kind", "subnet",
        "firewall.subnets", "credentials", "credentials.type", "credentials.key",
        "credentials.token", "credentials.client_secret", "account_name",
        "storage_account_id.resource_group", "storage_account_id.subscription",
    }
)  # fmt: skip
"""Keys whose values are no copy of the service's: names of what a file declares, secrets."""
_DATASTORE: Final = "azure-native:machinelearningservices:Datastore"
_CONTAINER: Final = "azure-native:storage:BlobContainer"
_TAGS: Final = "tags"
_INNER_TAGS: Final = {_DATASTORE: "properties.tags"}
"""Types whose tags are not where Azure Resource Manager has them, with their place."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A new value at a path of the stack file; ``None`` removes it."""

    path: str
    value: object


@dataclass(frozen=True, slots=True)
class Left:
    """A difference of the resource ``name`` that the file cannot keep, and why."""

    name: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class AdoptedDrift:
    """``file`` has the ``edits`` but is not written yet; it cannot keep what is ``left``.

    ``removed`` are the URNs of resources that no longer exist and that it no longer declares.
    """

    file: StackFile
    edits: Sequence[Edit]
    left: Sequence[Left]
    removed: frozenset[str] = frozenset()


def adopt(
    drift: Drift, spec: StackSpec, file: StackFile, inherited: Mapping[Location, str]
) -> AdoptedDrift:
    """Edit ``file`` to declare what exists now.

    ``inherited`` maps places in what it declares to the files they are in. Raises ``UsageError``
    for drift of these.
    """
    edits, covered = [], {}
    for each in drift.resources:
        made, covered[each.deployed.urn] = _edits(each, spec, drift)
        edits += made
    # What belongs to an entry goes with it: an extension with its cluster.
    entries = {each.deployed.parent for each in drift.resources if GONE in _said_of(each, covered)}
    parts = [each for each in drift.resources if each.gone and each.deployed.parent in entries]
    for each in parts:
        edits += [edit for edit in _adoptions(each, spec) if edit not in edits]
        covered[each.deployed.urn] = {GONE}
    left = [
        Left(each.deployed.name, path, _why(each, path, spec, drift))
        for each in drift.resources
        for path in _paths(each)
        if path not in _said_of(each, covered)
    ]
    _refuse_inherited(edits, inherited)
    removed = [edit for edit in edits if edit.value is None]
    for edit in [each for each in edits if each.value is not None]:
        # Written leaf by leaf: without this, keys that the new value lacks would stay.
        if isinstance(edit.value, Mapping | list):
            remove(file, edit.path)
        write(file, edit.path, edit.value)
    # From the end, so that the other list indices stay valid.
    for edit in sorted(removed, key=lambda each: _order(each.path), reverse=True):
        remove(file, edit.path)
    gone = frozenset(each.deployed.urn for each in parts)
    return AdoptedDrift(file, edits, left, gone)


def _said_of(each: DriftedResource, covered: Mapping[str, set[str]]) -> set[str]:
    return covered[each.deployed.urn]


def _refuse_inherited(edits: Sequence[Edit], inherited: Mapping[Location, str]) -> None:
    """Refuse edits of what another file declares, or holds a part of."""
    found: dict[str, str] = {}
    for edit in edits:
        at = parse_path(edit.path)
        for place, where in inherited.items():
            common = min(len(at), len(place))
            if at[:common] == place[:common]:
                found.setdefault(edit.path, where)
    if found:
        named = ", ".join(f"{path} ({where})" for path, where in found.items())
        raise UsageError(
            f"What the stack file inherits cannot be adopted into it: {named}.",
            remedy="Change it there, or declare it in the stack file itself, then adopt again;"
            " `--revert` undoes the drift.",
        )


def write(file: StackFile, path: str, value: object) -> None:
    """Write a value of any shape, leaf by leaf."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            write(file, f"{path}{_step(key)}", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            write(file, f"{path}[{index}]", item)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        file.set(path, text, path=True, verbatim=isinstance(value, str))


def remove(file: StackFile, path: str) -> None:
    """Remove a value, if it exists."""
    try:
        file.remove(path, path=True)
    except UnknownNameError:
        return


def _paths(each: DriftedResource) -> list[str]:
    return [GONE] if each.gone else [one.path for one in each.properties]


def _why(each: DriftedResource, path: str, spec: StackSpec, drift: Drift) -> str:
    if path == GONE and _went_along(each, drift):
        return "nor does what it was in"
    if path == GONE and _has_container(each, spec, drift):
        return "its container exists"
    if path == GONE:
        return "others need it, or it has no entry of its own"
    if path.removeprefix(f"{_place_of_tags(each)}.") in spec.tags:
        return "aml:tags sets it on every resource"
    if has_key(each.deployed.type, bare(each.deployed.inputs), path):
        return "change its key in the stack file by hand"
    return "the stack file has no key for it"


def _edits(each: DriftedResource, spec: StackSpec, drift: Drift) -> tuple[list[Edit], set[str]]:
    """Return the edits for one resource, and the paths that they cover."""
    inputs = bare(each.deployed.inputs)
    if each.gone and _went_along(each, drift):
        return [], set()
    if each.deployed.type == _WORKSPACE:
        return _said(each, "aml:workspace", WORKSPACE_KEYS, spec.workspace.tags, spec)
    if each.deployed.type != COMPUTE:
        return _beside(each, spec, drift)
    places = {compute.name: index for index, compute in enumerate(spec.computes)}
    index = places.get(str(inputs.get("computeName")))
    kind = kind_of(inputs)
    if index is None or kind is None:
        return [], set()
    place = f"aml:computes[{index}]"
    if each.gone:
        return [Edit(place, None)], {GONE}
    return _said(each, place, rows_of(kind), spec.computes[index].tags, spec)


def _beside(each: DriftedResource, spec: StackSpec, drift: Drift) -> tuple[list[Edit], set[str]]:
    """Return the edits for what stands beside the workspace and its computes."""
    token, inputs = each.deployed.type, bare(each.deployed.inputs)
    rows = tuple(
        row for row in rows_of_resource(token, inputs) if row.key not in _OTHERWISE | NO_KEYS
    )
    if token in _ONLY and not each.gone:
        return _said(each, _ONLY[token], rows, None, spec)
    if token not in _LISTED:
        return [], set()
    key, named = _LISTED[token]
    entries = {one.name: index for index, one in enumerate(getattr(spec, key))}
    index = entries.get(str(inputs.get(named)))
    if index is None or _has_container(each, spec, drift):
        return [], set()
    if each.gone:
        return [Edit(f"aml:{key}[{index}]", None)], {GONE}
    tags = getattr(getattr(spec, key)[index], "tags", None)
    return _said(each, f"aml:{key}[{index}]", rows, tags, spec)


def _adoptions(each: DriftedResource, spec: StackSpec) -> list[Edit]:
    """Return the edits that no longer adopt what is gone."""
    token, name = each.deployed.type, each.deployed.name
    return [
        Edit(f"aml:adopt{_step(key)}", None)
        for key in (name, qualified(token, name))
        if same_arm_id(spec.adopt.get(key, ""), each.deployed.id)
    ]


def _went_along(each: DriftedResource, drift: Drift) -> bool:
    """Whether what a resource was in is gone as well: then all of it is to be made again."""
    id_ = each.deployed.id.lower()
    return any(id_.startswith(f"{one.deployed.id.lower()}/") for one in drift.resources if one.gone)


def _has_container(each: DriftedResource, spec: StackSpec, drift: Drift) -> bool:
    """Whether a datastore is gone but not the container that its entry made.

    Without the entry, the next `aml up` would delete the container and what is in it.
    """
    if each.deployed.type != _DATASTORE or not each.gone:
        return False
    name = bare(each.deployed.inputs).get("name")
    made = any(one.name == name and getattr(one, "create", False) for one in spec.datastores)
    return made and not any(
        one.gone and one.deployed.type == _CONTAINER
        for one in drift.resources
        if one.deployed.parent == each.deployed.parent
    )


def _place_of_tags(each: DriftedResource) -> str:
    return _INNER_TAGS.get(each.deployed.type, _TAGS)


def _said(
    each: DriftedResource,
    place: str,
    rows: tuple[Row, ...],
    own: Mapping[str, str] | None,
    spec: StackSpec,
) -> tuple[list[Edit], set[str]]:
    if each.fresh is None:
        return [], set()
    drifted = {one.path: plain(one.path) for one in each.properties}
    actual = _actual(each, bare(each.fresh.inputs))
    edits, said = [], set()
    now = described(rows, actual)
    for row in rows:
        paths = {path for path, at in drifted.items() if covers(row.place, at)}
        if paths:
            edits.append(Edit(f"{place}.{row.key}", now[row.key]))
            said |= paths
    kept = {row.key for row in rows for path in said if covers(row.place, plain(path))}
    said |= {path for path in drifted if kept & {*IMPLIED.get(path, ())}}
    place_of_tags = _place_of_tags(each)
    tags = {path for path, at in drifted.items() if covers(place_of_tags, at)}
    if tags and own is not None:
        actual = value_at(bare(each.fresh.outputs), place_of_tags) or {}
        edits += _tags(place, actual, own, spec.tags)
        # An entry cannot drop a tag of the whole stack.
        said |= tags - {f"{place_of_tags}.{name}" for name in spec.tags if name not in actual}
    return edits, said


def _tags(
    place: str, actual: Mapping[str, str], own: Mapping[str, str], shared: Mapping[str, str]
) -> list[Edit]:
    """Return the edits of an entry's own tags."""
    return [
        *(
            Edit(f"{place}.tags{_step(name)}", value)
            for name, value in actual.items()
            if {**shared, **own}.get(name) != value
        ),
        *(Edit(f"{place}.tags{_step(name)}", None) for name in own if name not in actual),
    ]


def _actual(each: DriftedResource, inputs: JsonObject) -> JsonObject:
    """Return the inputs as they are, with the undeclared drift among them."""
    for one in each.properties:
        at = plain(one.path)
        if not (one.declared or covers(_place_of_tags(each), at)):
            inputs = with_value_at(inputs, at, one.actual)
    return inputs


def _step(key: str) -> str:
    if key.replace("_", "").isalnum():
        return f".{key}"
    escaped = key.replace('"', '\\"')
    return f'["{escaped}"]'


def _order(path: str) -> list[tuple[int, str]]:
    parts = path.replace("]", "").split("[")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def lines(adoption: AdoptedDrift) -> Iterator[str]:
    """Yield a line for each edit."""
    for edit in adoption.edits:
        yield f"{edit.path}: {'removed' if edit.value is None else edit.value}"
