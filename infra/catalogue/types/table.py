"""The table of ARM types: look one up by Pulumi token, by ARM type or by resource id.

The provider, the local cloud, the golden tests and the docs page read this table. A new type is a
new row in a module beside this one.
"""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.types import (
    external,
    machine_learning,
    platforms,
    prerequisites,
    private_networks,
)
from infra.catalogue.types.row import ArmType
from infra.contract.errors import UnknownNameError
from infra.contract.json_types import Document
from infra.contract.load import nearest

TYPES: Final[tuple[ArmType, ...]] = (
    *prerequisites.ROWS,
    *machine_learning.ROWS,
    *external.ROWS,
    *private_networks.ROWS,
    *platforms.ROWS,
)
_BY_NAME: Final = {row.name.lower(): row for row in TYPES}
_BY_TOKEN: Final = {row.pulumi_type: row for row in TYPES}


def arm_type(name: str) -> ArmType:
    """Return the row of an ARM type; type names are compared without case, as in ARM."""
    return _look_up(name.lower(), name, _BY_NAME, noun="ARM type")


def type_of_token(token: str) -> ArmType:
    """Return the row of a Pulumi type token (``azure-native:storage:StorageAccount``)."""
    return _look_up(token, token, _BY_TOKEN, noun="resource type")


def is_type(token: str) -> bool:
    """Say whether the table has a Pulumi type token."""
    return token in _BY_TOKEN


def variant_of_body(row: ArmType, body: Document) -> ArmType:
    """Return the row for an ARM document: a compute's rules depend on its kind."""
    return (
        row.variant(value_at(body, row.body_path(row.discriminator))) if row.discriminator else row
    )


def variant_of_inputs(row: ArmType, inputs: Document) -> ArmType:
    """Return the row for a set of Pulumi inputs."""
    return row.variant(value_at(inputs, row.discriminator)) if row.discriminator else row


def _look_up(key: str, name: str, table: Mapping[str, ArmType], *, noun: str) -> ArmType:
    if key in table:
        return table[key]
    raise UnknownNameError(
        f"The {noun} {name!r} is not in the table of ARM types.",
        remedy=nearest(name, table, noun=noun) + " Other types deploy with `--engine pulumi`.",
    )
