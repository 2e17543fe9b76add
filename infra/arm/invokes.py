"""The functions of the azure-native package that programs call: tokens and results. Pure.

Every type of the table can be read (``getWorkspace``, …); functions that list keys are named here.
Their results are secret; the caller marks them.
"""

from collections.abc import Mapping
from typing import Final

from infra.arm.bodies import outputs_of
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import TYPES, type_of_token
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import look_up

CLIENT_CONFIG: Final = "azure-native:authorization:getClientConfig"
_READS: Final[Mapping[str, tuple[str, str]]] = {
    "{}:get{}".format(*row.pulumi_type.rsplit(":", 1)): (row.pulumi_type, "") for row in TYPES
}
_ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    f"azure-native:{token}": (f"azure-native:{of}", action)
    for token, of, action in (
        ("batch:listBatchAccountKeys", "batch:BatchAccount", "listKeys"),
        (
            "containerregistry:listRegistryCredentials",
            "containerregistry:Registry",
            "listCredentials",
        ),
        ("machinelearningservices:listComputeKeys", "machinelearningservices:Compute", "listKeys"),
        (
            "machinelearningservices:listComputeNodes",
            "machinelearningservices:Compute",
            "listNodes",
        ),
        (
            "machinelearningservices:listDatastoreSecrets",
            "machinelearningservices:Datastore",
            "listSecrets",
        ),
        (
            "machinelearningservices:listWorkspaceKeys",
            "machinelearningservices:Workspace",
            "listKeys",
        ),
        ("operationalinsights:getSharedKeys", "operationalinsights:Workspace", "sharedKeys"),
        ("storage:listStorageAccountKeys", "storage:StorageAccount", "listKeys"),
    )
}


def function(token: str) -> tuple[ArmType, str]:
    """Return the type a function belongs to and its action, empty for a plain read."""
    of, action = look_up(token, {**_READS, **_ACTIONS, CLIENT_CONFIG: ("", "")}, noun="function")
    return type_of_token(of), action


def result_of(row: ArmType, document: Document, action: str) -> JsonObject:
    """Return the function's result: a read flattened, the answer of an action unchanged."""
    if action:
        return dict(document)
    return {**outputs_of(row, document), "id": document.get("id")}


def client_config(claims: Document, *, subscription: str, tenant: str) -> dict[str, str]:
    """Return who deploys, from the claims of the token."""
    return {
        "clientId": str(claims.get("appid") or claims.get("azp") or ""),
        "objectId": str(claims.get("oid") or ""),
        "subscriptionId": subscription,
        "tenantId": tenant or str(claims.get("tid") or ""),
    }
