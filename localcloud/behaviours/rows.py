"""Kinds made from the table of ARM types, and the types that need nothing but their row."""

from typing import Any, Final

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import arm_type, variant_of_body
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.update_rules import taken_over
from localcloud.calls.kinds import Kind

_CHILDREN_WITH_LOCATION: Final = 2  # slashes of a type that lies in another one


def kind_of(type: str, **differs: Any) -> Kind:
    """Return the kind of a type in the table; ``differs`` are fields of ``Kind``."""
    row = arm_type(type)
    paths = {path for variant in _all(row) for path in variant.read_only}
    secrets = {path for variant in _all(row) for path in variant.secret}
    facts: JsonObject = {
        "type": row.name,
        "versions": (row.api_version,),
        "name_problem": lambda name, body: variant_of_body(row, body).name_rule.problem(name),
        "required": _bodies(row, (p for p in row.required if "." not in p)),
        "required_inside": _bodies(row, (p for p in row.required if "." in p)),
        "location": row.located and row.name.count("/") < _CHILDREN_WITH_LOCATION,
        "read_only": (*_bodies(row, paths), *sorted(_outputs(row))),
        "secrets": _bodies(row, secrets),
        "polled": frozenset(row.polled - {"POST"}),
        "system_data": "systemData" in row.outputs,
        "ignored_changes": taken_over(row),
    }
    return Kind(**{**facts, **differs})


def defaults_of(row: ArmType) -> Document:
    """Return what the service fills in, by body path; values left to the service are not in it."""
    return {
        row.body_path(path): value
        for path, value in row.defaults.items()
        if path not in row.open_ended
    }


def _all(row: ArmType) -> list[ArmType]:
    return [row, *(row.variant(value) for value in row.variants)]


def _bodies(row: ArmType, paths: Any) -> tuple[str, ...]:
    in_body = (path for path in paths if path.partition(".")[0] in row.inputs)
    return tuple(sorted(row.body_path(path) for path in in_body))


def _outputs(row: ArmType) -> set[str]:
    return {path for path in row.outputs.values() if path.startswith("properties.")}
