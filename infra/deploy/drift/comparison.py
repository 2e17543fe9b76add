"""How a stack's resources differ from what was deployed, property by property. Pure.

It makes two comparisons: the inputs in state with what exists, and the service's answer at the last
deployment with its answer now. So a default that the service filled in is no drift, and a change of
a property that the stack does not set is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.arm import bodies
from infra.arm.diffing import changes, plain
from infra.catalogue.documents import value_at, with_value_at
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import type_of_token, variant_of_inputs
from infra.catalogue.updates.rule import covers
from infra.contract.json_types import Document
from infra.deploy.stack.change_lines import (
    HIDDEN,
    Changed,
    change_lines,
    differences,
    has_key,
    label_of,
)
from infra.engine.model.events import HIDDEN as NOT_SHOWN
from infra.engine.model.paths import masked
from infra.engine.model.resources import Loaded, Resource
from infra.engine.model.values import hidden
from infra.engine.planning.decision import bare
from infra.engine.state.secrets import MASK

COMPUTE: Final = "azure-native:machinelearningservices:Compute"
_ENDPOINT: Final = "azure-native:network:PrivateEndpoint"
_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_STATUS: Final = "privateLinkServiceConnectionState.status"
_CUT: Final = frozenset({"Rejected", "Disconnected"})
"""Where a connection of a private endpoint ends for good: only a new endpoint asks again."""
_STATE: Final = "properties.properties.state"
_AT_WORK: Final = frozenset({"Running", "JobRunning"})
# Elsewhere ARM ignores case.
_FREE_TEXT: Final = frozenset({"tags", "description", "friendlyName"})
_FOUND: Final = "(to be read)"
GONE: Final = "it no longer exists"
_NO_KEY: Final = "no stack file key"


@dataclass(frozen=True, slots=True)
class DriftedProperty:
    """A value as it was deployed, and as it is. ``declared``: the program sets it."""

    path: str
    deployed: object
    actual: object
    declared: bool = True


@dataclass(frozen=True, slots=True)
class DriftedResource:
    """One resource that differs. ``fresh`` is what exists now, ``None`` if it no longer does."""

    deployed: Resource
    fresh: Resource | None
    properties: Sequence[DriftedProperty] = ()

    @property
    def gone(self) -> bool:
        return self.fresh is None


@dataclass(frozen=True, slots=True)
class Drift:
    """``notes`` are no drift but worth knowing: a stopped instance, an unhealthy resource."""

    resources: Sequence[DriftedResource] = ()
    notes: Sequence[tuple[Resource, str]] = ()


def drift_of(pairs: Sequence[tuple[Resource, Resource | None]]) -> Drift:
    """Compare what state has with what was read, resource by resource."""
    drifted = []
    for deployed, fresh in pairs:
        properties = tuple(_properties(deployed, fresh)) if fresh else ()
        if fresh is None or properties:
            drifted.append(DriftedResource(deployed, fresh, properties))
    notes = [
        (fresh, text)
        for was, fresh in pairs
        if fresh
        for text in (*_notes(fresh), *_cut(was, fresh))
    ]
    return Drift(drifted, notes)


def drift_lines(each: DriftedResource, *, own_program: bool = False) -> Iterator[str]:
    """Yield a line for each difference, in the notation of plans."""
    if each.fresh is None:
        yield GONE
        return
    deployed, fresh = each.deployed, each.fresh
    secret = [one for one in each.properties if HIDDEN in (one.deployed, one.actual)]
    for one in secret:
        yield from differences(label(each, one.path, own_program=own_program), HIDDEN, HIDDEN)
    said: set[str] = set()
    for declared, old, new in (
        (True, deployed.inputs, fresh.inputs),
        (False, deployed.outputs, fresh.outputs),
    ):
        # What the program does not set is in the service's answers alone.
        changed = [
            Changed(one.path, _remarks(each, one.path, own_program=own_program))
            for one in each.properties
            if one.declared is declared and one not in secret
        ]
        before, after = (
            masked(_shown_document(values), deployed.hide_diffs, NOT_SHOWN) for values in (old, new)
        )
        lines = change_lines(deployed.type, changed, before, after, own_program=own_program)
        # Of one key, the program may set a part alone: both times it is compared as a whole.
        for line in lines:
            if line not in said:
                said.add(line)
                yield line


def _remarks(each: DriftedResource, path: str, *, own_program: bool) -> tuple[str, ...]:
    """Mark what `--adopt` cannot keep; a program of one's own has no keys at all."""
    keyed = own_program or has_key(each.deployed.type, bare(each.deployed.inputs), path)
    return () if keyed else (_NO_KEY,)


def label(each: DriftedResource, path: str, *, own_program: bool = False) -> str:
    """Return what a drifted property is called: its key in the stack file, if it has one."""
    return path if own_program else label_of(each.deployed.type, bare(each.deployed.inputs), path)


def _shown_document(values: Document) -> Document:
    shown: Document = hidden(dict(values))
    return shown


def widened(loaded: Loaded, drift: Drift) -> Loaded:
    """Return state whose inputs include the undeclared drift, so that a refresh records it."""
    wanted = {
        each.deployed.urn: [plain(one.path) for one in each.properties if not one.declared]
        for each in drift.resources
    }
    return replace(
        loaded,
        resources=[_with_inputs(each, wanted.get(each.urn, ())) for each in loaded.resources],
    )


def _with_inputs(resource: Resource, paths: Sequence[str]) -> Resource:
    inputs: Document = resource.inputs
    for path in paths:
        inputs = with_value_at(inputs, path, {} if path == "tags" else _FOUND)
    return replace(resource, inputs=inputs) if paths else resource


def _properties(deployed: Resource, fresh: Resource) -> Iterator[DriftedProperty]:
    row = variant_of_inputs(type_of_token(deployed.type), bare(deployed.inputs))
    reported = set()
    for path, was, now in _compared(row, deployed, bare(deployed.inputs), bare(fresh.inputs)):
        reported.add(path)
        yield _shown(row, path, was, now)
    for path, was, now in _connections(deployed, fresh):
        if now in _CUT and was != now:
            reported.add(path)
            yield DriftedProperty(path, was, now, declared=False)
    before, after = (
        _own(row, bare(deployed.inputs), bodies.settable(row, bare(each.outputs)))
        for each in (deployed, fresh)
    )
    for path, was, now in _compared(row, deployed, before, after):
        # Left as found: `aml up` neither compares nor changes it.
        if any(covers(found, plain(path)) for found in row.as_found):
            continue
        if not any(covers(path, one) or covers(one, path) for one in reported):
            yield replace(_shown(row, path, was, now), declared=False)


def _connections(deployed: Resource, fresh: Resource) -> Iterator[tuple[str, object, object]]:
    """Yield the status of each connection of a private endpoint: its path, as it was, as it is."""
    for key in _CONNECTIONS if deployed.type == _ENDPOINT else ():
        was = bodies.by_name(bare(deployed.outputs).get(key) or ())
        for at, (name, each) in enumerate(bodies.by_name(fresh.outputs.get(key) or ()).items()):
            yield (
                f"{key}[{at}].{_STATUS}",
                value_at(was.get(name), _STATUS),
                value_at(each, _STATUS),
            )


def _own(row: ArmType, inputs: Document, outputs: Document) -> Document:
    """Return outputs without the items of shared lists that the inputs do not name."""
    for path in row.shared:
        ours, items = bodies.by_name(value_at(inputs, path) or ()), value_at(outputs, path)
        kept = [item for name, item in bodies.by_name(items or ()).items() if name in ours]
        outputs = with_value_at(outputs, path, kept) if ours and items else outputs
    return outputs


def _compared(
    row: ArmType, resource: Resource, olds: Document, news: Document
) -> Iterator[tuple[str, object, object]]:
    for path, _, was, now in changes(row, olds, news):
        at = plain(path)
        if any(covers(ignored, at) for ignored in resource.ignore_changes):
            continue
        if _is_masked(was):
            continue  # read without the passphrase, so there is nothing to compare
        if not (_only_case(at, was, now) or any(covers(one, at) for one in row.read_only)):
            yield path, was, now


def _is_masked(value: object) -> bool:
    if isinstance(value, dict | list):
        return any(map(_is_masked, value.values() if isinstance(value, dict) else value))
    return value == MASK


def _only_case(path: str, was: object, now: object) -> bool:
    if not (isinstance(was, str) and isinstance(now, str)):
        return False
    return not _FREE_TEXT & set(path.split(".")) and was.lower() == now.lower()


def _shown(row: ArmType, path: str, was: object, now: object) -> DriftedProperty:
    if any(covers(secret, plain(path)) for secret in row.secret):
        return DriftedProperty(path, "[secret]", "[secret]")
    return DriftedProperty(path, hidden(was), hidden(now))


def _notes(fresh: Resource) -> Iterator[str]:
    state = value_at(fresh.outputs, _STATE) if fresh.type == COMPUTE else None
    if isinstance(state, str) and state not in _AT_WORK:
        yield f"the compute is {state.lower()}."
    yield from fresh.init_errors


def _cut(deployed: Resource, fresh: Resource) -> Iterator[str]:
    """Yield what was known of cut connections already, and is no drift any more."""
    for _, was, now in _connections(deployed, fresh):
        if now in _CUT and was == now:
            name = deployed.name
            yield f"its connection is {str(now).lower()}; `aml up --replace {name}` makes another."
