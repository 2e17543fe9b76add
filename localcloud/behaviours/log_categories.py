"""Which logs and metrics a resource can send elsewhere, which clients ask before they choose.

From Microsoft's list of supported resource logs of Azure Monitor.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import JsonObject
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, not_found
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_TYPE: Final = "microsoft.insights/diagnosticSettingsCategories"
_RESOURCE: Final = "/subscriptions/{subscription}/{resource:path}"
_PATH: Final = f"{_RESOURCE}/providers/Microsoft.Insights/diagnosticSettingsCategories"
_METRICS: Final = "AllMetrics"
_STORAGE: Final = "Microsoft.Storage/storageAccounts"

_LOGS: Final[Mapping[str, str]] = {
    "Microsoft.Batch/batchAccounts": "ServiceLog ServiceLogs AuditLog",
    "Microsoft.ContainerRegistry/registries": (
        "ContainerRegistryRepositoryEvents ContainerRegistryLoginEvents"
    ),
    "Microsoft.ContainerService/managedClusters": """
        kube-apiserver kube-audit kube-audit-admin kube-controller-manager kube-scheduler
        cluster-autoscaler cloud-controller-manager guard csi-azuredisk-controller
        csi-azurefile-controller csi-snapshot-controller
    """,
    "Microsoft.Databricks/workspaces": """
        dbfs clusters accounts jobs notebook ssh workspace secrets sqlPermissions instancePools
    """,
    "Microsoft.Insights/components": """
        AppAvailabilityResults AppBrowserTimings AppEvents AppMetrics AppDependencies AppExceptions
        AppPageViews AppPerformanceCounters AppRequests AppSystemEvents AppTraces
    """,
    "Microsoft.KeyVault/vaults": "AuditEvent AzurePolicyEvaluationDetails",
    "Microsoft.MachineLearningServices/registries": """
        RegistryAssetReadEvent RegistryAssetWriteEvent
    """,
    "Microsoft.MachineLearningServices/workspaces": """
        AmlComputeClusterEvent AmlComputeClusterNodeEvent AmlComputeJobEvent
        AmlComputeCpuGpuUtilization AmlRunStatusChangedEvent ModelsChangeEvent ModelsReadEvent
        ModelsActionEvent DeploymentReadEvent DeploymentEventACI DeploymentEventAKS
        InferencingOperationAKS InferencingOperationACI EnvironmentChangeEvent
        EnvironmentReadEvent DataLabelChangeEvent DataLabelReadEvent ComputeInstanceEvent
        DataStoreChangeEvent DataStoreReadEvent DataSetChangeEvent DataSetReadEvent
        PipelineChangeEvent PipelineReadEvent RunEvent RunReadEvent
    """,
    "Microsoft.Network/networkInterfaces": "",
    "Microsoft.Network/networkSecurityGroups": (
        "NetworkSecurityGroupEvent NetworkSecurityGroupRuleCounter"
    ),
    "Microsoft.Network/publicIPAddresses": """
        DDoSProtectionNotifications DDoSMitigationFlowLogs DDoSMitigationReports
    """,
    "Microsoft.Network/virtualNetworks": "VMProtectionAlerts",
    "Microsoft.OperationalInsights/workspaces": "Audit SummaryLogs",
    _STORAGE: "",
    f"{_STORAGE}/blobServices": "StorageRead StorageWrite StorageDelete",
    f"{_STORAGE}/fileServices": "StorageRead StorageWrite StorageDelete",
}
_OTHER_METRICS: Final[Mapping[str, str]] = {
    "Microsoft.Network/networkSecurityGroups": "",
    _STORAGE: "Capacity Transaction",
    f"{_STORAGE}/blobServices": "Capacity Transaction",
    f"{_STORAGE}/fileServices": "Capacity Transaction",
}
_AUDIT: Final = frozenset(
    {"Audit", "AuditEvent", "AuditLog", "kube-audit", "kube-audit-admin", "guard"}
    | {"ContainerRegistryRepositoryEvents", "ContainerRegistryLoginEvents"}
    | {"StorageRead", "StorageWrite", "StorageDelete"}
)


def _categories(call: Call) -> Iterator[JsonObject]:
    owner = _owner(call)
    logs = _LOGS[owner.type].split()
    metrics = _OTHER_METRICS.get(owner.type, _METRICS).split()
    for name in (*metrics, *logs):
        found: JsonObject = {"categoryType": "Logs" if name in logs else "Metrics"}
        if name in logs:
            found["categoryGroups"] = ["audit", "allLogs"] if name in _AUDIT else ["allLogs"]
        id_ = f"{owner.id}/providers/{_TYPE}/{name}"
        yield {"id": id_, "name": name, "type": _TYPE, "properties": found}


def _owner(call: Call) -> StoredResource:
    part = call.params
    id_ = parse_arm_id(f"/subscriptions/{part['subscription']}/{part['resource']}")
    owner = existing(call, id_)
    if owner.type not in _LOGS:
        says = f"The resource type '{owner.type.lower()}' does not support diagnostic settings."
        raise RefusedError(400, "ResourceTypeNotSupported", says)
    return owner


def _list(call: Call) -> Reply:
    return page(_categories(call))


def _get(call: Call) -> Reply:
    name = call.params["category"]
    for each in _categories(call):
        if each["name"].lower() == name.lower():
            return answer(each)
    raise not_found(_TYPE, name, None)


ROUTES: Final = (
    Route("GET", _PATH, _list),
    Route("GET", f"{_PATH}/{{category}}", _get),
)
