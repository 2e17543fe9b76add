"""What all assets of a workspace have, and what MLflow's registry keeps with a model.

A model of MLflow's registry is a model of the workspace, so that both kinds of clients see it.
"""

from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call
from localcloud.calls.system_data import system_data
from localcloud.store.resources import StoredResource

ASSET_DEFAULTS: Final[Document] = {
    "description": None,
    "tags": {},
    "properties": {},
    "isArchived": False,
    "isAnonymous": False,
}
REGISTRY: Final = "mlflow"
"""The key of the registry's part of a stored document: aliases, source, run. Never shown."""


def without_registry(document: Document) -> JsonObject:
    """Return a stored document as Azure ML's clients see it."""
    return {key: value for key, value in document.items() if key != REGISTRY}


def stored_asset(
    call: Call, parent: StoredResource, path: str, kind: str, properties: Document
) -> StoredResource:
    """Store an asset, or a version of one, that a client sent past ARM; return it."""
    resource = StoredResource(
        id=f"{parent.id}/{path}",
        type=kind,
        parent=parent.id,
        document={
            "properties": {**ASSET_DEFAULTS, **properties},
            "systemData": system_data(call),
        },
        created=call.now,
        modified=call.now,
        scope=parent.scope,
    )
    call.cloud.store.resources.put(resource)
    return resource
