"""``ComputeTarget`` and its kinds, as in azureml-core: the computes of a workspace."""

from runtime.api.computes.base import ComputeTarget
from runtime.api.computes.kinds import (
    AdlaCompute,
    AmlCompute,
    BatchCompute,
    ComputeInstance,
    DatabricksCompute,
    HDInsightCompute,
    KubernetesCompute,
    RemoteCompute,
    SynapseCompute,
)
from runtime.api.computes.status import AmlComputeStatus, ComputeInstanceStatus, ScaleSettings

__all__ = [
    "AdlaCompute",
    "AmlCompute",
    "AmlComputeStatus",
    "BatchCompute",
    "ComputeInstance",
    "ComputeInstanceStatus",
    "ComputeTarget",
    "DatabricksCompute",
    "HDInsightCompute",
    "KubernetesCompute",
    "RemoteCompute",
    "ScaleSettings",
    "SynapseCompute",
]
