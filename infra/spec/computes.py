"""All kinds of computes, discriminated by ``kind``. A new kind is a model and a row here."""

from typing import Annotated, Final

from pydantic import Field

from infra.spec.attachments import (
    BatchSpec,
    DatabricksSpec,
    DataLakeAnalyticsSpec,
    HDInsightSpec,
    KubernetesSpec,
    SynapseSparkSpec,
    VirtualMachineSpec,
)
from infra.spec.base import SpecModel
from infra.spec.clusters import AdminSpec, AmlComputeSpec
from infra.spec.instances import ComputeInstanceSpec

__all__ = ["ATTACHMENTS", "KINDS", "AdminSpec", "AmlComputeSpec", "ComputeSpec"]

ATTACHMENTS: Final[dict[str, type[SpecModel]]] = {
    "virtual_machine": VirtualMachineSpec,
    "hdinsight": HDInsightSpec,
    "batch": BatchSpec,
    "databricks": DatabricksSpec,
    "data_lake_analytics": DataLakeAnalyticsSpec,
    "kubernetes": KubernetesSpec,
    "synapse_spark": SynapseSparkSpec,
}
KINDS: Final[dict[str, type[SpecModel]]] = {
    "aml_compute": AmlComputeSpec,
    "compute_instance": ComputeInstanceSpec,
    **ATTACHMENTS,
}

ComputeSpec = Annotated[
    AmlComputeSpec
    | ComputeInstanceSpec
    | VirtualMachineSpec
    | HDInsightSpec
    | BatchSpec
    | DatabricksSpec
    | DataLakeAnalyticsSpec
    | KubernetesSpec
    | SynapseSparkSpec,
    Field(discriminator="kind"),
]
