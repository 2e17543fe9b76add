"""The package's schema, for commands of the Pulumi CLI that write code: `pulumi import`.

Only what the table of ARM types knows: names of properties, not their types. Programs do not need
it; Pulumi's own package has the whole one.
"""

import json
from typing import Final

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import TYPES
from infra.contract.json_types import JsonObject

_ANY: Final = {"$ref": "pulumi.json#/Any"}


def package_schema(package: str, version: str) -> str:
    """Return the schema as JSON."""
    resources = {row.pulumi_type: _resource(row) for row in TYPES}
    return json.dumps({"name": package, "version": version, "resources": resources})


def _resource(row: ArmType) -> JsonObject:
    properties = dict.fromkeys(sorted(row.known), _ANY)
    required = sorted({path.partition(".")[0] for path in row.required} & row.known)
    return {
        "description": row.name,
        "properties": {**properties, "name": {"type": "string"}},
        "inputProperties": properties,
        "requiredInputs": required,
    }
