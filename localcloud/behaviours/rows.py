"""Kinds derived from the catalogue's table of ARM types."""

from collections.abc import Iterable
from typing import Final

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import arm_type, variant_of_body
from localcloud.behaviours.update_rules import ignored_changes
from localcloud.calls.kinds import Kind

_CHILDREN_WITH_LOCATION: Final = 2  # slashes of a type that lies in another one


def kind_of(type: str) -> Kind:
    """Return the kind of a type in the table; behaviours replace the fields that differ."""
    row = arm_type(type)
    paths = {path for variant in _all(row) for path in variant.read_only}
    secrets = {path for variant in _all(row) for path in variant.secret}
    return Kind(
        row.name,
        versions=(row.api_version,),
        name_problem=lambda name, body: variant_of_body(row, body).name_rule.problem(name),
        required=_bodies(row, (p for p in row.required if "." not in p)),
        required_inside=_bodies(row, (p for p in row.required if "." in p)),
        location=row.located and row.name.count("/") < _CHILDREN_WITH_LOCATION,
        read_only=(*_bodies(row, paths), *sorted(_outputs(row))),
        secrets=_bodies(row, secrets),
        polled=frozenset(row.polled - {"POST"}),
        system_data="systemData" in row.outputs,
        ignored_changes=ignored_changes(row),
    )


def _all(row: ArmType) -> list[ArmType]:
    return [row, *(row.variant(value) for value in row.variants)]


def _bodies(row: ArmType, paths: Iterable[str]) -> tuple[str, ...]:
    in_body = (path for path in paths if path.partition(".")[0] in row.inputs)
    return tuple(sorted(row.body_path(path) for path in in_body))


def _outputs(row: ArmType) -> set[str]:
    return {path for path in row.outputs.values() if path.startswith("properties.")}
